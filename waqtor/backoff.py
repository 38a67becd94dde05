"""Delays between attempts. Stdlib only."""

from __future__ import annotations

import random


def reconnect_delay(attempt: int, *, cap: float = 30.0, floor: float = 0.5) -> float:
    """Seconds to wait before reconnect attempt ``attempt`` (0, 1, …): random in [floor, min(cap, 2^attempt)].

    Full jitter with a floor, as settled in docs/protocol.md; the cap of the first attempt is one second.
    """
    return random.uniform(floor, max(floor, min(cap, float(2 ** min(attempt, 16)))))


def retry_delay(
    attempt: int, *, base: float = 1.0, factor: float = 2.0, cap: float = 300.0, jitter: float = 0.2
) -> float:
    """Seconds to wait after failed attempt ``attempt`` (1, 2, …): ``base·factor^(attempt-1)`` ± ``jitter``."""
    delay = min(cap, base * factor ** min(attempt - 1, 32))
    return delay * random.uniform(1 - jitter, 1 + jitter)
