"""When to try again, and when to leave an endpoint alone for a while."""

from __future__ import annotations

import random
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from waqtor.backoff import retry_delay
from waqtor.webhooks.ports import Hook

MAX_RETRY_AFTER_S = 3600.0
"""The longest wait that a receiver may ask for."""

THROTTLED = frozenset({429, 502, 503, 504})
"""Statuses whose ``Retry-After`` holds for the whole endpoint."""


def wait_after(hook: Hook, failed: int, retry_after: float | None) -> float:
    """Seconds from failed attempt number ``failed`` to the next, with jitter.

    ``Retry-After`` lengthens the wait, up to :data:`MAX_RETRY_AFTER_S`; it never shortens it.
    """
    waits = hook.waits
    if waits is not None:
        wait = waits[min(failed, len(waits)) - 1] * random.uniform(1.0, 1.2)
    else:
        wait = retry_delay(failed, base=hook.delay_ms / 1000, cap=3600.0)
    return max(wait, min(retry_after, MAX_RETRY_AFTER_S)) if retry_after is not None else wait


def retry_after_of(header: str | None, now_us: int) -> float | None:
    """Seconds that a ``Retry-After`` header asks for; ``None`` when it says nothing that can be understood."""
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(int(text[:9]))
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(now_us / 1e6, UTC)).total_seconds())


class Breaker:
    """Opens when most of the latest attempts failed; then one probe at a time until one succeeds.

    While it is open deliveries wait without using up their attempts: an outage of an hour costs a receiver nothing.

    Args:
        least: Attempts before it may open.
        share: Share of failures among the latest twenty at which it opens.
        first: Seconds until the first probe; doubles up to ``longest``.
    """

    def __init__(self, *, least: int = 10, share: float = 0.7, first: float = 5.0, longest: float = 300.0) -> None:
        self._least = least
        self._share = share
        self._first = first
        self._longest = longest
        self._latest: deque[bool] = deque(maxlen=20)
        self._pause = first
        self.state: Literal["closed", "open", "probing"] = "closed"
        self.opens_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds before anything may be sent (monotonic ``now``); 0: go on (then call :meth:`started`)."""
        if self.state == "closed":
            return 0.0
        if self.state == "probing":
            return self._longest
        return max(0.0, self.opens_at - now)

    def started(self) -> None:
        """An attempt begins: while open, it is the probe."""
        if self.state == "open":
            self.state = "probing"

    def ended(self, ok: bool, now: float) -> None:
        """An attempt ended."""
        self._latest.append(ok)
        if self.state == "closed":
            if not ok and len(self._latest) >= self._least:
                failed = self._latest.count(False)
                if failed >= self._share * len(self._latest):
                    self._open(now)
        elif ok:
            self.state = "closed"
            self._pause = self._first
            self._latest.clear()
        elif self.state == "probing":
            self._pause = min(self._longest, self._pause * 2)
            self._open(now)

    def _open(self, now: float) -> None:
        self.state = "open"
        self.opens_at = now + self._pause * random.uniform(0.9, 1.1)
