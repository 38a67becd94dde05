"""The sends in one sender's hands: replies first, then by age, one at a time in each chat."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque

from waqtor.kernel.clock import Clock
from waqtor.messaging.ports import Pending

_Entry = tuple[int, str, Pending]


class SendQueue:
    """A priority queue with due times, that never hands out two sends of one chat at once.

    Args:
        limit: Most sends held in memory; more wait in the database (see :attr:`overflowed`).
    """

    def __init__(self, clock: Clock, limit: int = 20_000) -> None:
        self._clock = clock
        self._limit = limit
        self._ready: list[_Entry] = []
        self._delayed: list[tuple[int, str, Pending]] = []
        self._busy: dict[str, deque[Pending]] = {}
        self._held: set[str] = set()
        self._first_part: dict[str, tuple[str, int]] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._held)

    def holds(self, message_id: str) -> bool:
        """Whether the send is in memory or in flight."""
        return message_id in self._held

    @property
    def has_room(self) -> bool:
        """Whether more should be loaded from the database."""
        return len(self._held) < self._limit // 2

    def offer(self, pending: Pending) -> bool:
        """Add a send; false (and :attr:`overflowed`) when memory is full: it stays in the database."""
        if pending.message_id in self._held:
            return True
        if len(self._held) >= self._limit and pending.priority > 0:
            self.overflowed = True
            return False
        self._held.add(pending.message_id)
        self._put(pending)
        return True

    def _put(self, pending: Pending) -> None:
        if pending.due_at is not None and pending.due_at > self._clock.now_us():
            if pending.cause == "reply":
                first = self._first_part.get(pending.cause_id)
                if first is None or pending.message_id <= first[0]:
                    self._first_part[pending.cause_id] = (pending.message_id, pending.due_at)
            heapq.heappush(self._delayed, (pending.due_at, pending.message_id, pending))
            self._arm()
            return
        if self._first_part.get(pending.cause_id, ("",))[0] == pending.message_id:
            del self._first_part[pending.cause_id]
        heapq.heappush(self._ready, (pending.priority, pending.message_id, pending))
        self._wake()

    async def wait(self) -> None:
        """Wait until something can be taken."""
        while not self._ready:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self._wake()  # hand the wake-up on
                raise

    def take(self) -> Pending | None:
        """Take the most urgent send whose chat is free; ``None`` when there is none."""
        while self._ready:
            _, _, pending = heapq.heappop(self._ready)
            waiting = self._busy.get(pending.to)
            if self._after_delayed(pending):
                continue
            if waiting is None:
                self._busy[pending.to] = deque()
                return pending
            waiting.append(pending)
        return None

    def _after_delayed(self, pending: Pending) -> bool:
        """Delay a reply's part as long as an earlier part waits: the parts keep their order."""
        first = self._first_part.get(pending.cause_id) if pending.cause == "reply" else None
        if first is None or pending.message_id <= first[0]:
            return False
        pending.due_at = first[1]
        heapq.heappush(self._delayed, (first[1], pending.message_id, pending))
        self._arm()
        return True

    def done(self, pending: Pending, *, again_at: int | None = None) -> None:
        """Free the chat; with ``again_at`` (UTC µs) the send, and what waits behind it, comes back then."""
        waiting = self._busy.pop(pending.to, deque())
        self._held.discard(pending.message_id)
        if again_at is not None:
            pending.due_at = again_at
            self._held.add(pending.message_id)
            self._put(pending)
        for other in waiting:
            self._put(other)

    def _wake(self) -> None:
        while self._waiters:
            future = self._waiters.popleft()
            if not future.done():
                future.set_result(None)
                return

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._delayed:
            wait = max(0.0, (self._delayed[0][0] - self._clock.now_us()) / 1_000_000)
            self._timer = asyncio.get_running_loop().call_later(wait, self.ripen)

    def ripen(self) -> None:
        """Bring what is due, and set the timer for the rest."""
        self._timer = None
        now = self._clock.now_us()
        while self._delayed and self._delayed[0][0] <= now:
            _, _, pending = heapq.heappop(self._delayed)
            pending.due_at = None
            self._put(pending)
        self._arm()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
