"""Campaigns in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from waqtor.campaigns.ports import Campaign, Change, Member, Recipient
from waqtor.contracts.campaigns import AudienceView, CampaignCounts
from waqtor.contracts.ids import new_ulid
from waqtor.errors import Conflict, NotFound
from waqtor.messaging.ports import CAMPAIGN, Draft, Outcome
from waqtor.storage.audiences import SqlAudiences
from waqtor.storage.campaigns import SqlCampaigns
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.store import SqlStore


def contacts(count: int) -> list[str]:
    return [f"96650{i:07d}" for i in range(count)]


async def planned(store: SqlStore, count: int = 6, **spec: Any) -> tuple[SqlCampaigns, Campaign]:
    campaigns = SqlCampaigns(store)
    now = store.clock.now_us()
    made = Campaign(
        new_ulid(), "Sale", "s", "draft", new_ulid(), {"name": "Sale", **spec}, count, 0, 0, CampaignCounts(), now, now
    )
    await campaigns.create(made)
    rows = [Recipient(i, to, "AB"[i % 2], {"n": str(i)}) for i, to in enumerate(contacts(count))]
    assert await campaigns.plan(made.id, rows)
    assert not await campaigns.plan(made.id, rows)  # a second run changes nothing
    running = await campaigns.change(made.id, Change("running", ("draft",), "campaign.started"))
    return campaigns, running


def drafts(campaign: Campaign, to: list[str], attempt: int = 1) -> list[Draft]:
    return [
        Draft(
            "s", f"campaign:{campaign.id}:{contact}:{attempt}", contact, {"type": "text", "body": "x"},
            priority=CAMPAIGN, cause="campaign", cause_id=campaign.id, correlation_id=f"{campaign.id}:A",
        )
        for contact in to
    ]  # fmt: skip


async def test_rows_are_queued_once(store: SqlStore):
    campaigns, campaign = await planned(store)
    first = await campaigns.feed(campaign, 0, drafts(campaign, contacts(4)), "2026-01-01")
    assert len(first) == 4
    assert await campaigns.feed(campaign, 0, drafts(campaign, contacts(4)), "2026-01-01") == []
    counts = await campaigns.counts(await campaigns.get(campaign.id))
    assert (counts.queued, counts.planned, counts.total) == (4, 2, 6)
    assert await campaigns.warmed("s", "2026-01-02") == (1, 0)
    assert await campaigns.warmed("s", "2026-01-01") == (0, 4)


async def test_a_stopped_campaign_feeds_and_sends_nothing(store: SqlStore):
    campaigns, campaign = await planned(store)
    ledger = SqlLedger(store)
    first, second, *_ = await campaigns.feed(campaign, 0, drafts(campaign, contacts(4)), "2026-01-01")
    assert (await ledger.grant(first)).state == "go"
    await campaigns.change(campaign.id, Change("paused", ("running",), "campaign.paused", "why"))
    assert (await ledger.grant(second)).state == "gone"
    assert await campaigns.feed(campaign, 4, drafts(campaign, contacts(6)[4:]), "2026-01-01") == []
    assert await ledger.queue("s", "", 10) == []
    await campaigns.change(campaign.id, Change("running", ("paused",), "campaign.started"))
    assert len(await ledger.queue("s", "", 10)) == 3
    again = await campaigns.pendings(campaign.id, "s", 10)
    assert (await ledger.grant(again[0])).state == "go"


async def test_a_cancelled_campaign_skips_what_is_queued(store: SqlStore):
    campaigns, campaign = await planned(store)
    ledger = SqlLedger(store)
    first, *_ = await campaigns.feed(campaign, 0, drafts(campaign, contacts(4)), "2026-01-01")
    await campaigns.change(campaign.id, Change("cancelled", ("running",), "campaign.cancelled"))
    assert (await ledger.grant(first)).state == "skipped"
    assert await campaigns.skip_queued(campaign.id, "s", 2) == 2
    assert await campaigns.skip_queued(campaign.id, "s", 2) == 1
    counts = await campaigns.counts(await campaigns.get(campaign.id))
    assert (counts.skipped, counts.queued, counts.planned) == (4, 0, 2)
    skipped = [event for event in await store.journal.read(0, 100) if event.type == "message.failed"]
    assert len(skipped) == 4
    assert {event.correlation_id for event in skipped} == {f"{campaign.id}:A"}


async def test_only_failures_are_retried_and_counted_once(store: SqlStore):
    campaigns, campaign = await planned(store, 3)
    ledger = SqlLedger(store)
    for n, pending in enumerate(await campaigns.feed(campaign, 0, drafts(campaign, contacts(3)), "2026-01-01")):
        await ledger.grant(pending)
        state: Any = "sent" if n else "failed"
        await ledger.settle(Outcome(pending.message_id, "s", pending.to, state, provider_id="p", cause="campaign"))
    assert await campaigns.retry(campaign.id) == 1
    assert await campaigns.retry(campaign.id) == 0
    campaign = await campaigns.get(campaign.id)
    assert (campaign.planned, campaign.fed, campaign.total) == (4, 3, 3)
    (waiting,) = await campaigns.waiting(campaign.id, 3, 10)
    assert (waiting.contact, waiting.attempt) == (contacts(1)[0], 2)
    counts = await campaigns.counts(campaign)
    assert (counts.sent, counts.failed, counts.planned, counts.total) == (2, 0, 1, 3)


async def test_states_change_only_where_they_may(store: SqlStore):
    campaigns, campaign = await planned(store)
    with pytest.raises(Conflict):
        await campaigns.change(campaign.id, Change("completed", ("paused",), "campaign.completed"))
    with pytest.raises(NotFound):
        await campaigns.change("nope", Change("paused", ("running",), None))
    assert [c.id for c in await campaigns.live()] == [campaign.id]
    assert await campaigns.list("other", None, None, 10) == []
    assert [c.id for c in await campaigns.list("s", "running", None, 10)] == [campaign.id]


async def test_recipients_are_found_by_status_and_number(store: SqlStore):
    campaigns, campaign = await planned(store)
    ledger = SqlLedger(store)
    first, *_ = await campaigns.feed(campaign, 0, drafts(campaign, contacts(2)), "2026-01-01")
    await ledger.grant(first)
    await ledger.settle(Outcome(first.message_id, "s", first.to, "failed", error_code="131026", error_reason="no"))
    campaign = await campaigns.get(campaign.id)
    rows = await campaigns.recipients(campaign, status="failed", search=None, after=-1, limit=10)
    assert [(row.contact, row.error, row.reason) for row in rows] == [(contacts(1)[0], "131026", "no")]
    found = await campaigns.recipients(campaign, status=None, search="0000004", after=-1, limit=10)
    assert [row.place for row in found] == [4]
    page = await campaigns.recipients(campaign, status=None, search=None, after=3, limit=10)
    assert [row.place for row in page] == [4, 5]
    assert await campaigns.refusals(contacts(2), consent=True) == dict.fromkeys(contacts(2), "no_consent")


async def test_an_audience_is_usable_when_it_is_whole(store: SqlStore):
    audiences = SqlAudiences(store)
    view = AudienceView(id=new_ulid(), name="L", source="list", state="importing", created="", updated="")
    await audiences.begin(view, store.clock.now_us())
    members = [Member(i, to, {"name": "N"}) for i, to in enumerate(contacts(5))]
    await audiences.add(view.id, members, [], 5)
    ready = view.model_copy(update={"state": "ready", "total": 5, "rows": 5})
    done = await audiences.finish(ready, tags=("vip",), consent="import")
    assert (done.state, done.total) == ("ready", 5)
    assert [m.contact for m in await audiences.members(view.id, 3, 10)] == contacts(5)[3:]
    assert await audiences.tagged(("vip",), "", 10) == contacts(5)
    assert await SqlCampaigns(store).refusals(contacts(5), consent=True) == {}
    await audiences.delete(view.id)
    with pytest.raises(NotFound):
        await audiences.get(view.id)
