from __future__ import annotations

import asyncio

from waqtor.contracts.events import Event
from waqtor.kernel.ports import Position
from waqtor.storage.cursors import SqlCursors


async def test_a_position_is_kept_over_a_restart_and_never_goes_back(database):
    async with database.opened() as store:
        cursors = SqlCursors(store)
        assert await cursors.load("bot") is None
        await asyncio.gather(*(cursors.save("bot", Position(store.epoch, n)) for n in (3, 7, 5)))
        assert await cursors.load("bot") == Position(store.epoch, 7)
        await cursors.save("log", Position(store.epoch, 1))
    async with database.opened() as store:
        cursors = SqlCursors(store)
        assert await cursors.load("bot") == Position(store.epoch, 7)
        await cursors.save("bot", Position("another-history", 2))
        assert await cursors.load("bot") == Position("another-history", 2)


async def test_what_is_set_aside_is_kept_and_journaled_once(store):
    event = Event("smartbot.rule-updated", "s", {"rule_id": "r", "change": "added", "revision": "1"})
    await store.journal.append([event])
    cursors = SqlCursors(store)
    for _ in range(2):
        await cursors.set_aside("bot", event, 3, "ValueError: " + "\N{SNOWMAN}" * 5000)
    rows = await store.rows("SELECT reader, position, event_id, event_type, attempts, state FROM dead_letters")
    assert rows == [("bot", 1, event.id, "smartbot.rule-updated", 3, "set_aside")]
    [aside] = await store.journal.read(1, 9)
    assert (aside.type, aside.data["offset"], len(aside.data["error"])) == ("reader.set-aside", 1, 500)
