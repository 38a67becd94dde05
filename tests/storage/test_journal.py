from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from waqtor.contracts.events import Event
from waqtor.contracts.wire import envelope
from waqtor.storage.journal import SqlJournal


def rule_event(rule: str = "hours", **more) -> Event:
    data = {"rule_id": rule, "change": "changed", "revision": "r1"}
    return Event("smartbot.rule-updated", "default", data, **more)


def sent_event(number: int, to: str | None = "966501234567") -> Event:
    return Event(
        "message.sent", "default",
        {"message_id": f"m{number}", "status": "sent", "timestamp": "2026-01-01T00:00:00.000Z"},
        subject=f"m{number}", personal={"to": to} if to else None,
    )  # fmt: skip


async def test_events_get_growing_offsets_and_come_back(store):
    journal = store.journal
    assert (journal.head, await journal.first(), await journal.read(0, 10)) == (0, 0, [])
    events = [rule_event(f"r{i}") for i in range(5)]
    await journal.append(events[:2])
    await journal.append(events[2:])
    assert [e.offset for e in events] == [1, 2, 3, 4, 5]
    assert (journal.head, await journal.first()) == (5, 1)
    assert [e.id for e in await journal.read(0, 10)] == [e.id for e in events]
    assert [e.offset for e in await journal.read(2, 2)] == [3, 4]
    assert await journal.read(5, 10) == []
    assert await journal.read(50, 10) == []
    assert all(e.created > 0 for e in events)


async def test_many_writers_get_every_offset_once(store):
    events = [rule_event(f"r{i}") for i in range(300)]
    await asyncio.gather(*(store.journal.append([event]) for event in events))
    assert sorted(e.offset for e in events) == list(range(1, 301))
    assert [e.offset for e in await store.journal.read(0, 1000)] == list(range(1, 301))


async def test_a_known_dedup_key_is_refused_once_and_for_all(database):
    async with database.opened() as store:
        first, again = rule_event("a", dedup_key="k"), rule_event("b", dedup_key="k")
        await store.journal.append([first, again])
        assert (first.offset, again.offset) == (1, 0)
        later = [rule_event("c", dedup_key="k", offset=99), rule_event("d", dedup_key="other")]
        await store.journal.append(later)
        assert [e.offset for e in later] == [0, 2]
    async with database.opened() as store:
        after_restart = rule_event("e", dedup_key="k")
        await store.journal.append([after_restart])
        assert after_restart.offset == 0
        assert [e.data["rule_id"] for e in await store.journal.read(0, 9)] == ["a", "d"]


async def test_epoch_and_offsets_survive_a_restart(database):
    async with database.opened() as store:
        epoch = store.epoch
        await store.journal.append([rule_event()])
        salt = store.writer.salt
    async with database.opened() as store:
        assert (store.epoch, store.journal.head, store.writer.salt) == (epoch, 1, salt)
        event = rule_event()
        await store.journal.append([event])
        assert event.offset == 2
    assert len(epoch) == 26


async def test_personal_fields_stay_out_of_the_journal_rows(store):
    await store.journal.append([sent_event(1)])
    [(row,)] = await store.rows("SELECT data FROM journal")
    assert "966501234567" not in row
    [event] = await store.journal.read(0, 1)
    assert envelope(event)["data"]["to"] == "966501234567"
    await store.write(lambda tx: tx.many("DELETE FROM payloads WHERE id = ?", [("m1",)]))
    store.journal.forget({"m1"})
    [event] = await store.journal.read(0, 1)
    assert envelope(event)["data"]["to"] is None
    assert envelope(event)["data"]["erased"] is True


async def test_memory_and_database_give_the_same(sqlite):
    async with sqlite.opened() as store:
        store.journal._recent = type(store.journal._recent)(maxlen=50)
        for i in range(120):
            await store.journal.append([sent_event(i), rule_event(f"r{i}")] if i % 3 else [sent_event(i)])
        fresh = SqlJournal(store)  # knows nothing by heart, so it reads the database
        head = store.journal.head
        for after in (0, 1, head - 52, head - 51, head - 50, head - 49, head - 7, head - 1, head):
            for limit in (1, 7, 512):
                near = [envelope(e) for e in await store.journal.read(after, limit)]
                far = [envelope(e) for e in await fresh.read(after, limit)]
                assert near == far, (after, limit)
                assert len(near) == min(limit, head - after)


async def test_a_trimmed_journal_begins_later(store):
    await store.journal.append([rule_event(f"r{i}") for i in range(10)])
    await store.write(lambda tx: tx.many("DELETE FROM journal WHERE seq <= ?", [(4,)]))
    fresh = SqlJournal(store)
    assert await fresh.first() == 5
    assert [e.offset for e in await fresh.read(0, 3)] == [5, 6, 7]
    await fresh.refresh()
    assert fresh.head == 10
    await store.write(lambda tx: tx.many("DELETE FROM journal WHERE seq <= ?", [(9,)]))
    event = rule_event()
    await store.journal.append([event])
    assert event.offset == 11, "an offset is never used again"


async def test_watchers_hear_of_commits_and_can_leave(store):
    heard: list[int] = []

    def bad() -> None:
        raise RuntimeError("a watcher's fault")

    store.journal.watch(bad)
    stop = store.journal.watch(lambda: heard.append(store.journal.head))
    await store.journal.append([rule_event()])
    assert heard == [1]
    await store.write(lambda tx: None)
    assert heard == [1]
    stop()
    stop()
    await store.journal.append([rule_event()])
    assert heard == [1]


async def test_strict_mode_refuses_an_event_that_does_not_fit_its_model(store):
    wrong = Event("smartbot.rule-updated", "default", {"rule_id": "x", "change": "exploded", "revision": "r"})
    good = [rule_event(f"g{i}") for i in range(20)]
    results = await asyncio.gather(
        *(store.journal.append([e]) for e in [*good[:10], wrong, *good[10:]]), return_exceptions=True
    )
    assert isinstance(results[10], ValidationError)
    assert [r for r in results if r is not None] == [results[10]]
    assert [e.data["rule_id"] for e in await store.journal.read(0, 50)] == [e.data["rule_id"] for e in good]


async def test_missing_personal_fields_are_seen_in_strict_mode(store):
    with pytest.raises(ValidationError):
        await store.journal.append([Event("message.sent", "s", {"message_id": "m", "status": "sent", "timestamp": ""})])


async def test_ephemeral_and_unknown_events_are_not_journaled(store):
    with pytest.raises(ValueError, match="ephemeral"):
        await store.journal.append([rule_event(), Event("session.qr", "default", {"qr": "secret", "timestamp": ""})])
    with pytest.raises(KeyError):
        await store.journal.append([Event("no.such", "default", {})])
    assert await store.journal.read(0, 9) == []


async def test_hostile_texts_come_back_as_they_went_in(store):
    texts = [
        "",
        "\0",
        "مرحبا 👋🏽 e\u0301",
        "\u202eevil\u202c",
        "'; DROP TABLE journal; --",
        "?%s{in}%%",
        "x" * 1_000_000,
    ]
    events = [sent_event(i, to=text or "-") for i, text in enumerate(texts)]
    await store.journal.append(events)
    read = await SqlJournal(store).read(0, 99)
    assert [e.personal["to"] for e in read] == [text or "-" for text in texts]
    huge = rule_event()
    huge.data = {"rule_id": "x", "change": "changed", "revision": "\ud83d" + "r" * 10}
    await asyncio.gather(store.journal.append([huge]), return_exceptions=True)
    await store.journal.append([rule_event("after")])
    assert (await SqlJournal(store).read(0, 99))[-1].data["rule_id"] == "after"


@pytest.mark.postgres
async def test_offset_order_is_commit_order_with_two_writing_engines(postgres):
    """Two engines append as fast as they can; a reader that always goes on from the last offset misses nothing."""
    each = 400
    async with postgres.opened() as one, postgres.opened() as two, postgres.opened() as reader:
        seen: list[int] = []
        done = asyncio.Event()

        async def follow() -> None:
            after = 0
            while True:
                finished = done.is_set()
                events = await reader.journal.read(after, 64)
                seen.extend(e.offset for e in events)
                if events:
                    after = events[-1].offset
                elif finished:
                    return

        async def write(store) -> None:
            async def lane(n: int) -> None:
                for i in range(each // 8):
                    await store.journal.append([rule_event(f"r{n}_{i}")])

            await asyncio.gather(*(lane(n) for n in range(8)))

        following = asyncio.create_task(follow())
        await asyncio.gather(write(one), write(two))
        done.set()
        await following
        assert seen == list(range(1, 2 * each + 1))
        assert await reader.journal.refresh() == 2 * each


@pytest.mark.postgres
async def test_refresh_wakes_watchers_for_another_engines_events(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        assert one.epoch == two.epoch
        woken: list[int] = []
        two.journal.watch(lambda: woken.append(two.journal.head))
        await one.journal.append([rule_event(dedup_key="once")])
        assert two.journal.head == 0
        await two.journal.refresh()
        assert woken == [1]
        await two.journal.refresh()
        assert woken == [1]
        late = rule_event(dedup_key="once")
        await two.journal.append([late])
        assert late.offset == 0


@pytest.mark.postgres
async def test_an_engines_own_events_are_read_from_memory_and_another_engines_from_the_database(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        await one.journal.append([sent_event(1), sent_event(2)])
        assert [one.journal.held(n) is not None for n in (1, 2, 3)] == [True, True, False]
        await two.journal.append([sent_event(3)])
        assert [e.offset for e in await one.journal.read(0, 10)] == [1, 2]
        assert [e.offset for e in await one.journal.read(2, 10)] == [3]
        await one.journal.append([sent_event(4)])
        assert [one.journal.held(n) is not None for n in (2, 3, 4)] == [False, False, True]
        assert [e.offset for e in await one.journal.read(0, 10)] == [1, 2, 3, 4]
        assert [e.offset for e in await one.journal.read(3, 10)] == [4]


@pytest.mark.postgres
async def test_two_engines_that_write_in_turn_and_read_all_along_miss_nothing(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        seen: dict[str, list[int]] = {"one": [], "two": []}

        async def write(store, first: int) -> None:
            for number in range(first, first + 150):
                await store.journal.append([sent_event(number)])

        async def read(name: str, store) -> None:
            while len(seen[name]) < 300:
                after = seen[name][-1] if seen[name] else 0
                seen[name].extend(e.offset for e in await store.journal.read(after, 7))
                await asyncio.sleep(0)

        async with asyncio.timeout(60):
            await asyncio.gather(write(one, 1), write(two, 1000), read("one", one), read("two", two))
        assert seen == {"one": list(range(1, 301)), "two": list(range(1, 301))}
