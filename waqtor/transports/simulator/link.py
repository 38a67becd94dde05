"""The client's end of one connection: pipelined requests, each with a future and a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from waqtor.transports.simulator.endpoint import address_of
from waqtor.transports.simulator.protocol import MAX_FRAME, Frame, LineProtocol, encode

_log = structlog.get_logger(__name__)


class NotSent(ConnectionError):
    """The connection ended before the request left: proven not delivered."""


class AnswerLost(ConnectionError):
    """The request left, and no answer came."""


class Link(LineProtocol):
    """One connection.

    Args:
        on_push: Called with every frame that is not an answer.
        on_drain: Called right before each write, to push what was collected.
    """

    def __init__(self, on_push: Callable[[Frame], None], on_drain: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._on_push = on_push
        self._on_drain = on_drain
        self._pending: dict[int, tuple[asyncio.Future[Any], float]] = {}
        self._last = 0
        self._written = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self.welcome: Frame = {}
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def open(
        cls,
        path: Path,
        hello: Frame,
        on_push: Callable[[Frame], None],
        on_drain: Callable[[], None] | None = None,
        timeout: float = 5.0,
    ) -> Link:
        """Connect and introduce oneself.

        Raises:
            OSError: If nothing listens there, or the hello was refused or not answered.
        """
        loop = asyncio.get_running_loop()
        _, link = await loop.create_unix_connection(lambda: cls(on_push, on_drain), address_of(path))
        try:
            answer = await link.request({"op": "hello", **hello}, timeout)
            if answer.get("op") != "result":
                raise ConnectionRefusedError(str(answer.get("message", "the simulator refused")))
            link.welcome = answer
        except BaseException:
            link.abort()
            raise
        return link

    def request(self, frame: Frame, timeout: float) -> asyncio.Future[Any]:
        """Queue a request; the future becomes the answering frame, or the provider's id for an accepted send.

        It fails with :class:`NotSent` or :class:`AnswerLost`.

        Raises:
            TypeError: If the frame is not JSON.
            ValueError: If it is too long.
        """
        self._last += 1
        frame["id"] = request = self._last
        payload = encode(frame)
        if len(payload) > MAX_FRAME:
            raise ValueError(f"a frame has at most {MAX_FRAME} bytes")
        future = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(NotSent("not connected"))
            return future
        self._pending[request] = (future, self._loop.time() + timeout)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(min(0.25, timeout / 2), self._sweep)
        self.push(payload)
        return future

    def flush(self) -> None:
        """Write; from here on the requests count as sent."""
        if self._transport is not None and not self._transport.is_closing():
            self._written = self._last
            super().flush()
        else:
            self._scheduled = False
            self._out.clear()

    def drain(self) -> None:
        """Let the owner add frames."""
        if self._on_drain is not None:
            self._on_drain()

    def frame(self, frame: Frame) -> None:
        """Resolve an answer, or hand a push on; a frame that makes no sense is skipped."""
        try:
            self._take(frame)
        except (KeyError, TypeError, ValueError) as error:
            _log.error("simulator.malformed_frame", op=str(frame.get("op"))[:40], error=type(error).__name__)

    def malformed(self, reason: str) -> None:
        """Skip the line."""
        _log.error("simulator.malformed_line", reason=reason)

    def _take(self, frame: Frame) -> None:
        op = frame.get("op")
        if op == "accepted":
            pending = self._pending
            for request, provider_id in frame["items"]:
                waiting = pending.pop(request, None)
                if waiting is not None and not waiting[0].done():
                    waiting[0].set_result(provider_id)
        elif op in ("result", "refused"):
            waiting = self._pending.pop(frame.get("id") or 0, None)
            if waiting is not None and not waiting[0].done():
                waiting[0].set_result(frame)
        else:
            self._on_push(frame)

    def _sweep(self) -> None:
        now = self._loop.time()
        late = [request for request, (future, deadline) in self._pending.items() if deadline <= now or future.done()]
        for request in late:
            future, _ = self._pending.pop(request)
            if not future.done():
                future.set_exception(AnswerLost("no answer in time"))
        next_due = min((deadline for _, deadline in self._pending.values()), default=None)
        # Looking again a little later than the earliest deadline keeps the scan rare when timeouts are long.
        self._sweeper = (
            None if next_due is None else self._loop.call_later(max(0.02, min(0.25, next_due - now)), self._sweep)
        )

    def lost(self, error: Exception | None) -> None:
        """Fail what is outstanding, telling apart what had left."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for request, (future, _) in self._pending.items():
            if not future.done():
                left = request <= self._written
                future.set_exception(
                    AnswerLost("the connection was lost") if left else NotSent("the connection was lost")
                )
        self._pending.clear()
        if not self.closed.done():
            self.closed.set_result(None)
