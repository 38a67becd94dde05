"""What is said with a client: the welcome, and the answers to its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from waqtor.contracts.wire import PROTOCOL_VERSION, Close, GetState, Ping, Subscribe, Unsubscribe
from waqtor.kernel.clock import Clock
from waqtor.kernel.ports import Journal
from waqtor.realtime import frames, intake
from waqtor.realtime.connection import Connection
from waqtor.realtime.ports import Sessions
from waqtor.realtime.stats import Stats
from waqtor.realtime.subscriptions import Subscriptions
from waqtor.realtime.topics import MAX_NAMES, scope_of
from waqtor.settings import Settings

_KINDS = {"subscribe", "unsubscribe", "ping", "get_state"}


class Conversation:
    """Talks with clients.

    Args:
        journal: Its epoch is told.
        settings: Limits.
        stats: Where frames and refusals are counted.
        subscriptions: Carries out subscribe and unsubscribe.
        sessions: Tells the session states sent after the welcome.
        clock: Time.
        position: The offset up to which events have been fanned out.
        server: Name and version in the welcome.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        stats: Stats,
        subscriptions: Subscriptions,
        sessions: Sessions,
        clock: Clock,
        position: Callable[[], int],
        server: str,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._stats = stats
        self._subscriptions = subscriptions
        self._sessions = sessions
        self._clock = clock
        self._position = position
        self._server = server

    def welcome(self, connection: Connection) -> None:
        """Say who is here and what holds, then the state of the sessions."""
        s, now = self._settings, self._clock.now_us()
        data = {
            "message": "Welcome to WaQtor.",
            "server": self._server,
            "protocol": PROTOCOL_VERSION,
            "connection": connection.id,
            "epoch": self._journal.epoch,
            "offset": self._position(),
            "batch": connection.batches,
            "limits": {
                "message_bytes": s.message_max_size,
                "string_length": s.message_max_string_length,
                "frame_bytes": s.ws_max_frame_bytes,
                "messages_per_second": s.rate_limit_client_messages,
                "address_burst": s.rate_limit_connection_burst,
                "buffer_bytes": s.ws_buffer_bytes,
                "recovery_events": s.ws_recovery_limit,
                "subscriptions": MAX_NAMES,
                "heartbeat_ms": s.ws_heartbeat_ms,
            },
        }
        connection.control(frames.control("welcome", data, now, message=data["message"]))
        if connection.principal.may(scope_of("session.status")):
            for view in self._sessions():
                connection.control(frames.session_snapshot(view, now))
                if view.qr and connection.principal.may(scope_of("session.qr")):
                    connection.control(frames.qr_snapshot(view, now))

    def receive(self, connection: Connection, message: str | bytes) -> None:
        """Take a frame from a client; never raises."""
        if connection.closing is not None:
            return
        connection.last_seen = self._clock.now_us()
        if isinstance(message, bytes):
            self._stats.incoming("binary", len(message))
            self._stats.refused("malformed")
            connection.close(Close.BINARY, "binary frames are not understood")
            return
        size = len(message.encode("utf-8", "surrogatepass"))
        if size >= self._settings.ws_max_frame_bytes:
            self._stats.incoming("other", size)
            self._stats.refused("oversized")
            connection.close(Close.TOO_BIG, "frame too big")
            return
        named: dict[str, Any] = {}
        try:
            refusal, value = None, None
            try:
                value = intake.parse(message, size, self._settings.message_max_size)
                named = intake.name_of(value)
            except intake.Refusal as problem:
                refusal = problem
            kind = named.get("type")
            self._stats.incoming(kind if kind in _KINDS else "other", size)
            if not self._within_limits(connection, named):
                return
            if refusal is not None:
                raise refusal
            frame = intake.check(value, self._settings.message_max_string_length)
        except intake.Refusal as problem:
            self._stats.refused("oversized" if problem.detail.code == "too_large" else "malformed")
            connection.control(frames.error(problem.detail, self._clock.now_us(), refused=named))
            return
        self._answer(connection, frame)

    def _within_limits(self, connection: Connection, named: dict[str, Any]) -> bool:
        verdict = connection.limits.check(str(named.get("type", "")))
        if not verdict.frame:
            return True
        self._stats.refused("rate")
        data = {"retry_after": verdict.retry_after, "refused": named}
        text = frames.control(
            verdict.frame,
            data,
            self._clock.now_us(),
            id=named.get("id"),
            message=f"Too fast: {named.get('type', 'this message')} was not carried out.",
            retry_after=verdict.retry_after,
            priority="high",
        )
        connection.control(text)
        if verdict.close:
            connection.close(Close.POLICY, "rate limit: too many violations")
        return False

    def _answer(self, connection: Connection, frame: Subscribe | Unsubscribe | Ping | GetState) -> None:
        if isinstance(frame, Ping):
            data: dict[str, Any] = {"epoch": self._journal.epoch}
            if not connection.replaying and not connection.behind:
                data["offset"] = max(connection.delivered, self._position())
            connection.control(frames.control("pong", data, self._clock.now_us(), id=frame.id))
        elif isinstance(frame, GetState):
            may = connection.principal.may
            views = self._sessions() if may(scope_of("session.status")) else ()
            hidden = set() if may(scope_of("session.qr")) else {"qr"}
            data = {
                "sessions": [view.model_dump(exclude=hidden) for view in views],
                "topics": tuple(connection.names),
                "epoch": self._journal.epoch,
                "offset": self._position(),
                "connection": connection.id,
            }
            connection.control(frames.control("state", data, self._clock.now_us(), id=frame.id))
        else:
            self._subscriptions.submit(connection, frame)
