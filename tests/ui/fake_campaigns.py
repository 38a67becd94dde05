"""Campaigns of the demonstration shop: one with hostile texts for the tests, a believable handful for pictures."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import waqtor
from tests.ui.fake_shop import HOSTILE, SESSION
from waqtor.analytics.sample_campaign import SAMPLE_CAMPAIGN, campaign_events
from waqtor.storage.duck_sample import write_campaign_sample
from waqtor.storage.logged_campaigns import logged_report

CAMPAIGN = {
    "id": "01JD3ZK5T0M7Q8X9Y2B4C6D8E0", "name": f"Sale {HOSTILE}", "session": SESSION, "status": "running",
    "counts": {"total": 100, "planned": 20, "queued": 5, "sent": 70, "delivered": 60, "read": 40, "failed": 5},
    "eta": 12.5, "speed": 8.0, "created": "2026-01-01T00:00:00.000Z", "updated": "2026-01-01T00:00:00.000Z",
    "started": "2026-01-01T00:00:00.000Z",
}  # fmt: skip
RECIPIENT = {
    "place": 0, "contact": "966501234567", "variant": "A", "status": "failed", "error": "131026", "reason": HOSTILE,
}  # fmt: skip
REPORT = {
    "campaign": CAMPAIGN, "replied": 7, "reply_rate": 0.1, "reply_median_s": 61.0, "bucket_s": 1.0, "timezone": "UTC",
    "variants": [
        {"variant": "A", "counts": CAMPAIGN["counts"], "replied": 7, "reply_rate": 0.1, "reply_low": 0.05,
         "reply_high": 0.19, "read_rate": 0.57},
    ],
    "speed": [{"at": f"2026-01-01T00:00:{i:02}.000Z", "sent": 7} for i in range(10)],
    "failures": [{"code": "131026", "reason": HOSTILE, "status": "failed", "count": 5}],
    "hours": [{"weekday": 4, "hour": h, "read": h, "replied": 1} for h in range(8, 20)],
}  # fmt: skip
_PEOPLE = 2400
_NAMES = (
    ("عروض العيد", "running", 0), ("وصول التشكيلة الجديدة", "completed", _PEOPLE), ("Weekend delivery", "scheduled", 0),
    ("تذكير بالسلة", "paused", 180), ("Opening in Jeddah", "draft", 0),
)  # fmt: skip


class FakeCampaigns:
    """Answers ``/campaigns``; ``polite`` for pictures."""

    def __init__(self, *, empty: bool, polite: bool) -> None:
        self._polite = polite
        self.all = [] if empty else _believable() if polite else [CAMPAIGN]

    def one(self, campaign_id: str) -> dict[str, Any]:
        return next((one for one in self.all if one["id"] == campaign_id), CAMPAIGN)

    def report(self, campaign_id: str) -> dict[str, Any]:
        return _report() | {"campaign": self.one(campaign_id)} if self._polite else REPORT

    def recipients(self, status: str | None) -> list[dict[str, Any]]:
        rows = _people() if self._polite else [RECIPIENT]
        return [row for row in rows if status in (None, row["status"])][:200]


@cache
def _report() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = write_campaign_sample(Path(folder) / "sample.duckdb", _PEOPLE)
        with waqtor.connect(path=path) as log:
            return logged_report(log, SAMPLE_CAMPAIGN, timezone="Asia/Riyadh").model_dump(mode="json")


@cache
def _people() -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in campaign_events(_PEOPLE):
        if event.data.get("cause") != "campaign" or event.personal is None:
            continue
        error = event.data.get("error") or {}
        found[event.personal["to"]] = {
            "place": len(found), "contact": event.personal["to"], "variant": event.correlation_id[-1],
            "status": event.data["status"], "error": error.get("code"), "reason": error.get("reason"),
        }  # fmt: skip
    return list(found.values())


def _believable() -> list[dict[str, Any]]:
    counts = _report()["campaign"]["counts"]
    made = []
    for place, (name, status, sent) in enumerate(_NAMES):
        told: dict[str, Any] = {
            "total": _PEOPLE,
            "planned": _PEOPLE - sent,
            "sent": sent,
            "delivered": sent,
            "read": sent // 2,
        }
        if status == "completed":
            told = counts
        elif status == "running":
            told = told | {"planned": 900, "queued": 80, "sent": 1390, "delivered": 1322, "read": 871, "failed": 30}
        one = CAMPAIGN | {"id": f"01JD3ZK5T0M7Q8X9Y2B4C6D8E{place}", "name": name, "status": status, "counts": told}
        if status != "running":
            one |= {"eta": None, "speed": None}
        if status in ("draft", "scheduled"):
            one |= {"started": None}
        if status == "paused":
            one |= {"reason": "41 of the last 200 sends failed (budget 20%), most often (38) with: 131026"}
        made.append(one)
    return made
