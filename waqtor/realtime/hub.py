"""The hub: one tail of the journal, every event written once, handed to everybody who wants it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog

from waqtor.contracts.wire import Close, ErrorDetail, iso
from waqtor.errors import Unavailable
from waqtor.kernel.access import Principal
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import Clock, SystemClock
from waqtor.kernel.ports import Journal
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime import frames
from waqtor.realtime.batches import Window
from waqtor.realtime.connection import Connection
from waqtor.realtime.conversation import Conversation
from waqtor.realtime.fanout import FanOut
from waqtor.realtime.handshake import Handshake, within
from waqtor.realtime.limits import AddressLimits, ClientLimits
from waqtor.realtime.outgoing import BATCH_BYTES
from waqtor.realtime.ports import Sessions, Socket, SocketKeys
from waqtor.realtime.stats import Stats
from waqtor.realtime.subscriptions import Subscriptions
from waqtor.realtime.traffic import Note
from waqtor.settings import Settings

SWEEP_S: Final = 1.0
KEY_CHECK_S: Final = 30.0
DRAIN_S: Final = 2.0
_PAGE = 500
_BROKEN_RULES = {1002: "malformed", 1007: "malformed", Close.TOO_BIG: "oversized"}
_POLL_S = 5.0
_log = structlog.get_logger(__name__)


class Hub:
    """Connections, live events, recovery.

    Args:
        journal: What is tailed and recovered from.
        telemetry: Where counts go for Prometheus.
        settings: Limits.
        keys: Who may connect.
        bus: Carries the ephemeral events.
        sessions: Tells the session states sent after the welcome.
        clock: Time.
        server: Name and version in the welcome.
        note: Keeps a note of what goes over the sockets, by type.

    Attributes:
        handshake: Admits clients before the upgrade.
    """

    def __init__(
        self,
        journal: Journal,
        telemetry: Telemetry,
        settings: Settings,
        *,
        keys: SocketKeys,
        bus: Bus | None = None,
        sessions: Sessions = tuple,
        clock: Clock | None = None,
        server: str = "waqtor",
        note: Note | None = None,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._keys = keys
        self._bus = bus
        self._clock = clock or SystemClock()
        self._stats = Stats(telemetry, self._clock, note)
        self.handshake = Handshake(keys, settings, self._clock, self._stats)
        self._connections: dict[str, Connection] = {}
        self._position = 0
        self._burst = min(BATCH_BYTES, settings.ws_buffer_bytes // 8)
        self._window = Window()
        self._subscriptions = Subscriptions(
            journal,
            lambda: self._position,
            self._clock,
            limit=settings.ws_recovery_limit,
            most=settings.ws_buffer_bytes // 2,
            refused=lambda: self._stats.refused("names"),
        )
        self._conversation = Conversation(
            journal, settings, self._stats, self._subscriptions, sessions, self._clock, lambda: self._position, server
        )
        telemetry.refresh(lambda: self._stats.traffic.tell(self.connections))
        self._fanout = FanOut(self._subscriptions, self._stats)
        self._addresses = AddressLimits(settings.rate_limit_connection_burst, self._clock.monotonic)
        self._trusted_ids = {text for text in settings.ws_trusted if not _is_network(text)}
        self._trusted = [ipaddress.ip_network(t, strict=False) for t in settings.ws_trusted if _is_network(t)]
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._undo: list[Callable[[], None]] = []
        self._accepting = False

    @property
    def position(self) -> int:
        """The offset up to which events have been fanned out."""
        return self._position

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connected clients."""
        return tuple(self._connections.values())

    async def start(self) -> None:
        """Begin to follow the journal, from its head."""
        self._position = self._journal.head
        self._undo.append(self._journal.watch(self._wake.set))
        if self._bus is not None:
            self._undo.append(self._bus.subscribe("*", self._fanout.ephemeral))
        for name, body in (("tail", self._tail), ("sweep", self._sweep), ("keys", self._check_keys)):
            self._tasks.append(asyncio.create_task(self._supervise(name, body), name=f"hub-{name}"))
        self._accepting = True

    async def stop(self, reason: str = "server going away") -> None:
        """Close every client with 1001, after it got what is queued (two seconds at most), and stop."""
        self._accepting = False
        while self._undo:
            self._undo.pop()()
        for connection in self.connections:
            connection.close(Close.GOING_AWAY, reason, drain_s=DRAIN_S)
        await asyncio.gather(*(connection.closed() for connection in self.connections))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for connection in self.connections:
            await self.disconnect(connection)

    def room(self) -> None:
        """Raise when no further client can be taken.

        Raises:
            Unavailable: Stopping, or as many connections as allowed.
        """
        if not self._accepting:
            raise Unavailable("The server is starting or stopping.")
        if len(self._connections) >= self._settings.ws_max_connections:
            self._stats.refused("full")
            raise Unavailable("As many connections as allowed are open.")

    async def connect(
        self, socket: Socket, principal: Principal, address: str, *, names: Iterable[str] = (), batch: bool = False
    ) -> Connection:
        """Take an upgraded socket: welcome, session states, and the subscriptions of its path.

        Args:
            socket: Where frames go.
            principal: Who it is.
            address: From where.
            names: What it is subscribed to at once.
            batch: Whether it takes several events in one message.
        """
        exempt = principal.key_id in self._trusted_ids or within(address, self._trusted)
        limits = ClientLimits(
            address,
            self._addresses,
            self._settings.rate_limit_client_messages,
            self._clock.monotonic,
            exempt=exempt,
        )
        connection = Connection(
            socket,
            principal,
            address,
            limits,
            self._clock,
            buffer=self._settings.ws_buffer_bytes,
            epoch=self._journal.epoch,
            window=self._window if batch else None,
            dropped=self._stats.drop,
            traffic=self._stats.traffic,
        )
        if not self._connections:  # nobody listened: nothing between is anybody's
            self._position = max(self._position, self._journal.head)
        connection.delivered = self._position
        self._connections[connection.id] = connection
        self._stats.opened()
        self._conversation.welcome(connection)
        if names:
            self._subscriptions.preset(connection, names)
        if not self._accepting:
            connection.close(Close.GOING_AWAY, "server going away")
        return connection

    def receive(self, connection: Connection, message: str | bytes) -> None:
        """Take a frame from a client; never raises."""
        self._conversation.receive(connection, message)

    async def disconnect(self, connection: Connection) -> None:
        """Forget a client whose socket is gone."""
        if self._connections.pop(connection.id, None) is None:
            return
        self._subscriptions.remove(connection)
        code, _ = connection.closing or (1006, "")
        self._stats.closed(code)
        if code in _BROKEN_RULES and not connection.closed_by_us:
            self._stats.refused(_BROKEN_RULES[code])
        await connection.discard()
        self._subscriptions.remove(connection)
        self._stats.traffic.left(connection)

    def refused(self, reason: str) -> None:
        """Count something that was refused before it came here; ``reason`` is one of ``stats.REASONS``."""
        self._stats.refused(reason)

    def metrics(self) -> dict[str, Any]:
        """The hub's part of ``/api/metrics``, in snake_case."""
        return self._stats.metrics(self.connections, self._subscriptions.counts())

    def monitor(self) -> dict[str, Any]:
        """The body of ``/api/ws-monitor``, in snake_case."""
        return self._stats.monitor(self.connections)

    async def _tail(self) -> None:
        while True:
            self._wake.clear()
            if self._connections:
                events = await self._journal.read(self._position, _PAGE)
                for part in self._fanout.parts(events, self._burst):
                    self._position = self._fanout.journaled(part, self._position)
                    await asyncio.sleep(0)  # let the sockets write, or a burst would look like slow clients
                if len(events) == _PAGE:
                    continue
            else:
                self._position = max(self._position, self._journal.head)
            await self._wake.wait()

    async def _sweep(self) -> None:
        stats_at = polled_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(SWEEP_S)
            if self._clock.monotonic() - polled_at >= _POLL_S:  # should the journal ever fail to wake us
                polled_at = self._clock.monotonic()
                self._wake.set()
            for connection in self.connections:
                connection.sweep()
            self._addresses.forget()
            if self._clock.monotonic() - stats_at >= self._settings.ws_stats_interval_ms / 1000:
                stats_at = self._clock.monotonic()
                told = self.metrics()
                _log.info(
                    "ws.stats",
                    websocket=told["websocket"],
                    buffer=told["buffer"],
                    broadcasts=told["metrics"]["broadcasts"],
                )

    async def _check_keys(self) -> None:
        """Close the sockets of keys that were revoked or have expired since."""
        while True:
            await self._clock.sleep(KEY_CHECK_S)
            if not self._connections:
                continue
            now = iso(self._clock.now_us())
            keys = {key.id: key for key in await self._keys.list()}
            for connection in self.connections:
                key = keys.get(connection.principal.key_id)
                if key is not None and (key.revoked or (key.expires is not None and key.expires <= now)):
                    detail = ErrorDetail(code="unauthorized", message="This key was revoked or has expired.")
                    connection.control(frames.error(detail, self._clock.now_us()))
                    connection.close(Close.POLICY, "key revoked or expired")

    async def _supervise(self, name: str, body: Callable[[], Any]) -> None:
        while True:
            try:
                await body()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._stats.failed(f"{type(error).__name__} in {name}", "hub")
                _log.exception("ws.task_failed", task=name)
                await asyncio.sleep(0.5)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
