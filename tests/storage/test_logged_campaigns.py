"""A campaign's report from the traffic log says what the engine's report says."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

import waqtor
from tests.campaigns.conftest import Bench, make_settings, people, simulator
from waqtor.analytics.sample_campaign import SAMPLE_CAMPAIGN, campaign_events
from waqtor.bootstrap import Engine
from waqtor.contracts.campaigns import CampaignReport
from waqtor.contracts.commands import OptOut
from waqtor.contracts.events import check
from waqtor.errors import NotFound
from waqtor.storage.duck_sample import write_campaign_sample
from waqtor.storage.logged_campaigns import logged_campaigns, logged_report
from waqtor.transports.simulator.process import SimulatorProcess

__all__ = ["simulator"]

SAME = ("variants", "failures", "hours", "timezone", "replied", "reply_rate", "difference")
VARIANTS = [{"name": "A", "template": "Hi {{name}}"}, {"name": "B", "template": "Hello {{name}}"}]


async def one_campaign(tmp_path: Path, simulator: SimulatorProcess) -> tuple[str, CampaignReport, Path]:
    """A campaign with failures that are retried, people left out, and replies; its id, report and log."""
    settings = make_settings(tmp_path)
    engine = Engine(settings)
    await engine.start()
    await simulator.control.wait_connected()
    bench = Bench(engine, simulator)
    to = people(240)
    rows = [{"to": number, "name": "" if place % 20 == 3 else f"N{place}"} for place, number in enumerate(to)]
    await simulator.control.script(
        [
            {"kind": "error", "code": "131026", "reason": "not on WhatsApp", "after": 10, "times": 9},
            {"kind": "error", "code": "131053", "reason": "media", "after": 60, "times": 4},
        ]
    )
    campaign = await bench.create(recipients=rows, template=None, variants=VARIANTS, error_budget=1)
    for number in to[100:103]:
        await engine.dispatch(OptOut(contact=number))
    await bench.act(campaign, "execute")
    await bench.until(campaign, "completed")
    await simulator.control.script([{"kind": "error", "code": "131026", "reason": "not on WhatsApp", "times": 5}])
    await bench.act(campaign, "retry_failed")
    done = await bench.until(campaign, "completed")
    await simulator.control.wait_idle()
    dice = random.Random(2)
    sent = await engine.campaigns.recipients(campaign.id, status=None, search=None, after=-1, limit=1000)
    for row in dice.sample([row for row in sent if row.status in ("sent", "delivered", "read")], 25):
        for _ in range(dice.choice((1, 2))):
            await simulator.control.inject({"text": "yes", "from": row.contact})
    async with asyncio.timeout(30):
        while (report := await engine.campaigns.report(campaign.id)).replied < 25 or (
            report.campaign.counts.read < done.counts.sent
        ):
            await asyncio.sleep(0.05)
    await engine.log.flush()
    report = await engine.campaigns.report(campaign.id)
    await engine.stop()
    return campaign.id, report, settings.duckdb_file


async def test_the_log_says_what_the_engine_says(tmp_path: Path, simulator: SimulatorProcess):
    campaign_id, engine, path = await one_campaign(tmp_path, simulator)
    assert engine.campaign.counts.failed == 5
    assert engine.campaign.counts.skipped == 15
    with waqtor.connect(path=path) as log:
        found = logged_report(log, campaign_id, timezone=engine.timezone)
        listed = logged_campaigns(log)
        with pytest.raises(NotFound):
            logged_report(log, "01NOSUCHCAMPAIGN", timezone="UTC")
    for name in SAME:
        assert getattr(found, name) == getattr(engine, name), name
    assert found.campaign.counts == engine.campaign.counts
    assert (found.campaign.status, found.campaign.session) == ("completed", "default")
    # The engine knows when a call began, the log when it was over.
    assert sum(point["sent"] for point in found.speed) == sum(point["sent"] for point in engine.speed)
    assert found.bucket_s == engine.bucket_s
    assert found.reply_median_s == pytest.approx(engine.reply_median_s, abs=1.0)
    assert list(listed["campaign_id"]) == [campaign_id]


def test_the_sample_is_a_campaign_of_the_contracts(tmp_path: Path):
    events = list(campaign_events(400))
    assert [event.offset for event in events] == list(range(1, len(events) + 1))
    for event in events:
        check(event)
    assert [e.id for e in campaign_events(400)] == [e.id for e in events]
    with waqtor.connect(path=write_campaign_sample(tmp_path / "s.duckdb", 400)) as log:
        report = logged_report(log, SAMPLE_CAMPAIGN, timezone="Asia/Riyadh")
    counts = report.campaign.counts
    assert counts.total == counts.sent + counts.failed + counts.skipped == 400
    assert counts.sent == sum(event.type == "message.sent" for event in events)
    assert report.replied == sum(event.type == "message.received" for event in events)
    assert {variant.variant for variant in report.variants} == {"A", "B"}
    assert {row["code"] for row in report.failures} == {"131026", "opted_out", "missing_variable"}
