from __future__ import annotations

from pathlib import Path

from tests.storage.test_duck_log import message, running
from waqtor.benchmarks.log import MemoryJournal
from waqtor.smartbot.rules_replay import Past
from waqtor.storage.past_messages import DuckPast

AT = 1_795_000_000_123_456


async def pages(log, since: int, limit: int, page: int = 2) -> list[list[Past]]:
    return [items async for items in DuckPast(log, page).past(since, limit)]


async def test_messages_come_oldest_first_in_pages_and_no_more_than_wanted(tmp_path: Path) -> None:
    journal = MemoryJournal()
    async with running(tmp_path / "t.duckdb", journal) as log:
        await journal.append([message(n, f"text {n} متى") for n in range(1, 6)])
        await journal.append([message(6, "a group", is_group=True), message(7, "hey", is_group=True, mentioned=True)])
        await log.flush()
        found = await pages(log, AT, 100)
        assert [len(page) for page in found][:3] == [2, 2, 2]
        assert [p.message_id for page in found for p in page] == ["m1", "m2", "m3", "m4", "m5", "m7"]
        assert (found[0][0].text, found[0][0].at, found[0][0].session) == ("text 1 متى", AT, "default")
        assert found[-1][-1].is_group
        assert [p.message_id for page in await pages(log, AT, 3) for p in page] == ["m4", "m5", "m7"]
        assert await pages(log, AT + 1, 100) == []
