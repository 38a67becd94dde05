"""How a running campaign is getting on: counts kept up by the ledger's events, speed, ETA and the error budget."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from waqtor.contracts.campaigns import CampaignCounts

WINDOW = 200
"""Outcomes that the error budget looks back on."""

LEAST = 20
"""Outcomes before which it does not judge."""

_SMOOTH_S = 5.0


class Progress:
    """Counts of one campaign from a starting point in the ledger on.

    Attributes:
        queued: Ids of sends that wait or are under way.
        doubts: Ids of sends in doubt.
    """

    def __init__(self, counts: CampaignCounts, queued: set[str], doubts: set[str], budget: float) -> None:
        self.queued = queued
        self.doubts = doubts
        self._budget = budget
        self._outcomes: deque[str | None] = deque(maxlen=WINDOW)
        self._failed = 0
        self.speed: float | None = None
        self._marked: tuple[float, int] | None = None
        self.reset(counts)

    def reset(self, counts: CampaignCounts) -> None:
        """Start from counts that were read in the ledger."""
        self.sent, self.delivered, self.read = counts.sent, counts.delivered, counts.read
        self.failed, self.skipped = counts.failed, counts.skipped

    def forgive(self) -> None:
        """Forget past failures (somebody looked at them and resumed)."""
        self._outcomes.clear()
        self._failed = 0

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take a ``message.*`` event of one of its sends."""
        message_id = data["message_id"]
        if kind == "message.sent":
            self._end(message_id)
            self.sent += 1
            self._outcome(None)
        elif kind == "message.delivered":
            self.delivered += 1
        elif kind == "message.read":
            self.read += 1
        elif kind == "message.in_doubt":
            self.queued.discard(message_id)
            self.doubts.add(message_id)
        elif data.get("status") == "skipped":
            self._end(message_id)
            self.skipped += 1
        else:
            self._end(message_id)
            self.failed += 1
            if data.get("provider_id"):  # it had been sent, and failed on its way
                self.sent -= 1
            error = data.get("error") or {}
            self._outcome(f"{error.get('code') or '?'} {error.get('reason') or ''}".strip())

    def _end(self, message_id: str) -> None:
        self.queued.discard(message_id)
        self.doubts.discard(message_id)

    def _outcome(self, failure: str | None) -> None:
        if len(self._outcomes) == WINDOW and self._outcomes[0] is not None:
            self._failed -= 1
        self._outcomes.append(failure)
        self._failed += failure is not None

    def overspent(self) -> str | None:
        """Why the campaign should pause: more failures among the last sends than its budget; else ``None``."""
        seen = len(self._outcomes)
        if seen < LEAST or self._failed / seen <= self._budget:
            return None
        (worst, times), *_ = Counter(failure for failure in self._outcomes if failure is not None).most_common(1)
        return (
            f"{self._failed} of the last {seen} sends failed (budget {self._budget:.0%}), "
            f"most often ({times}) with: {worst}"
        )[:500]

    def counts(self, total: int, fed: int, planned: int) -> CampaignCounts:
        """The counts now; ``fed`` of ``planned`` rows have had their turn."""
        return CampaignCounts(
            total=total, planned=max(0, total - planned) + planned - fed, queued=len(self.queued), sent=self.sent,
            delivered=max(self.delivered, self.read), read=self.read, failed=self.failed, skipped=self.skipped,
            in_doubt=len(self.doubts),
        )  # fmt: skip

    def mark(self, now: float) -> None:
        """Note the speed; call it about once a second with a monotonic time."""
        done = self.sent + self.failed + self.skipped
        if self._marked is not None:
            seconds = now - self._marked[0]
            if seconds < 0.2:
                return
            fresh = (done - self._marked[1]) / seconds
            weight = min(1.0, seconds / _SMOOTH_S)
            self.speed = fresh if self.speed is None else self.speed + weight * (fresh - self.speed)
        self._marked = (now, done)

    def eta(self, counts: CampaignCounts) -> float | None:
        """Seconds to the end at the present speed; ``None`` when nothing moves."""
        left = counts.planned + counts.queued
        if not left:
            return 0.0
        return round(left / self.speed, 1) if self.speed and self.speed > 0 else None
