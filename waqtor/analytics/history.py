"""The metrics over time as aligned series, from the rows of the named query ``metrics``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from waqtor.analytics.catalog import named
from waqtor.contracts.views import MetricHistory, MetricSeries, QueryResult
from waqtor.contracts.wire import iso
from waqtor.errors import InvalidInput

STEPS: Final = 288
"""Steps of a history whose caller names no width: five minutes of a day."""
MOST_STEPS: Final = 5000
WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Seconds from which the width is chosen; each divides the next day."""
_DAY_US = 86_400_000_000
_FIRST_US, _LAST_US = 946_684_800_000_000, 4_102_444_800_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time cut into steps.

    Attributes:
        since: Begin, UTC microseconds.
        until: End, not included.
        step: Width of a step, seconds; steps begin at multiples of it since 1970.
    """

    since: int
    until: int
    step: float

    @classmethod
    def of(
        cls, since: datetime | None, until: datetime | None, step: float | None, now_us: int, interval: float
    ) -> Self:
        """Settle what the caller left open.

        Args:
            since: Default: a day before the end.
            until: Default: now.
            step: Seconds; default: about :data:`STEPS` steps, but none narrower than the snapshots lie apart.
            now_us: UTC microseconds.
            interval: Seconds between snapshots.

        Raises:
            InvalidInput: It ends before it begins, has too many steps, or is not of this century.
        """
        end = now_us if until is None else _us(until)
        begin = end - _DAY_US if since is None else _us(since)
        if begin >= end:
            raise InvalidInput("since must be before until.")
        if begin < _FIRST_US or end > _LAST_US:
            raise InvalidInput("since and until lie between 2000 and 2100.")
        seconds = (end - begin) / 1_000_000
        if step is None:
            least = max(interval, seconds / STEPS)
            step = next((width for width in WIDTHS if width >= least), math.ceil(least / 86_400) * 86_400)
        if seconds / step > MOST_STEPS:
            raise InvalidInput(f"That makes more than {MOST_STEPS} steps: widen the step or shorten the time.")
        return cls(begin, end, float(step))

    @property
    def begins(self) -> tuple[float, ...]:
        """Where the steps begin, seconds since 1970."""
        first = math.floor(self.since / 1_000_000 / self.step)
        last = math.ceil(self.until / 1_000_000 / self.step)
        return tuple(place * self.step for place in range(first, last))

    def rows(self, name: str | None, session: str | None) -> tuple[str, dict[str, Any]]:
        """The query of the numbers and its parameters."""
        query = named("metrics")
        return query.sql, query.bind(**self._bounds(), step=self.step, name=name, session=session)

    def starts(self) -> tuple[str, dict[str, Any]]:
        """The query of the processes that began, and its parameters."""
        query = named("engine_starts")
        return query.sql, query.bind(**self._bounds())

    def _bounds(self) -> dict[str, str]:
        return {"since": iso(self.since), "until": iso(self.until)}

    def history(self, found: QueryResult, starts: QueryResult) -> MetricHistory:
        """Lay the rows of :meth:`rows` out as aligned series."""
        begins = self.begins
        places = {round(at * 1000): place for place, at in enumerate(begins)}
        series: dict[tuple[str, str], _Series] = {}
        columns = list(found.columns)
        for row in found.rows:
            values = dict(zip(columns, row, strict=True))
            place = places.get(round(datetime.fromisoformat(values["at_time"]).timestamp() * 1000))
            if place is None:  # a snapshot at the very beginning tells of the time before
                continue
            key = (values["name"], values["labels"])
            if key not in series:
                series[key] = _Series(values["kind"], len(begins))
            series[key].put(place, values)
        return MetricHistory(
            since=iso(self.since),
            until=iso(self.until),
            step=self.step,
            at=tuple(iso(round(at * 1_000_000)) for at in begins),
            restarts=tuple(str(row[0]) for row in starts.rows),
            series=tuple(made.view(name, json.loads(labels)) for (name, labels), made in series.items()),
            truncated=found.truncated,
        )


class _Series:
    def __init__(self, kind: Any, steps: int) -> None:
        self.kind = kind
        self.values: list[float | None] = [None] * steps
        self.most: list[float | None] = [None] * steps
        self.added = 0.0

    def put(self, place: int, row: dict[str, Any]) -> None:
        shown = {"counter": "rate", "gauge": "mean"}.get(self.kind, "most")
        self.values[place] = row[shown]
        self.most[place] = row["most"]
        self.added += row["added"] or 0.0

    def view(self, name: str, labels: dict[str, str]) -> MetricSeries:
        return MetricSeries(
            name=name, labels=labels, kind=self.kind, values=tuple(self.values), most=tuple(self.most),
            added=self.added if self.kind == "counter" else None,
        )  # fmt: skip


def series_of(history: MetricHistory, name: str, **labels: str) -> MetricSeries | None:
    """The one series of a name whose labels include ``labels``; ``None`` when there is none."""
    for each in history.series:
        if each.name == name and labels.items() <= each.labels.items():
            return each
    return None


def summed(history: MetricHistory, name: str, **labels: str) -> list[float | None]:
    """The values of all series of a name that have these labels, added up; null where none of them has one."""
    chosen = [s.values for s in history.series if s.name == name and labels.items() <= s.labels.items()]
    return [_sum(values) for values in zip(*chosen, strict=True)] if chosen else [None] * len(history.at)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
