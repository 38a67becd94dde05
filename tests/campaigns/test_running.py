"""Campaigns on a whole engine, counted at the simulator."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import pytest

from tests.campaigns.conftest import Bench, make_settings, people
from waqtor.bootstrap import Engine
from waqtor.contracts.campaigns import TestSend
from waqtor.contracts.commands import OptOut
from waqtor.errors import Conflict, InvalidInput, NotFound
from waqtor.transports.simulator.process import SimulatorProcess


async def test_everybody_gets_it_once(bench: Bench):
    campaign = await bench.create(
        recipients=[{"to": to, "name": f"N{i}"} for i, to in enumerate(people(500))], template="Hi {{name}}"
    )
    assert campaign.status == "draft"
    assert campaign.counts.total == 500
    assert (await bench.act(campaign, "execute"))["status"] == "running"
    done = await bench.until(campaign, "completed")
    assert (done.counts.sent, done.counts.failed, done.counts.skipped, done.counts.planned) == (500, 0, 0, 0)
    accepted = await bench.accepted()
    assert len(accepted) == 500
    assert set(accepted.values()) == {1}
    await bench.counted(campaign, lambda counts: counts.read == 500)
    messages = await bench.engine.archive.messages(limit=1)
    assert messages[0].body == "Hi N499"
    with pytest.raises(Conflict):
        await bench.act(campaign, "execute")


async def test_an_unknown_variable_names_itself_and_leaves_nothing(bench: Bench):
    with pytest.raises(InvalidInput, match="nmae"):
        await bench.create(recipients=[{"to": people(1)[0], "name": "N"}], template="Hi {{nmae}}")
    assert await bench.engine.campaigns.list(None, None, None, 10) == []
    assert await bench.engine.campaigns.audiences.store.list(10) == []
    with pytest.raises(NotFound):
        await bench.create(recipients=(), audience_id="nope")


async def test_pausing_at_random_repeats_and_skips_nobody(bench: Bench):
    dice = random.Random(3)
    campaign = await bench.create(recipients=people(1500))
    await bench.act(campaign, "execute")
    loop = asyncio.get_running_loop()
    for _ in range(20):
        await asyncio.sleep(dice.uniform(0, 0.05))
        try:
            await bench.act(campaign, "pause")
        except Conflict:
            break  # it was faster
        await asyncio.sleep(1.1 if _ == 0 else 0.02)  # calls in flight end within their time-out
        before = sum((await bench.accepted()).values())
        started = loop.time()
        while loop.time() - started < 0.1:
            await asyncio.sleep(0.02)
        assert sum((await bench.accepted()).values()) - before <= 64
        await bench.act(campaign, "resume")
    done = await bench.until(campaign, "completed")
    accepted = await bench.accepted()
    assert (len(accepted), set(accepted.values()), done.counts.sent) == (1500, {1}, 1500)


async def test_cancelling_skips_the_rest(bench: Bench):
    campaign = await bench.create(recipients=people(2000), rate=200)
    await bench.act(campaign, "execute")
    await bench.counted(campaign, lambda counts: counts.sent >= 5)
    cancelled = await bench.act(campaign, "cancel")
    assert cancelled["status"] == "cancelled"
    async with asyncio.timeout(30):
        while (await bench.status(campaign)).counts.queued:
            await asyncio.sleep(0.02)
    view = await bench.status(campaign)
    assert view.counts.planned > 0
    accepted = await bench.accepted()
    assert sum(accepted.values()) == len(accepted) == view.counts.sent + view.counts.in_doubt
    rows = await bench.engine.campaigns.recipients(campaign.id, status="cancelled", search=None, after=-1, limit=3)
    assert [row.status for row in rows] == ["cancelled"] * 3


async def test_opted_out_contacts_and_missing_variables_are_skipped_with_the_reason(bench: Bench):
    first, second, third = people(3)
    rows = [{"to": first, "name": "A"}, {"to": second, "name": ""}, {"to": third, "name": "C"}]
    campaign = await bench.create(recipients=rows, template="Hi {{name}}")
    await bench.engine.dispatch(OptOut(contact=third))
    rehearsal = await bench.act(campaign, "dry_run")
    assert rehearsal["ready"] == 1
    assert rehearsal["skips"] == {"missing_variable": 1, "opted_out": 1}
    assert rehearsal["samples"][0]["content"]["body"] == "Hi A"
    await bench.act(campaign, "execute")
    done = await bench.until(campaign, "completed")
    assert (done.counts.sent, done.counts.skipped) == (1, 2)
    found = await bench.engine.campaigns.recipients(campaign.id, status="skipped", search=None, after=-1, limit=10)
    assert [(row.contact, row.error) for row in found] == [(second[1:], "missing_variable"), (third[1:], "opted_out")]


async def test_consent_is_asked_for_at_send_time(bench: Bench):
    campaign = await bench.create(recipients=people(2), require_consent=True)
    await bench.act(campaign, "execute")
    done = await bench.until(campaign, "completed")
    assert (done.counts.sent, done.counts.skipped) == (0, 2)
    assert await bench.accepted() == {}


async def test_too_many_failures_pause_it_and_say_why(bench: Bench):
    await bench.simulator.control.script([{"kind": "error", "code": "131026", "reason": "not on WhatsApp"}])
    campaign = await bench.create(recipients=people(300), rate=500)
    await bench.act(campaign, "execute")
    paused = await bench.until(campaign, "paused")
    assert "131026" in str(paused.reason)
    assert paused.counts.failed >= 20
    assert paused.counts.planned > 0
    await bench.simulator.control.script([])
    await bench.act(campaign, "resume")
    done = await bench.until(campaign, "completed")
    assert done.counts.sent + done.counts.failed == 300
    await bench.act(campaign, "retry_failed")
    done = await bench.until(campaign, "completed")
    assert (done.counts.sent, done.counts.failed, done.counts.total) == (300, 0, 300)
    assert set((await bench.accepted()).values()) == {1}
    with pytest.raises(Conflict):
        await bench.act(campaign, "retry_failed")


async def test_a_refusal_of_the_number_holds_the_campaign_and_loses_nobody(bench: Bench):
    await bench.simulator.control.script(
        [{"kind": "error", "code": "131048", "reason": "spam rate limit", "after": 20, "times": 200}]
    )
    campaign = await bench.create(recipients=people(200))
    await bench.act(campaign, "execute")
    held = await bench.until(campaign, "held")
    assert "131048" in str(held.reason)
    await bench.simulator.control.script([])
    await bench.act(campaign, "resume")
    done = await bench.until(campaign, "completed")
    assert (done.counts.sent, done.counts.failed) == (200, 0)
    assert set((await bench.accepted()).values()) == {1}


async def test_each_class_of_provider_errors_is_handled_as_written(bench: Bench):
    script = [
        {"kind": "error", "code": "130429", "retry_after": 0.05, "times": 3},
        {"kind": "error", "code": "131056", "retry_after": 0.05, "after": 10, "times": 3},
        {"kind": "error", "code": "500", "retry_after": 0.05, "after": 20, "times": 3},
        {"kind": "error", "code": "131026", "after": 30, "times": 4},
        {"kind": "hang", "after": 40, "times": 2},
        {"kind": "swallow", "after": 50, "times": 2},
        {"kind": "drop_before", "after": 60, "times": 2},
        {"kind": "drop_after", "after": 70, "times": 2},
        {"kind": "error", "code": "80007", "retry_after": 0.05, "after": 80, "times": 3},
        {"kind": "error", "code": "131048", "reason": "spam rate limit", "after": 90, "times": 1},
    ]
    await bench.simulator.control.script(script)
    campaign = await bench.create(recipients=people(200), error_budget=0.5)
    await bench.act(campaign, "execute")
    held = await bench.until(campaign, "held")  # 131048 concerns the number: nobody fails, the campaign waits
    assert "131048" in str(held.reason)
    struck = {(f["kind"], f["struck"]) for f in (await bench.simulator.control.stats())["faults"]}
    await bench.act(campaign, "resume")
    done = await bench.until(campaign, "completed")
    assert (done.counts.sent, done.counts.failed, done.counts.in_doubt) == (196, 4, 0)
    accepted = await bench.accepted()
    assert (len(accepted), set(accepted.values())) == (196, {1})
    faults = (await bench.simulator.control.stats())["faults"]
    assert [(f["kind"], f["struck"]) for f in faults] == [(f["kind"], f["times"]) for f in script], struck
    failed = await bench.engine.campaigns.recipients(campaign.id, status="failed", search=None, after=-1, limit=10)
    assert {(row.error, row.attempt) for row in failed} == {("131026", 1)}


async def test_a_b_variants_split_stably_and_are_reported(bench: Bench):
    variants = [{"name": "A", "template": "Hi"}, {"name": "B", "weight": 3, "template": "Hello"}]
    campaign = await bench.create(recipients=people(400), template=None, variants=variants)
    plan = await bench.engine.campaigns.recipients(campaign.id, status=None, search=None, after=-1, limit=400)
    await bench.act(campaign, "execute")
    await bench.until(campaign, "completed")
    rows = await bench.engine.campaigns.recipients(campaign.id, status=None, search=None, after=-1, limit=400)
    assert [row.variant for row in rows] == [row.variant for row in plan]
    share = sum(row.variant == "B" for row in rows) / 400
    assert 0.65 < share < 0.85
    answered = next(row.contact for row in rows if row.variant == "A")
    await bench.simulator.control.inject({"text": "yes please", "from": answered})
    report = await bench.engine.campaigns.report(campaign.id)
    assert report.replied == 1
    assert {v.variant: v.replied for v in report.variants} == {"A": 1, "B": 0}
    assert report.difference is not None
    assert report.difference["low"] < report.difference["value"] < report.difference["high"]
    assert sum(point["sent"] for point in report.speed) == 400
    replied = await bench.engine.campaigns.recipients(campaign.id, status="replied", search=None, after=-1, limit=9)
    assert [row.contact for row in replied] == [answered]
    assert replied[0].replied_after_s is not None


async def test_a_test_send_goes_to_own_numbers_only(bench: Bench):
    campaign = await bench.create(recipients=[{"to": people(1)[0], "name": "N"}], template="Hi {{name}}")
    sent = await bench.engine.dispatch(TestSend(campaign_id=campaign.id, recipients=("+971501234567",)))
    assert [item["to"] for item in sent["sent"]] == ["971501234567"]
    async with asyncio.timeout(30):
        while not await bench.accepted():
            await asyncio.sleep(0.02)
    assert await bench.accepted() == {"971501234567": 1}
    assert (await bench.status(campaign)).status == "draft"


async def test_schedules_wait_and_clones_start_anew(bench: Bench):
    schedule = {"at": "2099-01-01T09:00", "timezone": "Asia/Riyadh"}
    campaign = await bench.create(schedule=schedule)
    assert campaign.due == "2099-01-01T06:00:00.000Z"
    assert (await bench.act(campaign, "execute"))["status"] == "scheduled"
    clone = await bench.act(campaign, "clone")
    assert (clone["status"], clone["due"]) == ("draft", None)
    with pytest.raises(InvalidInput, match="Mars"):
        await bench.create(schedule={"timezone": "Mars/Phobos"})


async def test_a_start_that_was_missed_is_not_made_up(bench: Bench):
    campaign = await bench.create(schedule={"at": "2020-01-01T09:00", "late_minutes": 5})
    await bench.engine.store.write(
        lambda tx: tx.many("UPDATE campaigns SET status = 'scheduled' WHERE id = ?", [(campaign.id,)])
    )
    paused = await bench.until(campaign, "paused")
    assert "missed" in str(paused.reason)
    assert await bench.accepted() == {}


async def test_quiet_hours_hold_it(bench: Bench):
    campaign = await bench.create(schedule={"quiet_hours": "00:00-23:59", "timezone": "UTC"})
    await bench.act(campaign, "execute")
    held = await bench.until(campaign, "held")
    assert "quiet hours" in str(held.reason)
    assert await bench.accepted() == {}


async def test_warm_up_limits_a_number_s_first_day(bench: Bench):
    campaign = await bench.create(recipients=people(30), warm_up={"first_day": 10, "growth": 2})
    await bench.act(campaign, "execute")
    held = await bench.until(campaign, "held")
    assert "warm-up" in str(held.reason)
    await bench.counted(campaign, lambda counts: counts.sent == 10)
    assert sum((await bench.accepted()).values()) == 10


async def test_a_stopped_engine_goes_on_where_it_was(tmp_path: Path, simulator: SimulatorProcess):
    settings = make_settings(tmp_path)
    engine = Engine(settings)
    await engine.start()
    await simulator.control.wait_connected()
    bench = Bench(engine, simulator)
    campaign = await bench.create(recipients=people(1200))
    await bench.act(campaign, "execute")
    await bench.counted(campaign, lambda counts: counts.sent >= 50)
    await engine.stop()
    again = Bench(Engine(settings), simulator)
    await again.engine.start()
    try:
        done = await again.until(campaign, "completed")
    finally:
        await again.engine.stop()
    accepted = await again.accepted()
    assert (done.counts.sent, len(accepted), set(accepted.values())) == (1200, 1200, {1})


async def test_progress_comes_at_most_four_times_a_second_and_ends_with_the_end(bench: Bench):
    ticks: list[tuple[float, int]] = []
    loop = asyncio.get_running_loop()
    bench.engine.bus.subscribe("campaign.progress", lambda event: ticks.append((loop.time(), event.data["sent"])))
    campaign = await bench.create(recipients=people(300), rate=200)
    await bench.act(campaign, "execute")
    await bench.until(campaign, "completed")
    assert ticks
    assert all(later[0] - earlier[0] > 0.24 for earlier, later in itertools.pairwise(ticks))
    events = await bench.engine.journal.read(0, 100_000)
    states = [event.type for event in events if event.type.startswith("campaign.")]
    assert states == ["campaign.started", "campaign.completed"]
    assert {event.correlation_id for event in events if event.data.get("cause") == "campaign"} == {f"{campaign.id}:A"}


async def test_a_campaign_is_retried_only_when_all_of_it_is_planned(bench: Bench):
    """New attempts go to the end of the plan: before that is there, they would take others' places."""
    campaign = await bench.create(recipients=people(5))
    await bench.engine.store.write(
        lambda tx: tx.many("UPDATE campaigns SET status = 'paused', planned = 2 WHERE id = ?", [(campaign.id,)])
    )
    with pytest.raises(Conflict, match="still being planned"):
        await bench.act(campaign, "retry_failed")
