"""Schedules a campaign for tomorrow at nine and watches it. Run it beside ``waqtor up``.

``python examples/campaign_scheduler.py list.csv "{{name}}, we open a new branch!"``
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from waqtor import WaqtorClient

ZONE = "Asia/Riyadh"


def main(path: str, text: str) -> None:
    """Upload, rehearse, schedule, watch."""
    with WaqtorClient() as client:
        upload = client.campaigns.upload(path)
        audience = client.campaigns.create_audience("From a file", upload_id=upload.upload_id)
        while audience.state == "importing":
            time.sleep(0.5)
            audience = client.campaigns.audience(audience.id)
        for issue in client.campaigns.audience_issues(audience.id):
            print(f"left out, line {issue.line}: {issue.message}")
        tomorrow = (datetime.now(ZoneInfo(ZONE)) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
        campaign = client.campaigns.create(
            "Tomorrow at nine",
            audience_id=audience.id,
            template=text,
            fallbacks={"name": "Dear customer"},
            schedule={"at": tomorrow.isoformat(), "timezone": ZONE, "quiet_hours": "21:00-08:00"},
        )
        rehearsal = client.campaigns.dry_run(campaign.id)
        print(f"{rehearsal.ready} of {rehearsal.total} will get it; left out: {rehearsal.skips}")
        view = client.campaigns.execute(campaign.id)
        while view.status in ("scheduled", "running", "held"):
            print(view.status, view.reason or "", view.counts.sent, "of", view.counts.total, flush=True)
            time.sleep(5)
            view = client.campaigns.status(campaign.id)
        print(view.status, view.counts)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
