from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from tests.storage.test_duck_log import message, running
from waqtor.benchmarks.log import MemoryJournal
from waqtor.kernel.clock import FakeClock
from waqtor.kernel.snapshots import Measured
from waqtor.storage import duck_schema
from waqtor.storage.duck_retention import Retention

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
US = int(NOW.timestamp() * 1_000_000)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        duck_schema.migrate(connection)
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def fill(connection, table: str, ages: list[timedelta]) -> None:
    columns = next(t for t in duck_schema.TABLES if t.name == table).columns
    for age in ages:
        values = [NOW - age if column.name == "created" else None for column in columns]
        connection.execute(f"INSERT INTO log.{table} VALUES ({', '.join('?' * len(values))})", values)


def left(connection, table: str) -> int:
    return connection.execute(f"SELECT count(*) FROM log.{table}").fetchall()[0][0]


def test_every_table_loses_what_is_past_its_time_and_nothing_else(connection):
    for table in duck_schema.TABLES:
        fill(connection, table.name, [timedelta(days=365, seconds=1), timedelta(days=364, hours=23), timedelta(0)])
    retention = Retention(365)
    rounds = []
    while (count := retention.trim(connection, NOW)) is not None:
        rounds.append(count)
    assert rounds == [1] * len(duck_schema.TABLES)
    assert {left(connection, table.name) for table in duck_schema.TABLES} == {2}


def test_metrics_may_have_a_time_of_their_own(connection):
    fill(connection, "metrics", [timedelta(days=8)])
    fill(connection, "events", [timedelta(days=8)])
    retention = Retention(365, {"metrics": 7})
    assert retention.trim(connection, NOW) == 1
    assert retention.trim(connection, NOW) is None
    assert (left(connection, "metrics"), left(connection, "events")) == (0, 1)


def test_a_slice_is_an_hour_and_empty_stretches_are_jumped_over(connection):
    fill(connection, "events", [timedelta(days=400, minutes=-m) for m in range(0, 180, 10)])
    fill(connection, "events", [timedelta(days=380)])
    retention, rounds = Retention(365), []
    while (count := retention.trim(connection, NOW)) is not None:
        rounds.append(count)
    assert rounds == [6, 6, 6, 1]


async def test_the_log_trims_beside_its_writing_and_keeps_its_cursor(tmp_path):
    journal = MemoryJournal()
    await journal.append([message(1), message(2)])
    async with running(tmp_path / "t.duckdb", journal) as log:
        await log.flush()
        clock = FakeClock(US)
        task = asyncio.create_task(log.keep_trimmed(Retention(365), clock))
        for _ in range(3):
            await asyncio.sleep(0)
        await clock.advance(60)
        assert (await log.query("SELECT count(*) FROM events")).rows == ((2,),)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        year_later = US + 366 * 86_400_000_000
        assert await log.trim(Retention(365), year_later) == 4  # two rows of events, two of messages
        offset = log.status().offset
        await journal.append([message(3)])
        await log.flush()
        assert log.status().offset > offset
        assert (await log.query("SELECT count(*) FROM events")).rows == ((1,),)


async def test_a_log_that_cannot_be_written_is_left_alone(tmp_path):
    path = tmp_path / "t.duckdb"
    path.write_bytes(b"x" * 5000)
    async with running(path, MemoryJournal()) as log:
        assert log.status().state == "waiting"
        assert await log.trim(Retention(365), US) == 0


async def test_snapshots_are_in_the_file_after_a_restart(tmp_path):
    for boot in range(2):
        async with running(tmp_path / "t.duckdb", MemoryJournal()) as log:
            found = [Measured("waqtor_ws_dropped_total", "{}", "counter", 3.0, 3.0)]
            assert log.tally.snapshot(US + boot, US + boot - 5, 300.0, found)
    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT count(*), count(DISTINCT started), sum(added) FROM metrics").fetchall()
    assert rows == [(2, 2, 6.0)]
