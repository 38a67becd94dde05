"""Time behind a port, so that tests and the pacer can own it."""

from __future__ import annotations

import asyncio
import heapq
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC microseconds, monotonic time in seconds, and sleeping."""

    def now_us(self) -> int:
        """UTC microseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """UTC microseconds since the epoch."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class FakeClock:
    """A clock that moves only when told to; sleepers wake in order of their time."""

    def __init__(self, start_us: int = 1_700_000_000_000_000) -> None:
        self._us = start_us
        self._mono = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now_us(self) -> int:
        """UTC microseconds since the epoch."""
        return self._us

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return self._mono

    async def sleep(self, seconds: float) -> None:
        """Wait until :meth:`advance` has moved past the time."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._mono + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time on and let everybody run whose time has come."""
        end = self._mono + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._us += round((at - self._mono) * 1_000_000)
            self._mono = at
            if not future.done():
                future.set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)
        self._us += round((end - self._mono) * 1_000_000)
        self._mono = end
        for _ in range(5):
            await asyncio.sleep(0)
