from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from waqtor.contracts.events import Event
from waqtor.errors import StorageFailed
from waqtor.kernel import readers
from waqtor.kernel.ports import Position
from waqtor.kernel.readers import CursorBroken, JournalReader

pytestmark = pytest.mark.usefixtures("tidy_loop")


class MemoryJournal:
    """A journal in a list; ``head`` may lag behind it, as on a store that others write to."""

    epoch = "E1"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.hidden = 0
        self.watchers: list = []
        self.reads = 0

    @property
    def head(self) -> int:
        return self.events[-1].offset - self.hidden if self.events else 0

    def add(self, number: int, type_: str = "message.received", lanes: int = 5) -> None:
        for _ in range(number):
            offset = self.events[-1].offset + 1 if self.events else 1
            self.events.append(Event(type_, "s", {}, offset=offset, lane=offset % lanes))
        for watcher in tuple(self.watchers):
            watcher()

    async def first(self) -> int:
        return self.events[0].offset if self.events else 0

    async def read(self, after: int, limit: int) -> list[Event]:
        self.reads += 1
        await asyncio.sleep(0)
        return [e for e in self.events if e.offset > after][:limit]

    def watch(self, callback):
        self.watchers.append(callback)
        return lambda: self.watchers.remove(callback)


class MemoryCursors:
    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.aside: list[tuple[int, int, str]] = []
        self.fail = False

    async def load(self, reader: str) -> Position | None:
        return self.positions.get(reader)

    async def save(self, reader: str, position: Position) -> None:
        if self.fail:
            raise StorageFailed("disk full")
        self.positions[reader] = position

    async def set_aside(self, reader: str, event: Event, attempts: int, error: str) -> None:
        if self.fail:
            raise StorageFailed("disk full")
        self.aside.append((event.offset, attempts, error))


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def cursors() -> MemoryCursors:
    return MemoryCursors()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(readers, "_RETRY_S", (0.001, 0.002))


def reader_of(journal, cursors, handle, **more) -> JournalReader:
    return JournalReader("bot", journal, cursors, handle, **{"save_every": 0.005, **more})


@contextlib.asynccontextmanager
async def running(reader: JournalReader):
    task = asyncio.create_task(reader.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def caught_up(reader: JournalReader, to: int) -> None:
    async with asyncio.timeout(5):
        while reader.position < to:
            await asyncio.sleep(0.001)


async def test_in_order_within_a_lane_and_in_parallel_over_lanes(journal, cursors):
    chance, handled, busy, most = random.Random(3), [], set(), 0

    async def handle(event: Event) -> None:
        nonlocal most
        assert event.lane not in busy, "one at a time in a lane"
        busy.add(event.lane)
        most = max(most, len(busy))
        await asyncio.sleep(chance.random() * 0.002)
        busy.discard(event.lane)
        handled.append(event)

    journal.add(100)
    reader = reader_of(journal, cursors, handle)
    async with running(reader):
        journal.add(100)
        await caught_up(reader, 200)
    assert sorted(e.offset for e in handled) == list(range(1, 201))
    for lane in range(5):
        offsets = [e.offset for e in handled if e.lane == lane]
        assert offsets == sorted(offsets)
    assert most == 5
    assert cursors.positions["bot"] == Position("E1", 200)


async def test_no_more_handlers_at_once_than_allowed(journal, cursors):
    running_now, most = 0, 0

    async def handle(event: Event) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.001)
        running_now -= 1

    journal.add(60, lanes=60)
    reader = reader_of(journal, cursors, handle, concurrency=4)
    async with running(reader):
        await caught_up(reader, 60)
    assert most == 4


async def test_the_cursor_is_the_lowest_unfinished_event_and_a_crash_repeats_from_there(journal, cursors):
    stuck = asyncio.Event()
    handled: list[int] = []

    async def handle(event: Event) -> None:
        if event.offset == 4:
            await stuck.wait()
        handled.append(event.offset)

    journal.add(10, lanes=100)
    reader = reader_of(journal, cursors, handle)
    async with running(reader):
        async with asyncio.timeout(5):
            while len(handled) < 9:
                await asyncio.sleep(0.001)
        assert reader.position == 3
        assert reader.lag == 7
        await asyncio.sleep(0.02)
    assert cursors.positions["bot"] == Position("E1", 3)

    stuck.set()
    handled.clear()
    again = reader_of(journal, cursors, handle)
    async with running(again):
        await caught_up(again, 10)
    assert sorted(handled) == list(range(4, 11))


async def test_other_types_only_move_the_cursor(journal, cursors):
    handled: list[int] = []

    async def handle(event: Event) -> None:
        handled.append(event.offset)

    journal.add(3)
    journal.add(5, "message.sent")
    journal.add(1)
    reader = reader_of(journal, cursors, handle, types={"message.received"})
    async with running(reader):
        await caught_up(reader, 9)
    assert handled == [1, 2, 3, 9]


async def test_after_three_failures_an_event_is_set_aside_and_the_lane_goes_on(journal, cursors):
    tries: list[int] = []

    async def handle(event: Event) -> None:
        tries.append(event.offset)
        if event.offset == 2:
            raise ValueError("cannot")
        if event.offset == 3 and tries.count(3) < 3:
            raise OSError("not yet")

    journal.add(4, lanes=1)
    reader = reader_of(journal, cursors, handle)
    async with running(reader):
        await caught_up(reader, 4)
    assert tries == [1, 2, 2, 2, 3, 3, 3, 4]
    assert cursors.aside == [(2, 3, "ValueError: cannot")]
    assert reader.set_aside == 1


async def test_a_reader_that_never_ran_begins_where_it_is_told(journal, cursors):
    handled: list[int] = []

    async def handle(event: Event) -> None:
        handled.append(event.offset)

    journal.add(5)
    reader = reader_of(journal, cursors, handle, start="head")
    async with running(reader):
        async with asyncio.timeout(5):
            while "bot" not in cursors.positions:
                await asyncio.sleep(0)
        assert cursors.positions["bot"].offset == 5, "kept before anything else, so that a crash does not skip events"
        journal.add(1)
        await caught_up(reader, 6)
    assert handled == [6]


@pytest.mark.parametrize(
    ("position", "words"),
    [(Position("E0", 1), "another history"), (Position("E1", 99), "ahead of the journal")],
    ids=["epoch", "ahead"],
)
async def test_a_broken_cursor_stops_the_reader_loudly(journal, cursors, position, words):
    journal.add(5)
    cursors.positions["bot"] = position

    async def handle(event: Event) -> None:
        raise AssertionError("nothing may be guessed")

    with pytest.raises(CursorBroken, match=words):
        await asyncio.wait_for(reader_of(journal, cursors, handle).run(), 5)
    assert cursors.positions["bot"] == position


async def test_a_head_that_lags_behind_other_engines_is_no_broken_cursor(journal, cursors):
    journal.add(8)
    journal.hidden = 5
    cursors.positions["bot"] = Position("E1", 7)
    handled: list[int] = []

    async def handle(event: Event) -> None:
        handled.append(event.offset)

    reader = reader_of(journal, cursors, handle)
    async with running(reader):
        await caught_up(reader, 8)
    assert handled == [8]


async def test_a_trimmed_start_is_gone_over(journal, cursors):
    journal.add(10)
    del journal.events[:6]
    cursors.positions["bot"] = Position("E1", 2)
    handled: list[int] = []

    async def handle(event: Event) -> None:
        handled.append(event.offset)

    reader = reader_of(journal, cursors, handle)
    async with running(reader):
        await caught_up(reader, 10)
    assert handled == [7, 8, 9, 10]


async def test_it_reads_no_further_than_it_can_hold(journal, cursors, monkeypatch):
    monkeypatch.setattr(readers, "_PAGE", 10)
    gate = asyncio.Event()

    async def handle(event: Event) -> None:
        await gate.wait()

    journal.add(500, lanes=1000)
    reader = reader_of(journal, cursors, handle, outstanding=50)
    async with running(reader):
        await asyncio.sleep(0.05)
        assert journal.reads <= 6
        assert len(reader._order) <= 60
        gate.set()
        await caught_up(reader, 500)


async def test_a_store_that_fails_stops_the_reader_instead_of_hanging_it(journal, cursors):
    async def handle(event: Event) -> None:
        if event.offset == 3:
            raise StorageFailed("disk full")

    journal.add(10)
    reader = reader_of(journal, cursors, handle)
    with pytest.raises(StorageFailed):
        await asyncio.wait_for(reader.run(), 5)
    assert cursors.positions["bot"].offset == 2
    assert cursors.aside == []


async def test_it_can_run_again_after_a_fault_and_skips_nothing(journal, cursors):
    faults = ["one"]
    handled: list[int] = []

    async def handle(event: Event) -> None:
        if event.offset == 3 and faults:
            faults.clear()
            raise StorageFailed("for a moment")
        handled.append(event.offset)

    journal.add(10, lanes=2)
    reader = reader_of(journal, cursors, handle)
    with pytest.raises(StorageFailed):
        await asyncio.wait_for(reader.run(), 5)
    async with running(reader):
        await caught_up(reader, 10)
    assert set(handled) == set(range(1, 11))
    assert cursors.positions["bot"].offset == 10


async def test_a_cursor_that_cannot_be_saved_is_saved_later(journal, cursors):
    async def handle(event: Event) -> None:
        pass

    journal.add(5)
    reader = reader_of(journal, cursors, handle)
    async with running(reader):
        await caught_up(reader, 5)
        cursors.fail = True
        journal.add(5)
        await caught_up(reader, 10)
        await asyncio.sleep(0.02)
        cursors.fail = False
        async with asyncio.timeout(5):
            while cursors.positions["bot"].offset < 10:
                await asyncio.sleep(0.001)


async def test_on_a_real_store_it_goes_on_where_it_was(database):
    from waqtor.storage.cursors import SqlCursors

    def rule_event(n: int) -> Event:
        data = {"rule_id": f"r{n}", "change": "added", "revision": "1"}
        return Event("smartbot.rule-updated", "s", data, lane=n % 7)

    handled: list[str] = []

    async def handle(event: Event) -> None:
        if event.data["rule_id"] == "r13":
            raise ValueError("bad luck")
        handled.append(event.data["rule_id"])

    for run in range(3):
        async with database.opened() as store:
            reader = reader_of(store.journal, SqlCursors(store), handle, types={"smartbot.rule-updated"})
            async with running(reader):
                await store.journal.append([rule_event(run * 20 + i) for i in range(20)])
                await caught_up(reader, store.journal.head)
    assert sorted(handled) == sorted(f"r{n}" for n in range(60) if n != 13)
