"""The figures of a campaign's report: rates with intervals, speed, failures, hours. Pure arithmetic."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from waqtor.campaigns.calendar import zone_of
from waqtor.contracts.campaigns import CampaignCounts, CampaignReport, CampaignView, VariantReport
from waqtor.contracts.wire import iso

_Z = 1.959963984540054
_BUCKETS = 120
Send = tuple[Any, ...]
"""``variant, state, sending_at, updated, replied_at`` of one send (times in UTC microseconds)."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's score interval)."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def difference(hits: int, of: int, other_hits: int, other_of: int) -> tuple[float, float, float]:
    """The difference of two shares with its 95 % interval (Newcombe's method 10)."""
    a, b = hits / of if of else 0.0, other_hits / other_of if other_of else 0.0
    (low_a, high_a), (low_b, high_b) = wilson(hits, of), wilson(other_hits, other_of)
    low = a - b - math.sqrt((a - low_a) ** 2 + (high_b - b) ** 2)
    high = a - b + math.sqrt((high_a - a) ** 2 + (b - low_b) ** 2)
    return a - b, low, high


def report_of(
    view: CampaignView, by_variant: Mapping[str, CampaignCounts], sends: Sequence[Send],
    failures: Sequence[dict[str, Any]], timezone: str,
) -> CampaignReport:  # fmt: skip
    """Put the report together."""
    went = [send for send in sends if send[1] in ("sent", "delivered", "read")]
    replies = [send for send in went if send[4] is not None]
    replied = Counter(str(send[0]) for send in replies)
    variants = [_variant(name, counts, replied[name]) for name, counts in by_variant.items()]
    contrast = None
    if len(variants) > 1:
        first, second = variants[:2]
        value, low, high = difference(first.replied, first.counts.sent, second.replied, second.counts.sent)
        contrast = {"variant": first.variant, "against": second.variant, "value": value, "low": low, "high": high}
    bucket, speed = _speed([int(send[2]) for send in went])
    waits = [(send[4] - send[2]) / 1e6 for send in replies]
    return CampaignReport(
        campaign=view, variants=tuple(variants), speed=tuple(speed), bucket_s=bucket, failures=tuple(failures),
        hours=tuple(_hours(went, timezone)), timezone=timezone, replied=len(replies),
        reply_rate=len(replies) / len(went) if went else None,
        reply_median_s=round(statistics.median(waits), 3) if waits else None, difference=contrast,
    )  # fmt: skip


def _variant(name: str, counts: CampaignCounts, replied: int) -> VariantReport:
    sent = counts.sent
    low, high = wilson(replied, sent)
    return VariantReport(
        variant=name, counts=counts, replied=replied, read_rate=counts.read / sent if sent else None,
        reply_rate=replied / sent if sent else None, reply_low=low if sent else None, reply_high=high if sent else None,
    )  # fmt: skip


def _speed(times: list[int]) -> tuple[float, list[dict[str, Any]]]:
    """Sends per bucket; at most 120 buckets of 1, 2, 5, 10, 15, 30 s, 1, 2, 5, 10, 15, 30 min, …."""
    if not times:
        return 1.0, []
    first, last = min(times), max(times)
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
    step = next((s for s in steps if (last - first) / 1e6 / s <= _BUCKETS), 86_400)
    width = step * 1_000_000
    found = Counter(at // width for at in times)
    places = range(first // width, last // width + 1)
    return float(step), [{"at": iso(place * width), "sent": found[place]} for place in places]


def _hours(went: Sequence[Send], timezone: str) -> list[dict[str, Any]]:
    zone = zone_of(timezone)
    cells: dict[tuple[int, int], dict[str, int]] = defaultdict(lambda: {"read": 0, "replied": 0})
    for send in went:
        for name, at in (("read", send[3] if send[1] == "read" else None), ("replied", send[4])):
            if at is not None:
                local = datetime.fromtimestamp(at / 1e6, zone)
                cells[(local.isoweekday(), local.hour)][name] += 1
    return [{"weekday": day, "hour": hour, **cell} for (day, hour), cell in sorted(cells.items())]
