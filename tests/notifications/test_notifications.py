"""Notifications on SQLite and on PostgreSQL: once per event, digest, read-up-to mark, exact counters, retention."""

from __future__ import annotations

import random

import pytest

from waqtor.contracts import notifications as n
from waqtor.contracts.events import Event
from waqtor.errors import NotFound
from waqtor.kernel.clock import FakeClock
from waqtor.notifications.ports import OWNER, Note
from waqtor.notifications.rules import TYPES, note_of
from waqtor.notifications.service import NotificationService
from waqtor.storage.notifications import SqlNotifications


def service_of(store, free=(10**12, 10**12)) -> NotificationService:
    return NotificationService(SqlNotifications(store), store.clock, free_space=lambda: free)


def lost(**more) -> Event:
    return Event("session.status", "default", {"status": "disconnected", "reason": "The phone is offline."}, **more)


async def test_an_event_makes_one_however_often_it_comes(store):
    service = service_of(store)
    event = lost()
    for _ in range(3):
        await service.on_event(event)
    (view,) = await service.page(OWNER, True, None, 10)
    assert (view.title, view.type, view.kind, view.count) == ("WhatsApp was disconnected", "error", "session", 1)
    await service.on_event(lost())
    (view,) = await service.page(OWNER, True, None, 10)
    assert view.count == 2
    kinds = [e.type for e in await store.journal.read(0, 10)]
    assert kinds == ["notification.created", "notification.updated"]
    await service.update(OWNER, view.id, n.UpdateNotification(read=True))
    await service.on_event(lost())
    assert len(await service.page(OWNER, False, None, 10)) == 2


async def test_marks_and_counters_agree_whatever_is_done(store):
    service, draw = service_of(store), random.Random(4)
    for step in range(120):
        views = await service.page(OWNER, False, None, 200)
        act = draw.choice(["make", "make", "read", "unread", "delete", "all" if step % 7 == 0 else "make"])
        if act == "make" or not views:
            await service.create(OWNER, n.CreateNotification(title=f"No. {step}"))
        elif act == "all":
            assert await service.read_all(OWNER) == sum(not v.read for v in views)
        elif act == "delete":
            await service.delete(OWNER, draw.choice(views).id)
        else:
            await service.update(OWNER, draw.choice(views).id, n.UpdateNotification(read=act == "read"))
        now, count = await service.page(OWNER, False, None, 200), await service.count(OWNER)
        assert (count.total, count.unread) == (len(now), sum(not v.read for v in now))
        unread = await service.page(OWNER, True, None, 200)
        assert [v.id for v in unread] == [v.id for v in now if not v.read]


async def test_pages_follow_each_other_and_belong_to_one_person(store):
    service = service_of(store)
    made = [(await service.create(OWNER, n.CreateNotification(title=str(i)))).id for i in range(7)]
    other = await service.create("somebody", n.CreateNotification(title="theirs"))
    seen, before = [], None
    while page := await service.page(OWNER, False, before, 3):
        seen += [view.id for view in page]
        before = int(page[-1].cursor)
    assert seen == made[::-1]
    with pytest.raises(NotFound):
        await service.update(OWNER, other.id, n.UpdateNotification(read=True))
    with pytest.raises(NotFound):
        await service.delete(OWNER, other.id)


async def test_muted_kinds_are_not_made(store):
    service = service_of(store)
    await service.prefer(OWNER, n.Preferences(muted=("session",)))
    await service.on_event(lost())
    assert (await service.count(OWNER)).total == 0
    assert (await service.preferences(OWNER)).muted == ("session",)


async def test_a_full_disk_is_told_once(store):
    service = service_of(store, (100_000_000, 10**12))
    await service.check_disk()
    await service.check_disk()
    (view,) = await service.page(OWNER, True, None, 10)
    assert (view.kind, view.count) == ("disk", 2)
    assert (await service_of(store).count(OWNER)).total == 1


async def test_old_ones_are_dropped_and_the_counters_follow(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        service = service_of(store)
        for i in range(3):
            await service.create(OWNER, n.CreateNotification(title=str(i)))
        await clock.advance(31 * 86_400)
        await service.create(OWNER, n.CreateNotification(title="new"))
        assert await service.trim() == 3
        assert await service.count(OWNER) == n.NotificationCount(total=1, unread=1)


@pytest.mark.parametrize(
    ("kind", "data", "title"),
    [
        ("campaign.completed", {"campaign_id": "c", "sent": 3, "total": 3}, "A campaign has finished"),
        ("campaign.failed", {"campaign_id": "c", "reason": "No number."}, "A campaign has failed"),
        ("campaign.paused", {"campaign_id": "c", "reason": "budget"}, "A campaign was paused by its error budget"),
        ("campaign.paused", {"campaign_id": "c", "status": "held"}, "A campaign is held"),
        ("campaign.paused", {"campaign_id": "c", "status": "paused"}, None),
        ("webhook.disabled", {"webhook_id": "w", "host": "h", "reason": "410"}, "A webhook was switched off"),
        ("webhook.delivery", {"webhook_id": "w", "status": "dead"}, "Webhook deliveries were given up"),
        ("webhook.delivery", {"webhook_id": "w", "status": "failed"}, None),
        ("reader.set-aside", {"reader": "r", "event_type": "message.sent"}, "An event was set aside"),
        ("smartbot.handoff", {}, "A customer waits for a person"),
        ("smartbot.suggestions-ready", {"count": 4}, "Suggestions are ready for review"),
        ("session.status", {"status": "auth_failure"}, "WhatsApp refused the login"),
        ("session.status", {"status": "ready"}, None),
        ("message.sent", {}, None),
    ],
)  # fmt: skip
def test_what_makes_one(kind, data, title):
    note = note_of(Event(kind, "default", data))
    assert (note.title if note else None) == title
    assert note is None or kind in TYPES


async def test_a_note_keeps_the_key_of_its_text_and_what_fills_it(store):
    service = service_of(store)
    ready = [Event("smartbot.suggestions-ready", "", {"count": count}) for count in (4, 7)]
    for event in ready:
        await service.on_event(event)
    (view,) = await service.page(OWNER, True, None, 10)
    assert (view.wording, view.params, view.message, view.count) == ("suggestions", {"count": 7}, "7 wait.", 2)
    await service.create(OWNER, n.CreateNotification(title="By hand"))
    assert (await service.page(OWNER, True, None, 1))[0].wording is None


def test_a_note_says_where_to_look():
    assert Note("custom", "info", "x").link is None
    assert note_of(lost()).link == "/"
