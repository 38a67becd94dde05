"""The journal goes when it is old enough and everybody has read it; on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from waqtor.contracts.events import Event
from waqtor.contracts.wire import Since
from waqtor.kernel.clock import FakeClock
from waqtor.kernel.ports import Position
from waqtor.realtime.recovery import unrecoverable
from waqtor.storage.cursors import SqlCursors
from waqtor.storage.trimming import DAY_US, SqlTrimming


@pytest.fixture
async def old(database):
    """A store with ten events, the last two of which are young."""
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        now = clock.now_us()
        for n in range(1, 11):
            event = Event("smartbot.suggestions-ready", "", {"count": n}, created=now - (40 if n < 9 else 1) * DAY_US)
            await store.journal.append([event])
        yield store, clock


async def test_what_everybody_has_read_goes_and_what_is_young_stays(old):
    store, _ = old
    cursors = SqlCursors(store)
    await cursors.save("bot", Position(store.epoch, 10))
    trimming = SqlTrimming(store, {"bot"})
    assert await trimming.limit(30) == (8, None)
    assert await trimming.journal(30) == 8
    assert await store.journal.first() == 9
    assert await trimming.journal(30) == 0
    later = Event("smartbot.suggestions-ready", "", {"count": 11})
    await store.journal.append([later])
    assert later.offset == 11


async def test_a_reader_that_is_behind_holds_it(old):
    store, _ = old
    cursors = SqlCursors(store)
    await cursors.save("bot", Position(store.epoch, 10))
    await cursors.save("webhooks", Position(store.epoch, 3))
    trimming = SqlTrimming(store, {"bot", "webhooks"})
    assert await trimming.limit(30) == (3, "webhooks")
    assert await trimming.journal(30) == 3
    assert [event.offset for event in await store.journal.read(3, 3)] == [4, 5, 6]


async def test_a_reader_that_has_not_begun_holds_everything(old):
    store, _ = old
    assert await SqlTrimming(store, {"bot"}).journal(30) == 0


async def test_what_is_gone_holds_nothing(old):
    store, clock = old
    cursors = SqlCursors(store)
    await cursors.save("plugin:gone", Position(store.epoch, 1))
    await cursors.save("bot", Position(store.epoch, 10))
    trimming = SqlTrimming(store, {"bot"})
    assert await trimming.limit(30) == (1, "plugin:gone")
    await clock.advance(31 * 86_400)
    await store.journal.append([Event("smartbot.suggestions-ready", "", {"count": 11}, created=clock.now_us())])
    await cursors.save("bot", Position(store.epoch, 11))
    assert await trimming.limit(30) == (10, None)


async def test_a_waiting_delivery_holds_its_event(old):
    store, _ = old
    await SqlCursors(store).save("bot", Position(store.epoch, 10))
    await store.write(
        lambda tx: tx.many(
            "INSERT INTO webhook_deliveries (id, webhook_id, name, type, seq, lane, session, state, attempts, due_at, "
            "test, created, updated) VALUES ('d', 'w', 'n', 't', ?, 0, '', 'pending', 0, 0, 0, 0, 0)",
            [(5,)],
        )
    )
    assert await SqlTrimming(store, {"bot"}).limit(30) == (4, "webhook deliveries")


async def test_the_newest_row_stays_however_old_so_that_offsets_go_on(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        old = [
            Event("smartbot.suggestions-ready", "", {"count": n}, created=clock.now_us() - 99 * DAY_US)
            for n in range(1200)
        ]
        await store.journal.append(old)
        await SqlCursors(store).save("bot", Position(store.epoch, 1200))
        assert await SqlTrimming(store, {"bot"}).journal(30) == 1199
    async with database.opened(clock=clock) as store:
        event = Event("smartbot.suggestions-ready", "", {"count": 1})
        await store.journal.append([event])
        assert event.offset == 1201


async def test_a_client_that_asks_for_what_is_gone_is_told(old):
    store, _ = old
    await SqlCursors(store).save("bot", Position(store.epoch, 10))
    await SqlTrimming(store, {"bot"}).journal(30)
    ask = [Since(epoch=store.epoch, offset=offset) for offset in (4, 8, 10)]
    found = [await unrecoverable(store.journal, since, store.journal.head) for since in ask]
    assert found == ["too_old", "", ""]


async def test_personal_fields_of_their_own_go_with_the_event(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        for _ in range(2):
            event = Event(
                "contact.opted-out", "s", {"source": "message"}, created=clock.now_us() - 99 * DAY_US,
                personal={"contact": "966501234567"},
            )  # fmt: skip
            event.subject = event.id
            await store.journal.append([event])
        await SqlCursors(store).save("bot", Position(store.epoch, 2))
        await SqlTrimming(store, {"bot"}).journal(30)
        assert (await store.rows("SELECT count(*) FROM payloads"))[0][0] == 1


async def test_the_audit_log_cannot_be_changed_and_ends_with_its_time(database):
    import sqlite3

    from waqtor.privacy.ports import Asked, AuditQuery
    from waqtor.storage.audit import SqlAudit

    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        audit = SqlAudit(store)
        await audit.record("key.created", "k1", Asked("key", "name", "request"), scopes=2)
        with pytest.raises(sqlite3.IntegrityError) if database.dialect == "sqlite" else _nothing():
            await store.write(lambda tx: tx.many("UPDATE audit SET action = ?", [("nothing",)]))
        (entry,) = await audit.entries(AuditQuery())
        assert (entry.action, entry.subject, entry.request_id, entry.details) == (
            "key.created", "k1", "request", {"scopes": 2}
        )  # fmt: skip
        assert await audit.trim(clock.now_us()) == 0
        assert await audit.trim(clock.now_us() + 1) == 1


def _nothing():
    import contextlib

    return contextlib.nullcontext()
