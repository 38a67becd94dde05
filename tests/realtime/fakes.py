"""Stand-ins for the journal, sockets and keys, shared by the tests of the hub, its endpoint and the SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from waqtor.contracts.event_data import ClientInfo
from waqtor.contracts.events import Event
from waqtor.contracts.views import KeyView, SessionView
from waqtor.kernel.access import Principal
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import SystemClock
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.hub import Hub
from waqtor.realtime.outgoing import Chunk, Frame
from waqtor.settings import Settings

KEY, SECRET = "wk_good", "sign-with-this"


class MemoryJournal:
    """The Journal port in a list; reads yield to the loop so that interleavings are real."""

    def __init__(self, epoch: str = "epoch-1", step: int = 1) -> None:
        self.epoch = epoch
        self.events: list[Event] = []
        self.head = 0
        self.step = step
        self.reads = 0
        self._watchers: list[Callable[[], None]] = []

    async def first(self) -> int:
        await asyncio.sleep(0)
        return self.events[0].offset if self.events else 0

    def append_now(self, *events: Event) -> None:
        for event in events:
            self.head += self.step
            event.offset = self.head
            self.events.append(event)
        for watcher in tuple(self._watchers):
            watcher()

    async def append(self, events: Sequence[Event]) -> None:
        self.append_now(*events)

    async def read(self, after: int, limit: int) -> list[Event]:
        self.reads += 1
        await asyncio.sleep(0)
        low, high = 0, len(self.events)
        while low < high:
            middle = (low + high) // 2
            if self.events[middle].offset <= after:
                low = middle + 1
            else:
                high = middle
        found = self.events[low : low + limit]
        await asyncio.sleep(0)
        return found

    def trim(self, up_to: int) -> None:
        self.events = [event for event in self.events if event.offset > up_to]

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)


class FakeSocket:
    """Takes frames; can be made to stand still: then it takes nothing, as a full transport would."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.connection: Any = None
        self.flowing = _Flow(self)
        self.paused = False
        self.waiting = 0
        self.written = 0
        self.last_pong = 0
        self.last_ping_rtt = 0.0
        self.alive = True

    def write(self, chunk: Chunk) -> None:
        self.written += len(chunk.wire)
        for frame in chunk.frames:
            message = json.loads(frame.text)
            self.messages.append(message)
            self.frames += message["data"]["frames"] if message["type"] == "batch" else [message]

    @property
    def direct(self) -> Callable[[bytes], object] | None:
        return self._take if self.closed is None else None

    def _take(self, wire: bytes) -> None:
        assert not self.paused, "nothing may be written to a socket that stands still"
        while wire:
            size, begin = wire[1], 2
            if size == 126:
                size, begin = int.from_bytes(wire[2:4], "big"), 4
            elif size == 127:
                size, begin = int.from_bytes(wire[2:10], "big"), 10
            one = Chunk((Frame(wire[begin : begin + size]),))
            self.write(one)
            self.written -= len(one.wire)  # this way a real socket sees nothing
            wire = wire[begin + size :]

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def of(self, *types: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] in types]

    def offsets(self) -> list[int]:
        return [frame["offset"] for frame in self.frames if "offset" in frame]


class _Flow:
    def __init__(self, socket: FakeSocket) -> None:
        self._socket = socket

    def clear(self) -> None:
        self._socket.paused = True
        if self._socket.connection is not None:
            self._socket.connection.stalled()

    def set(self) -> None:
        self._socket.paused = False
        if self._socket.connection is not None:
            self._socket.connection.resumed()


class FakeKeys:
    """Keys in a dict; every key has the same signing secret."""

    def __init__(self, **scopes: str) -> None:
        self.scopes = {KEY: "admin", **scopes}
        self.revoked: set[str] = set()

    async def verify(self, token: str) -> Principal | None:
        if token not in self.scopes or token in self.revoked:
            return None
        return Principal(f"id-{token}", token, frozenset(self.scopes[token].split()))

    async def signing_secret(self, key_id: str) -> str | None:
        return SECRET

    async def list(self) -> list[KeyView]:
        return [
            KeyView(id=f"id-{k}", name=k, prefix=k[:4], scopes=(), created="", revoked=k in self.revoked)
            for k in self.scopes
        ]


def principal(*scopes: str) -> Principal:
    return Principal("id-test", "test", frozenset(scopes or ("admin",)))


def message(number: int = 0, body: str = "hello") -> Event:
    """A journalable ``message.received``."""
    return Event(
        "message.received",
        "default",
        {
            "message_id": f"m{number}",
            "provider_id": f"p{number}",
            "type": "text",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "is_group": False,
        },
        created=1_700_000_000_000_000,
        subject=f"s{number}",
        personal={"from": "966500000001", "chat_id": "966500000001", "body": body, "content": None, "push_name": None},
    )


def status(state: str = "ready") -> Event:
    """A journalable ``session.status`` (priority)."""
    return Event("session.status", "default", {"status": state, "client_info": None, "reason": None}, created=1)


def rule(number: int = 0) -> Event:
    """A journalable ``smartbot.rule-updated``."""
    return Event(
        "smartbot.rule-updated", "", {"rule_id": f"r{number}", "change": "changed", "revision": "x"}, created=1
    )


def session(qr: str | None = None) -> SessionView:
    return SessionView(
        session="default",
        transport="simulator",
        status="qr" if qr else "ready",
        client_info=None if qr else ClientInfo(platform="simulator", phone_number="966500000000", name="Shop"),
        qr=qr,
        since="2026-01-01T00:00:00.000Z",
    )


def settings(**more: Any) -> Settings:
    return Settings(_env_file=None, **more)


class Bench:
    """A hub on fakes."""

    def __init__(self, *, clock: Any = None, sessions: Sequence[SessionView] = (), **more: Any) -> None:
        self.journal = MemoryJournal()
        self.telemetry = Telemetry()
        self.bus = Bus()
        self.keys = FakeKeys(reader="messages:read", sender="messages:send")
        self.settings = settings(**more)
        self.clock = clock or SystemClock()
        self.views = list(sessions)
        self.hub = Hub(
            self.journal,
            self.telemetry,
            self.settings,
            keys=self.keys,
            bus=self.bus,
            sessions=lambda: self.views,
            clock=self.clock,
            server="waqtor/test",
        )

    async def __aenter__(self) -> Bench:
        await self.hub.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.hub.stop()

    async def join(
        self, *scopes: str, names: Sequence[str] = (), address: str = "10.0.0.1", batch: bool = False
    ) -> tuple[Any, FakeSocket]:
        socket = FakeSocket()
        connection = await self.hub.connect(socket, principal(*scopes), address, names=names, batch=batch)
        socket.connection = connection
        return connection, socket

    def say(self, connection: Any, frame: Any) -> None:
        self.hub.receive(connection, frame if isinstance(frame, str | bytes) else json.dumps(frame))


async def settle(rounds: int = 200) -> None:
    """Let everything run that can."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def until(condition: Callable[[], Any], timeout: float = 5.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)
