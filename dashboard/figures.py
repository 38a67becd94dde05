"""What the Overview shows of the traffic log: key figures with their course, traffic by the minute, top rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from dashboard import data, queries
from dashboard.fresh import kept
from waqtor.contracts.views import QueryResult

TRENDS: Final = ("received", "sent", "answered", "reply", "unmatched", "in_doubt")
_FRESH, _STALE = 2.0, 12.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Key figures of a span.

    Attributes:
        received, sent, decided, answered, handed_over, unmatched: Counts.
        reply_ms: The median from message to reply; ``None`` without replies.
        trends: Counts (of ``reply``: medians, ms) in equal steps over the span, oldest first, by :data:`TRENDS`.
    """

    received: int
    sent: int
    decided: int
    answered: int
    handed_over: int
    unmatched: int
    reply_ms: float | None
    trends: dict[str, list[float]]

    @property
    def answer_rate(self) -> float | None:
        """Share of judged messages that were answered."""
        return self.answered / self.decided if self.decided else None


def _rows(result: QueryResult) -> list[dict[str, Any]]:
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


@kept(_FRESH, _STALE)
def figures(minutes: int) -> Figures:
    """Key figures of the last ``minutes``."""
    rows = _rows(data.client().analytics.query(queries.course(minutes), {"minutes": minutes}))
    counts = ("received", "sent", "decided", "answered", "handed_over", "unmatched")
    return Figures(
        **{name: sum(int(row[name]) for row in rows) for name in counts},
        reply_ms=rows[0]["reply_ms"],
        trends={name: [float(row[name]) for row in rows] for name in TRENDS},
    )


@kept(_FRESH, _STALE)
def traffic() -> list[dict[str, Any]]:
    """Messages per minute of the last hour: ``minute`` (epoch ms), ``received``, ``replied``, ``other``."""
    return _rows(data.client().analytics.query(queries.TRAFFIC))


@kept(_FRESH, _STALE)
def top_rules(minutes: int) -> list[dict[str, Any]]:
    """The most used rules of the last ``minutes``: ``rule_id``, ``answers``, ``confidence``."""
    return _rows(data.client().analytics.query(queries.top_rules(minutes), {"minutes": minutes}))
