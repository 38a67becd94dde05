"""One connected client: what it wants, and the queue of what it has yet to read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.wire import Close
from waqtor.kernel.access import Principal
from waqtor.kernel.clock import Clock
from waqtor.realtime import frames
from waqtor.realtime.limits import ClientLimits
from waqtor.realtime.ports import Socket

SLOW_S: Final = 30.0
"""A client above the ordinary limit for this long is closed."""

_CLOSE_S = 5.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Gap:
    """A place in the queue where events are missing."""

    after: int
    dropped: int = 0
    journaled: int = 0
    until: int = 0


class Connection:
    """A client. Everything but the writing is synchronous, on the event loop.

    Args:
        socket: Where frames go.
        principal: Who it is.
        address: Its network address.
        limits: How fast it may talk.
        clock: Time.
        buffer: Bytes above which ordinary frames are dropped; priority frames may fill twice that.
        epoch: The journal's epoch (named in gap frames).
        dropped: Called for each dropped frame.
    """

    def __init__(
        self,
        socket: Socket,
        principal: Principal,
        address: str,
        limits: ClientLimits,
        clock: Clock,
        *,
        buffer: int,
        epoch: str = "",
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = new_ulid()
        self.principal = principal
        self.address = address
        self.limits = limits
        self.opened = clock.now_us()
        self.last_seen = self.opened
        self.names: dict[str, None] = {}
        self.types: frozenset[str] = frozenset()
        self.replaying = False
        self.delivered = 0
        self.operations: deque[Any] = deque()
        self.operating: asyncio.Task[None] | None = None
        self.sent = 0
        self.closing: tuple[int, str] | None = None
        self.gone = asyncio.Event()
        self._socket = socket
        self._clock = clock
        self._soft = buffer
        self._hard = 2 * buffer
        self._epoch = epoch
        self._dropped = dropped
        self._queue: deque[tuple[str, int] | Gap] = deque()
        self._gap: Gap | None = None
        self._bytes = 0
        self._over_since: float | None = None
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._writer = asyncio.create_task(self._write(), name=f"ws-{self.id}")
        self._closer: asyncio.Task[None] | None = None

    @property
    def buffered(self) -> int:
        """Bytes that wait to be read."""
        return self._bytes

    @property
    def behind(self) -> bool:
        """Whether events were dropped that the client was not yet told of."""
        return self._gap is not None

    def control(self, text: str) -> None:
        """Queue an answer or a notice."""
        self._offer(text, _size(text), priority=True)

    def event(self, text: str, size: int, *, offset: int, priority: bool) -> None:
        """Queue an event, or drop it when the client is too far behind."""
        if not self._offer(text, size, priority=priority):
            self._drop(offset)
        elif offset:
            self.delivered = offset

    async def replay(self, text: str, offset: int) -> None:
        """Queue a missed event, waiting for the client to read rather than dropping."""
        self._push(text, _size(text))
        self.delivered = offset
        if self._bytes >= self._soft // 2:
            self._room.clear()
            await self._room.wait()

    def sweep(self) -> None:
        """Close a client that has been too far behind for too long; called every second or so."""
        if self._over_since is not None and self._clock.monotonic() - self._over_since >= SLOW_S:
            self.close(Close.SLOW, "slow: over the buffer limit for too long", drain_s=0.0)

    def close(self, code: int, reason: str, *, drain_s: float = 1.0) -> None:
        """Close, once: after writing what is queued for at most ``drain_s`` seconds."""
        if self.closing is None:
            self.closing = (code, reason)
            self._closer = asyncio.create_task(self._close(code, reason, drain_s), name=f"ws-close-{self.id}")

    async def closed(self) -> None:
        """Wait until a close that was begun is done."""
        if self._closer is not None:
            await asyncio.gather(self._closer, return_exceptions=True)

    async def discard(self) -> None:
        """Free everything: the socket is gone."""
        if self.closing is None:
            self.closing = (1006, "")
        self.gone.set()
        self._room.set()
        me = asyncio.current_task()
        tasks = [t for t in (self._writer, self.operating, self._closer) if t is not None and t is not me]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queue.clear()
        self._bytes = 0

    def _offer(self, text: str, size: int, *, priority: bool) -> bool:
        if self.closing is not None:
            return True
        if priority and self._bytes >= self._hard:
            self.close(Close.SLOW, "slow: the buffer is full", drain_s=0.0)
            return True
        if not priority and self._bytes >= self._soft:
            return False
        self._push(text, size)
        return True

    def _push(self, text: str, size: int) -> None:
        self._queue.append((text, size))
        self._bytes += size
        if self._bytes >= self._soft and self._over_since is None:
            self._over_since = self._clock.monotonic()
        self._idle.clear()
        self._wake.set()

    def _drop(self, offset: int) -> None:
        self._dropped()
        if self._gap is None:
            self._gap = Gap(after=self.delivered)
            self._queue.append(self._gap)
            self._idle.clear()
            self._wake.set()
        self._gap.dropped += 1
        if offset:
            self._gap.journaled += 1
            self._gap.until = offset

    def _gap_text(self, gap: Gap) -> str:
        data = {
            "dropped": gap.dropped,
            "journaled": gap.journaled,
            "recoverable": gap.journaled > 0,
            "after": gap.after,
            "until": gap.until,
            "epoch": self._epoch,
        }
        return frames.control("gap", data, self._clock.now_us(), priority="high")

    async def _write(self) -> None:
        try:
            while True:
                while self._queue:
                    item = self._queue.popleft()
                    if isinstance(item, Gap):
                        self._gap = None
                        await self._socket.send_text(self._gap_text(item))
                    else:
                        await self._socket.send_text(item[0])
                        self._bytes -= item[1]
                    self.sent += 1
                    self._drained()
                self._wake.clear()
                self._idle.set()
                await self._wake.wait()
                self._idle.clear()
        except asyncio.CancelledError:
            raise
        except Exception as failure:  # the peer is gone; whoever reads from it finds out too
            _log.debug("ws.write_failed", connection=self.id, error=type(failure).__name__)
            if self.closing is None:
                self.closing = (1006, "")
            self._room.set()
            self._idle.set()
            self.gone.set()

    def _drained(self) -> None:
        if self._bytes < self._soft:
            self._over_since = None
        if self._bytes < self._soft // 4:
            self._room.set()

    async def _close(self, code: int, reason: str, drain_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        self._room.set()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(code, reason)
        self.gone.set()


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
