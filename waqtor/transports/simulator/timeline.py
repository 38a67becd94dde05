"""The simulator's clock and what is due on it: real time by default, moved or frozen by a test."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Any


class Timeline:
    """Calls in order of their due time; equal times in the order they were planned.

    ``on_sooner`` is called when something was planned before everything else, so that a timer can be moved.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0
        self._reminders = 0
        self._skew = 0
        self._frozen: int | None = None
        self.on_sooner: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._heap) - self._reminders

    @property
    def is_frozen(self) -> bool:
        """Whether time moves only by :meth:`advance`."""
        return self._frozen is not None

    def now_us(self) -> int:
        """UTC microseconds on this clock."""
        return time.time_ns() // 1000 + self._skew if self._frozen is None else self._frozen

    def at(self, delay_s: float, call: Callable[..., object], *args: Any) -> None:
        """Call ``call(*args)`` in ``delay_s`` seconds of this clock (never at once)."""
        self._count += 1
        due = self.now_us() + max(0, round(delay_s * 1_000_000))
        heapq.heappush(self._heap, (due, self._count, call, args))
        if self._heap[0][1] == self._count:
            self.on_sooner()

    def remind(self, delay_s: float, call: Callable[..., object], *args: Any) -> None:
        """Like :meth:`at`, for housekeeping that ``len()`` does not count."""
        self._reminders += 1
        self.at(delay_s, self._reminded, call, args)

    def _reminded(self, call: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._reminders -= 1
        call(*args)

    def next_delay(self) -> float | None:
        """Seconds of real time until something is due; ``None`` when nothing is, or time stands still."""
        if not self._heap or self._frozen is not None:
            return None
        return max(0.0, (self._heap[0][0] - self.now_us()) / 1_000_000)

    def run_due(self) -> int:
        """Call what is due now; returns how many."""
        now, ran = self.now_us(), 0
        while self._heap and self._heap[0][0] <= now:
            _, _, call, args = heapq.heappop(self._heap)
            call(*args)
            ran += 1
        return ran

    def advance(self, seconds: float) -> int:
        """Move the clock forward and call what became due, each at its own time; returns how many."""
        if seconds < 0:
            raise ValueError("time only moves forward")
        if self._frozen is None:
            self._skew += round(seconds * 1_000_000)
            return self.run_due()
        end, ran = self._frozen + round(seconds * 1_000_000), 0
        while self._heap and self._heap[0][0] <= end:
            due, _, call, args = heapq.heappop(self._heap)
            self._frozen = max(self._frozen, due)
            call(*args)
            ran += 1
        self._frozen = end
        return ran

    def freeze(self, at_us: int | None = None) -> None:
        """Stop the clock at ``at_us`` (default: now)."""
        self._frozen = self.now_us() if at_us is None else at_us

    def thaw(self) -> None:
        """Let the clock run on from where it stands."""
        if self._frozen is not None:
            self._skew = self._frozen - time.time_ns() // 1000
            self._frozen = None

    def clear(self) -> None:
        """Forget everything planned; the clock runs in real time again."""
        self._heap.clear()
        self._reminders = 0
        self._skew = 0
        self._frozen = None
