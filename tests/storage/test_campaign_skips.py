"""Whom a campaign leaves out: rows and events, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

from tests.storage.test_campaigns import contacts, planned
from waqtor.campaigns.ports import Recipient
from waqtor.storage.campaigns import SqlCampaigns
from waqtor.storage.store import SqlStore


async def skips(store: SqlStore) -> list[dict]:
    return [event.data for event in await store.journal.read(0, 1000) if event.type == "campaign.skipped"]


async def test_a_part_of_the_plan_is_noted_once(store: SqlStore):
    campaigns, campaign = await planned(store)
    rows = [Recipient(i, to, "AB"[i % 2], {}, skip=("x", "why") if i < 4 else None) for i, to in enumerate("abcdef")]
    for _ in range(2):
        await campaigns.note_skips(campaign, rows)
    await campaigns.note_skips(campaign, rows[4:])
    assert await skips(store) == [
        {
            "campaign_id": campaign.id,
            "skips": [
                {"variant": "A", "code": "x", "reason": "why", "count": 2},
                {"variant": "B", "code": "x", "reason": "why", "count": 2},
            ],
        }
    ]


async def test_skipping_is_kept_and_counted_once(store: SqlStore):
    campaigns, campaign = await planned(store)
    waiting = await campaigns.waiting(campaign.id, 0, 10)
    late = [replace(row, skip=("outside_window", "late")) for row in waiting[:3]]
    for _ in range(2):
        await campaigns.skip(campaign, late)
    again = await campaigns.waiting(campaign.id, 0, 10)
    assert [row.skip for row in again] == [("outside_window", "late")] * 3 + [None] * 3
    assert sum(skip["count"] for data in await skips(store) for skip in data["skips"]) == 3
    counts = await campaigns.counts(await campaigns.get(campaign.id))
    assert (counts.skipped, counts.planned) == (3, 3)


async def test_who_is_silent_is_only_said_of_a_number_that_knows(store: SqlStore):
    campaigns, people = SqlCampaigns(store), contacts(1200)
    assert await campaigns.silent_since("s", people, 1000) == set()
    chat = (
        "INSERT INTO chats (session, chat_id, is_group, last_message_id, last_direction, last_at, unread, "
        "last_inbound_at) VALUES (?, ?, 0, 'm', 'in', 1, 0, ?)"
    )
    await store.write(lambda tx: tx.many(chat, [("s", people[0], 1500), ("s", people[1], 400), ("t", people[2], 1500)]))
    assert await campaigns.silent_since("s", people, 1000) == set(people[1:])
    assert await campaigns.silent_since("t", people, 1000) == set()
