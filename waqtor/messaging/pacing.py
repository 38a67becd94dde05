"""The token bucket of a number: replies and campaigns share it, and who is first is the queue's business."""

from __future__ import annotations

import asyncio

from waqtor.kernel.clock import Clock


class TokenBucket:
    """Grants ``rate`` tokens a second, up to ``burst`` at once; it starts empty, so a restart never bursts.

    Args:
        rate: Tokens per second; 0 means unlimited.
        burst: Most tokens saved up; default a quarter of a second's worth, at least one.
    """

    def __init__(self, clock: Clock, rate: float, burst: float | None = None) -> None:
        self._clock = clock
        self.rate = rate
        self.burst = max(1.0, rate / 4 if burst is None else burst)
        self._tokens = 0.0
        self._at = clock.monotonic()
        self._hold_until = 0.0
        self._lock = asyncio.Lock()

    def hold(self, seconds: float) -> None:
        """Grant nothing for a while (the provider said "too fast")."""
        self._hold_until = max(self._hold_until, self._clock.monotonic() + seconds)

    async def take(self) -> None:
        """Wait for a token."""
        if self.rate <= 0 and self._clock.monotonic() >= self._hold_until:
            return
        async with self._lock:
            while True:
                now = self._clock.monotonic()
                wait = self._hold_until - now
                if wait <= 0:
                    if self.rate <= 0:
                        return
                    self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
                    self._at = now
                    if self._tokens >= 1.0 - 1e-9:  # rounding must not cost another round
                        self._tokens -= 1.0
                        return
                    wait = (1.0 - self._tokens) / self.rate
                await self._clock.sleep(wait)

    def give_back(self) -> None:
        """Return a token that was not used."""
        if self.rate > 0:
            self._tokens = min(self.burst, self._tokens + 1.0)
