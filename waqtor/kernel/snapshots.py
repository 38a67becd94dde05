"""Snapshots of the metrics at regular times, with what was added since the one before.

Counters count from the start of the process, so a line through their values falls to zero at every restart. A snapshot
therefore also holds the increase and the seconds in which it came about: sums of those are right over restarts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry

QUANTILES = (0.5, 0.95, 0.99)
LEFT_OUT = ("waqtor_http_", "process_start_time", "waqtor_start_time", "waqtor_build")
"""Beginnings of names that are not kept: requests have a table of their own, the others never change."""

_Key = tuple[str, str]


class Measured(NamedTuple):
    """One number of a snapshot.

    Attributes:
        name: The metric's name.
        labels: Its labels as a JSON object with sorted names.
        kind: ``counter``, ``gauge``, or ``quantile`` (of what a histogram saw since the last snapshot).
        value: The number; of a counter, since the process began.
        added: Increase of a counter since the last snapshot, else ``None``.
    """

    name: str
    labels: str
    kind: Literal["counter", "gauge", "quantile"]
    value: float
    added: float | None


Keep = Callable[[int, int, float, list[Measured]], bool]
"""Takes a snapshot: its time and the start of the process (UTC microseconds), the seconds since the last snapshot, the
numbers. False when there is no room for it."""


class Snapshots:
    """Takes snapshots.

    Args:
        telemetry: What is read.
        clock: Time.
        keep: Where snapshots go. One that is not taken is not lost: the next covers its time too.
        interval: Seconds between snapshots; they fall on multiples of it, so that those of several nodes line up.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock, keep: Keep, interval: float = 300.0) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._keep = keep
        self._interval = interval
        self._started = clock.now_us()
        self._since = clock.monotonic()
        self._counted: dict[_Key, float] = {}

    async def run(self) -> None:
        """Take one at every multiple of the interval."""
        while True:
            now = self._clock.now_us() / 1_000_000
            await self._clock.sleep(self._interval - now % self._interval)
            self.take()

    def take(self) -> bool:
        """Take one now; false when it was not kept."""
        seconds = self._clock.monotonic() - self._since
        counted: dict[_Key, float] = {}
        buckets: dict[_Key, list[tuple[float, float]]] = defaultdict(list)
        found: list[Measured] = []
        for name, labels, kind, value in self._telemetry.samples():
            if name.startswith(LEFT_OUT):
                continue
            if name.endswith("_bucket") and kind == "histogram":
                bound = float(labels.pop("le"))
                key = (name, written(labels) + f" {bound}")
                counted[key] = value
                added = value - self._counted.get(key, 0.0)
                buckets[name.removesuffix("_bucket"), written(labels)].append((bound, added))
                continue
            key = (name, written(labels))
            if kind == "gauge":
                found.append(Measured(*key, "gauge", value, None))
            else:
                counted[key] = value
                found.append(Measured(*key, "counter", value, value - self._counted.get(key, 0.0)))
        for (name, labels_text), cumulative in buckets.items():
            for quantile in QUANTILES:
                at = quantile_of(cumulative, quantile)
                if at is not None:
                    text = written({**json.loads(labels_text), "quantile": f"{quantile:g}"})
                    found.append(Measured(name, text, "quantile", at, None))
        if not self._keep(self._clock.now_us(), self._started, seconds, found):
            return False
        self._counted = counted
        self._since += seconds
        return True


def quantile_of(cumulative: list[tuple[float, float]], quantile: float) -> float | None:
    """A quantile from the cumulative counts of a histogram, by the rule of Prometheus' ``histogram_quantile``.

    Between two bounds values are taken to be spread evenly; above the last bound that bound is the answer.

    Args:
        cumulative: Upper bound and count at or below it, in the order of the bounds; the last bound is infinite.
        quantile: From 0 to 1.

    Returns:
        ``None`` when nothing was counted.
    """
    total = cumulative[-1][1] if cumulative else 0.0
    if total <= 0:
        return None
    rank = quantile * total
    lower, below = 0.0, 0.0
    for bound, count in cumulative:
        if count >= rank and count > below:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower


def written(labels: Mapping[str, str]) -> str:
    """Labels as text: equal labels are equal texts."""
    return json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":"))
