"""Counts per quarter hour and waiting times equal what the rows themselves say, whatever was counted already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import duckdb
import pytest

from tests.storage.test_duck_log import message, running
from waqtor.analytics.sample import SAMPLE_START, sample_events
from waqtor.benchmarks.log import MemoryJournal
from waqtor.contracts.events import Event
from waqtor.kernel.ports import Position
from waqtor.storage import duck_quarters, duck_schema
from waqtor.storage.duck_file import DuckFile

EVENTS = list(sample_events(400, days=3.0))
SUMS = """
SELECT kind, name, rule_id, language, cause, sum(n)::BIGINT, sum(rated)::BIGINT, round(sum(confidence), 6), min(least)
FROM quarters GROUP BY ALL ORDER BY ALL
"""
WAITS = "SELECT count(*), round(sum(ms), 3), max(ms) FROM waits"


def read(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def written(path, batches, *, count=True):
    file = DuckFile(path)
    file.open()
    file.start_at(Position("e", 0))
    counted = 0
    for batch in batches:
        file.write(batch)
        while count and file.count():
            counted += 1
    file.close()
    return counted


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A log in which nothing is counted: its views count as they are read."""
    path = tmp_path_factory.mktemp("plain") / "t.duckdb"
    written(path, [EVENTS], count=False)
    return path


def batches(size):
    rest = iter(EVENTS)
    while batch := list(islice(rest, size)):
        yield batch


@pytest.mark.parametrize("size", [len(EVENTS), 97])
def test_what_is_counted_is_what_the_rows_say(tmp_path, plain, size):
    path = tmp_path / "t.duckdb"
    assert written(path, batches(size)) >= 3, "a day at a time"
    assert read(path, SUMS) == read(plain, SUMS)
    assert read(path, WAITS) == read(plain, WAITS)
    ((kept,),) = read(path, "SELECT count(*) FROM log.quarters")
    ((mark,),) = read(path, "SELECT counted FROM meta.quarters")
    assert kept
    assert mark.minute % 15 == 0
    assert datetime.fromtimestamp(EVENTS[-1].created / 1e6, UTC) - mark < timedelta(minutes=45)
    by_kind = dict(read(path, "SELECT kind, sum(n)::BIGINT FROM quarters GROUP BY kind"))
    assert by_kind["message"] == 400
    assert by_kind["decision"] == sum(event.type.startswith("smartbot.") for event in EVENTS)


def test_a_hand_over_that_also_says_something_is_one_decision(tmp_path):
    at = SAMPLE_START + 899_999_000  # the two rows of it lie in two quarters
    shared = {"message_id": "m", "trace_id": "t", "language": "en"}
    both = [
        Event("smartbot.reply", "s", {**shared, "rule_id": "human", "confidence": 0.9, "decision": "handoff"},
              id="a", created=at, offset=1, subject="t"),
        Event("smartbot.handoff", "s", {**shared, "candidates": [], "reason": "asked"},
              id="b", created=at + 2000, offset=2, subject="t"),
    ]  # fmt: skip
    later = [replace(message(n), created=at + 7_200_000_000, offset=n) for n in range(3, 6)]
    written(tmp_path / "t.duckdb", [both, later])
    rows = read(tmp_path / "t.duckdb", "SELECT name, rule_id, n FROM log.quarters WHERE kind = 'decision'")
    alone = read(tmp_path / "t.duckdb", "SELECT decision, rule_id FROM decisions")
    assert len(rows) == len(alone)


def test_what_comes_late_is_counted_too(tmp_path, plain):
    path = tmp_path / "t.duckdb"
    late = {n for n in range(len(EVENTS)) if n % 9 == 0}
    order = [event for n, event in enumerate(EVENTS) if n not in late] + [EVENTS[n] for n in sorted(late)]
    moved = [replace(event, offset=offset) for offset, event in enumerate(order, 1)]
    cut = len(EVENTS) - len(late)
    assert written(path, [moved[:cut], moved[cut:]])
    counts = "SELECT kind, name, sum(n)::BIGINT FROM quarters GROUP BY ALL ORDER BY ALL"
    assert read(path, counts) == read(plain, counts)


def test_a_query_that_has_all_the_memory_puts_the_counting_off(tmp_path, plain, monkeypatch):
    def nothing_left(*_args):
        raise duckdb.OutOfMemoryException("a query has it")

    path = tmp_path / "t.duckdb"
    file = DuckFile(path)
    file.open()
    file.start_at(Position("e", 0))
    with monkeypatch.context() as greedy:
        greedy.setattr(duck_quarters, "_count", nothing_left)
        file.write(EVENTS[:200])
        assert not file.count()
        file.write(EVENTS[200:])
    assert file.count()
    file.close()
    assert read(path, SUMS) == read(plain, SUMS)


def test_a_clock_that_runs_ahead_stops_no_counting(tmp_path):
    path = tmp_path / "t.duckdb"
    ahead = replace(message(1), created=4_000_000_000_000_000, offset=len(EVENTS) + 1)
    written(path, [[*EVENTS, ahead]])
    ((mark,),) = read(path, "SELECT counted FROM meta.quarters")
    assert mark < datetime(2027, 1, 1, tzinfo=UTC)


def test_a_view_of_one_session_shows_no_other(plain):
    for name in duck_quarters.TABLES:
        for session, there in (("default", True), ("x'", False)):
            body = duck_schema.view_sql(name, texts=False, session=session)
            assert bool(read(plain, body)) == there


def test_quarters_begin_at_quarters():
    at = datetime(2026, 1, 1, 10, 44, 59, 999_999, tzinfo=UTC)
    assert duck_quarters.floor(at) == datetime(2026, 1, 1, 10, 30, tzinfo=UTC)


async def test_the_running_log_counts_and_answers_at_one_moment(tmp_path):
    async with running(tmp_path / "t.duckdb", MemoryJournal(EVENTS)) as log:
        await log.flush()
        for _ in range(50):
            ((n,),) = (await log.query("SELECT sum(n)::BIGINT FROM quarters WHERE kind = 'message'")).rows
            assert n == 400
        ((n,),) = (await log.query("SELECT count(*) FROM waits", session="nobody")).rows
        assert n == 0
