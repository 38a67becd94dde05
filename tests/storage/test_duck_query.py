from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from waqtor.analytics.sample import sample_events
from waqtor.benchmarks.log import MemoryJournal
from waqtor.errors import InvalidInput, Timeout, TooLarge, Unavailable
from waqtor.storage import duck_query
from waqtor.storage.duck_log import DuckLog
from waqtor.storage.duck_query import plain
from waqtor.storage.duck_schema import TABLES


@pytest.fixture
async def log(tmp_path):
    events = list(sample_events(60))
    for number, event in enumerate(sample_events(20, seed=8, session="other"), start=len(events) + 1):
        event.offset = number
        events.append(event)
    log = DuckLog(tmp_path / "t.duckdb", MemoryJournal(events), memory="256MB", query_timeout=5)
    task = asyncio.create_task(log.run())
    await log.flush()
    yield log
    await log.stop()
    await task


async def test_texts_and_addresses_are_null_without_the_scope(log):
    for table in TABLES:
        personal = [column.name for column in table.columns if column.personal]
        if not personal:
            continue
        sql = f"SELECT {', '.join(f'count({name})' for name in personal)}, count(*) FROM {table.name}"
        *shown, total = (await log.query(sql, texts=True)).rows[0]
        assert total > 0
        assert any(shown)
        *hidden, same = (await log.query(sql)).rows[0]
        assert same == total
        assert not any(hidden)
    assert (await log.query("SELECT count(recipient) FROM sends")).rows == ((0,),)
    everything = str((await log.query("SELECT * FROM events")).rows)
    assert "9665" not in everything
    assert "طلبي" not in everything


async def test_a_search_in_hidden_texts_finds_nothing(log):
    sql = "SELECT count(*) FROM messages WHERE body ILIKE '%order%'"
    assert (await log.query(sql, texts=True)).rows[0][0] > 0
    assert (await log.query(sql)).rows == ((0,),)


async def test_chats_can_be_told_apart_without_their_address(log):
    sql = "SELECT count(DISTINCT chat_key), count(DISTINCT (session, chat_id)) FROM messages"
    keys, chats = (await log.query(sql, texts=True)).rows[0]
    assert keys == chats > 1
    joined = "SELECT count(*) FROM sends s WHERE NOT EXISTS (FROM messages m WHERE m.chat_key = s.chat_key)"
    assert (await log.query(joined)).rows == ((0,),)


@pytest.mark.parametrize("session", ["other", "default"])
async def test_a_session_sees_only_its_rows(log, session):
    for name in ("events", "messages", "decisions", "send_changes", "sends"):
        found = await log.query(f"SELECT DISTINCT session FROM {name}", session=session)
        assert found.rows == ((session,),)
    for hostile in ("nobody' OR '1' = '1", "x'; DROP TABLE log.events; --", "a\0b", "'"):
        assert (await log.query("SELECT count(*) FROM events", session=hostile)).rows == ((0,),)


async def test_errors_do_not_quote_rows_of_other_sessions(log):
    sql = "SELECT CAST(provider_id AS INTEGER) FROM messages"
    with pytest.raises(InvalidInput, match="wamid"):
        await log.query(sql)
    with pytest.raises(InvalidInput) as caught:
        await log.query(sql, session="other")
    assert "wamid" not in caught.value.message


async def test_parameters_by_place_and_by_name(log):
    assert (await log.query("SELECT ?::INTEGER + ?::INTEGER", [1, 2])).rows == ((3,),)
    assert (await log.query("SELECT $a::INTEGER * 2", {"a": 4})).rows == ((8,),)
    assert (await log.query_arrow("SELECT $a::INTEGER * 2 AS x", {"a": 4})).to_pydict() == {"x": [8]}
    injected = "x' OR '1' = '1"
    assert (await log.query("SELECT count(*) FROM events WHERE session = ?", [injected])).rows == ((0,),)
    for params in ([], [1, 2, 3], {"b": 1}, [object()], ["\ud800"]):
        with pytest.raises(InvalidInput):
            await log.query("SELECT ?::VARCHAR", params)


async def test_results_are_cut_at_the_limit_and_say_so(log):
    found = await log.query("SELECT * FROM range(5000)", max_rows=10)
    assert len(found.rows) == 10
    assert found.truncated
    found = await log.query("SELECT * FROM range(10)", max_rows=10)
    assert len(found.rows) == 10
    assert not found.truncated
    table = await log.query_arrow("SELECT * FROM range(5000)", max_rows=10)
    assert table.num_rows == 10
    assert table.schema.metadata[b"truncated"] == b"1"
    assert (await log.query("SELECT 1 WHERE false")).rows == ()
    assert (await log.query_arrow("SELECT 1 AS a WHERE false")).num_rows == 0
    assert len((await log.query("SELECT * FROM range(200000)", max_rows=10**9)).rows) == 100_000


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(1000000000000)",
        "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range * b.range % 7 = 1",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    ],
)
async def test_a_long_query_is_ended(log, sql):
    started = time.monotonic()
    with pytest.raises(Timeout):
        await log.query(sql, timeout=0.2)
    assert time.monotonic() - started < 2
    with pytest.raises(Timeout):
        await log.query_arrow(sql, timeout=0.2)
    assert (await log.query("SELECT 1")).rows == ((1,),)


async def test_waiting_for_a_turn_counts(log):
    slow = "SELECT count(*) FROM range(1000000000000)"
    tasks = [asyncio.create_task(log.query(slow, timeout=0.3)) for _ in range(6)]
    started = time.monotonic()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, Timeout) for each in found)
    assert time.monotonic() - started < 2


async def test_a_caller_who_goes_away_ends_the_query(log):
    task = asyncio.create_task(log.query("SELECT count(*) FROM range(1000000000000)", timeout=5))
    await asyncio.sleep(0.2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    started = time.monotonic()
    await asyncio.gather(*(log.query("SELECT 1") for _ in range(4)))
    assert time.monotonic() - started < 1


async def test_memory_is_limited(log):
    with pytest.raises((TooLarge, Timeout)):
        await log.query("SELECT list(range) FROM range(100000000)")
    with pytest.raises((TooLarge, Timeout)):
        await log.query(
            "WITH RECURSIVE t AS (SELECT 'x' AS a, 1 AS n UNION ALL SELECT a || a, n + 1 FROM t WHERE n < 40)"
            " SELECT max(length(a)) FROM t"
        )
    assert (await log.query("SELECT 1")).rows == ((1,),)


async def test_a_result_of_too_many_bytes_is_refused(log, monkeypatch):
    monkeypatch.setattr(duck_query, "MAX_RESULT_BYTES", 100_000)
    with pytest.raises(TooLarge):
        await log.query("SELECT repeat('x', 1000) FROM range(1000)")
    with pytest.raises(TooLarge):
        await log.query_arrow("SELECT repeat('x', 1000) FROM range(1000)")


async def test_queries_after_stop_are_refused(log):
    await log.stop()
    with pytest.raises(Unavailable):
        await log.query("SELECT 1")


async def test_unknown_columns_and_types_are_the_callers_fault(log):
    for sql in ("SELECT nothing FROM messages", "SELECT 'a'::INTEGER", "SELECT 1 / 'x'", "SELECT nofunction(1)"):
        with pytest.raises(InvalidInput):
            await log.query(sql)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678900, UTC), "2026-01-02T03:04:05.678900Z"),
        (datetime(2026, 1, 2), "2026-01-02T00:00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1.5), 90.0),
        (Decimal("1.50"), 1.5),
        (Decimal("NaN"), None),
        (float("nan"), None),
        (float("inf"), None),
        (b"\x00\xff", "00ff"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"a": [date(2026, 1, 2), None]}, {"a": ["2026-01-02", None]}),
        ({1: True}, {"1": True}),
        (2**100, 2**100),
    ],
)
def test_values_are_ready_for_json(value, expected):
    assert plain(value) == expected
