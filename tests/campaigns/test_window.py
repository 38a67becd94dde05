"""Free text outside of the window after a person's last message: told up front, and skipped instead of failing."""

from __future__ import annotations

import asyncio

import pytest

from tests.campaigns.conftest import Bench, people
from waqtor.campaigns.window import OUTSIDE

TEMPLATE = {"type": "template", "name": "sale", "language": "en"}


@pytest.fixture
async def windowed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A number with a window, on which somebody wrote long ago (so that it knows who did not write since)."""
    runtime = bench.engine.runtime("default")
    assert runtime is not None
    monkeypatch.setattr(runtime.transport, "window_s", 86_400.0)
    await wrote(bench, "966555555555")
    long_ago = bench.engine.clock.now_us() - 2 * 86_400_000_000
    await bench.engine.store.write(lambda tx: tx.many("UPDATE chats SET last_inbound_at = ?", [(long_ago,)]))
    return bench


async def wrote(bench: Bench, contact: str) -> None:
    await bench.simulator.control.inject({"text": "hello", "from": contact})
    async with asyncio.timeout(30):
        while not await bench.engine.archive.messages(chat_id=contact, limit=1):
            await asyncio.sleep(0.02)


async def test_who_has_not_written_is_counted_up_front_and_skipped(windowed: Bench):
    to = people(30)
    await wrote(windowed, to[0][1:])
    await wrote(windowed, to[7][1:])
    campaign = await windowed.create(recipients=to)
    rehearsal = await windowed.act(campaign, "dry_run")
    assert (rehearsal["ready"], rehearsal["skips"], rehearsal["notes"]) == (2, {OUTSIDE: 28}, ["free_text"])
    await windowed.act(campaign, "execute")
    done = await windowed.until(campaign, "completed")
    assert (done.counts.sent, done.counts.skipped, done.counts.failed) == (2, 28, 0)
    assert set(await windowed.accepted()) >= {to[0][1:], to[7][1:]}
    rows = await windowed.engine.campaigns.recipients(campaign.id, status="skipped", search=None, after=-1, limit=50)
    assert {(row.error, row.message_id) for row in rows} == {(OUTSIDE, None)}
    assert "24 hours" in str(rows[0].reason)
    report = await windowed.engine.campaigns.report(campaign.id)
    assert [(f["code"], f["count"]) for f in report.failures] == [(OUTSIDE, 28)]
    events = [e for e in await windowed.engine.journal.read(0, 10_000) if e.type == "campaign.skipped"]
    assert sum(skip["count"] for e in events for skip in e.data["skips"]) == 28


async def test_a_template_reaches_everybody(windowed: Bench):
    variants = [{"name": "free", "template": "Hi"}, {"name": "approved", "content": TEMPLATE}]
    campaign = await windowed.create(recipients=people(40), template=None, variants=variants)
    rehearsal = await windowed.act(campaign, "dry_run")
    assert rehearsal["ready"] == rehearsal["variants"]["approved"] > 5
    await windowed.act(campaign, "execute")
    done = await windowed.until(campaign, "completed")
    assert (done.counts.sent, done.counts.skipped) == (rehearsal["ready"], 40 - rehearsal["ready"])
    only = await windowed.create(recipients=people(3), template=None, content=TEMPLATE)
    rehearsal = await windowed.act(only, "dry_run")
    assert (rehearsal["ready"], rehearsal["notes"]) == (3, [])


async def test_a_number_without_a_window_asks_nobody(bench: Bench):
    campaign = await bench.create(recipients=people(3))
    rehearsal = await bench.act(campaign, "dry_run")
    assert (rehearsal["ready"], rehearsal["notes"]) == (3, [])
