"""One connected client: what it wants, and the queue of what it has yet to read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.wire import Close
from waqtor.kernel.access import Principal
from waqtor.kernel.clock import Clock
from waqtor.realtime import frames
from waqtor.realtime.batches import Window, together
from waqtor.realtime.limits import ClientLimits
from waqtor.realtime.outgoing import BATCH_BYTES, Chunk, Frame
from waqtor.realtime.ports import Socket
from waqtor.realtime.traffic import Traffic

SLOW_S: Final = 30.0
"""A client above the ordinary limit for this long is closed."""


@dataclass(slots=True)
class Gap:
    """A place in the queue where events are missing."""

    after: int
    dropped: int = 0
    journaled: int = 0
    until: int = 0


class Step(Protocol):
    """What the clients in step with each other were handed (an audience)."""

    last: int
    frames: int
    bytes: int

    def fall_out(self, connection: Connection) -> None:
        """Serve this client singly from now on."""
        ...


class Connection:
    """A client. Everything is synchronous, on the event loop, and nobody waits for anybody.

    Frames go to the socket while it takes them; when it pauses they queue here, so that a place in the stream can
    still be marked as a gap and a close frame need not wait behind a megabyte.

    Args:
        socket: Where frames go.
        principal: Who it is.
        address: Its network address.
        limits: How fast it may talk.
        clock: Time.
        buffer: Bytes above which ordinary frames are dropped; priority frames may fill twice that.
        epoch: The journal's epoch (named in gap frames).
        window: Holds events together, for a client that asked for batches.
        dropped: Called for each dropped frame.
        traffic: Where the server's own frames, and missed events, are noted.

    Attributes:
        piece: Bytes that are sent at once when missed events are given.
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
        window: Window | None = None,
        traffic: Traffic,
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = new_ulid()
        self.principal = principal
        self.address = address
        self.limits = limits
        self.traffic = traffic
        self.socket = socket
        self.opened = clock.now_us()
        self.last_seen = self.opened
        self.names: dict[str, None] = {}
        self.types: frozenset[str] = frozenset()
        self.operations: deque[Any] = deque()
        self.operating: asyncio.Task[None] | None = None
        self.piece = min(BATCH_BYTES, buffer // 8)
        self.closing: tuple[int, str] | None = None
        self.gone = asyncio.Event()
        self._clock = clock
        self._soft = buffer
        self._hard = 2 * buffer
        self._sure = buffer // 2
        """What certainly fits while the socket does not pause: it pauses at half of the buffer or less."""
        self._epoch = epoch
        self._window = window
        self._dropped = dropped
        self._queue: deque[Chunk | Gap] = deque()
        self._held: list[Chunk] = []
        self._replaying = False
        self._delivered = 0
        self._sent = 0
        self._step: Step | None = None
        self._joined = (0, 0)
        self._short = 0
        self._gap: Gap | None = None
        self._ours = False
        self._bytes = 0
        self._over_since: float | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._closer: asyncio.Task[None] | None = None

    @property
    def delivered(self) -> int:
        """Offset up to which it was handed what it wants, or was told of a gap."""
        return self._delivered if self._step is None else max(self._delivered, self._step.last)

    @delivered.setter
    def delivered(self, offset: int) -> None:
        self._delivered = offset

    @property
    def sent(self) -> int:
        """Frames written."""
        return self._sent if self._step is None else self._sent + self._step.frames - self._joined[0]

    @property
    def sent_bytes(self) -> int:
        """Bytes written, as they go over the network."""
        short = 0 if self._step is None else self._step.bytes - self._joined[1]
        return self.socket.written + self._short + short

    @property
    def replaying(self) -> bool:
        """Whether it is being given what it missed, so that live events pass it by."""
        return self._replaying

    @replaying.setter
    def replaying(self, replaying: bool) -> None:
        self._replaying = replaying
        self.stalled()

    @property
    def direct(self) -> Callable[[bytes], object] | None:
        """Takes frames for it without a detour, as long as nothing about it is out of the ordinary."""
        plain = self._window is None and not self._replaying and self.closing is None
        return self.socket.direct if plain and not self._queue and not self.socket.paused else None

    @property
    def buffered(self) -> int:
        """Bytes that wait to be read: queued here, held for a batch, or written and not yet gone."""
        return self._bytes + self.socket.waiting

    @property
    def behind(self) -> bool:
        """Whether events were dropped that the client was not yet told of."""
        return self._gap is not None

    @property
    def closed_by_us(self) -> bool:
        """Whether the hub began the close."""
        return self._ours

    @property
    def batches(self) -> bool:
        """Whether the client asked for batches."""
        return self._window is not None

    def control(self, text: bytes) -> None:
        """Queue an answer or a notice."""
        if self.closing is None:
            if self.buffered >= self._hard:
                self._full()
                return
            self.release({})
            self.traffic.control(len(text))
            self._push(Chunk((Frame(text, priority=True),)))

    def fell_in(self, step: Step) -> None:
        """It goes the short way from now on; ``step`` notes what it was handed."""
        self._step, self._joined = step, (step.frames, step.bytes)

    def fell_out(self) -> None:
        """Write down what it was handed on the short way."""
        if self._step is not None:
            self._short += self._step.bytes - self._joined[1]
        self._delivered, self._sent, self._step = self.delivered, self.sent, None

    def stalled(self) -> None:
        """Something is out of the ordinary (the socket pauses or closes): no short way."""
        if self._step is not None:
            self._step.fall_out(self)

    def serve(self, chunk: Chunk) -> int:
        """Take the live events of a chunk that it has not had yet; returns how many frames those were."""
        if self._replaying and chunk.first:
            return 0
        mine = chunk if self._delivered < chunk.first or not chunk.first else chunk.after(self._delivered)
        if mine is None:
            return 0
        self.events(mine)
        return len(mine.frames)

    def events(self, chunk: Chunk) -> None:
        """Queue events; those that do not fit are dropped, and the client is told where."""
        if self.closing is not None:
            return
        if self._window is None and not self._queue and not self.socket.paused and chunk.size <= self._sure:
            self._delivered = chunk.last or self._delivered
            self._write(chunk)
            return
        if self.buffered + chunk.size > self._soft:
            self.release({})
        if self.buffered + chunk.size <= self._soft:
            self._take(chunk)
            return
        for frame in chunk.frames:
            limit = self._hard if frame.priority else self._soft
            if self.buffered < limit:
                self._take(Chunk((frame,)))
            elif frame.priority:
                self._full()
                return
            else:
                self._drop(frame.offset)

    async def replay(self, chunk: Chunk) -> None:
        """Queue missed events, then wait for the client to read rather than dropping."""
        self.release({})
        self._push(chunk.envelope() if self.batches else chunk)
        self.delivered = chunk.last
        if self._queue or self.socket.paused:
            self._room.clear()
            await self._room.wait()

    def resumed(self) -> None:
        """The socket takes frames again: write what waits."""
        while self._queue and not self.socket.paused:
            item = self._queue.popleft()
            if isinstance(item, Gap):
                self._gap = None
                item = Chunk((Frame(self._gap_text(item), priority=True),))
                self.traffic.control(item.size)
            else:
                self._bytes -= item.size
            self._write(item)
        if not self._queue and not self.socket.paused:
            self._room.set()
        if self.buffered < self._soft:
            self._over_since = None

    def release(self, memo: dict[tuple[int, ...], Chunk]) -> bool:
        """Let go of the events held for a batch; false when there were none."""
        if not self._held:
            return False
        chunk = together(self._held, memo)
        self._bytes -= sum(held.size for held in self._held)
        self._held.clear()
        self._push(chunk)
        return True

    def sweep(self) -> None:
        """Close a client that has been too far behind for too long; called every second or so."""
        if self._queue and not self.socket.paused:
            self.resumed()
        if self.buffered < self._soft:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = self._clock.monotonic()
        elif self._clock.monotonic() - self._over_since >= SLOW_S:
            self.close(Close.SLOW, "slow: over the buffer limit for too long", drain_s=0.0)

    def close(self, code: int, reason: str, *, drain_s: float = 1.0) -> None:
        """Close, once: after writing what is queued for at most ``drain_s`` seconds."""
        if self.closing is None:
            self.release({})
            self.stalled()
            self.closing, self._ours = (code, reason), True
            if not self._queue and not self.socket.paused:
                self._say_goodbye()
            else:
                self._closer = asyncio.create_task(self._close(drain_s), name=f"ws-close-{self.id}")

    async def closed(self) -> None:
        """Wait until a close that was begun is done."""
        if self._closer is not None:
            await asyncio.gather(self._closer, return_exceptions=True)

    def lost(self, code: int = 1006) -> None:
        """The socket is gone; ``code`` is what the peer said, 1006 when it said nothing."""
        self.stalled()
        if self.closing is None:
            self.closing = (code, "")
        self._room.set()
        self.gone.set()

    async def discard(self) -> None:
        """Free everything."""
        self.lost()
        if self._window is not None:
            self._window.forget(self)
        me = asyncio.current_task()
        tasks = [t for t in (self.operating, self._closer) if t is not None and t is not me]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._queue.clear()
        self._held.clear()
        self._bytes = 0

    def _take(self, chunk: Chunk) -> None:
        self.delivered = chunk.last or self.delivered
        if self._window is None:
            self._push(chunk)
        elif self._window.open(self):
            self._push(chunk.envelope())
        else:
            held = sum(kept.size for kept in self._held)
            if held + chunk.size > BATCH_BYTES:
                self.release({})
            self._held.append(chunk)
            self._bytes += chunk.size

    def _push(self, chunk: Chunk) -> None:
        if self._queue or self.socket.paused:
            self._queue.append(chunk)
            self._bytes += chunk.size
        else:
            self._write(chunk)
        if self._over_since is None and self.socket.paused and self.buffered >= self._soft:
            self._over_since = self._clock.monotonic()

    def _write(self, chunk: Chunk) -> None:
        self._sent += len(chunk.frames)
        self.socket.write(chunk)

    def _full(self) -> None:
        self.close(Close.SLOW, "slow: the buffer is full", drain_s=0.0)

    def _drop(self, offset: int) -> None:
        self._dropped()
        if self._gap is None:
            self.release({})
            self._gap = Gap(after=self.delivered)
            self._queue.append(self._gap)
        self._gap.dropped += 1
        if offset:
            self._gap.journaled += 1
            self._gap.until = offset

    def _gap_text(self, gap: Gap) -> bytes:
        data = {
            "dropped": gap.dropped,
            "journaled": gap.journaled,
            "recoverable": gap.journaled > 0,
            "after": gap.after,
            "until": gap.until,
            "epoch": self._epoch,
        }
        return frames.control("gap", data, self._clock.now_us(), priority="high")

    async def _close(self, drain_s: float) -> None:
        self._room.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._room.wait()
        self._queue.clear()
        self._bytes = 0
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        assert self.closing is not None
        self._room.set()
        self.socket.close(*self.closing)
        self.gone.set()
