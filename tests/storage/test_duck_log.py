from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from waqtor.analytics.sample import sample_events
from waqtor.benchmarks.log import MemoryJournal
from waqtor.contracts.events import Event
from waqtor.errors import Timeout, Unavailable
from waqtor.storage.duck_log import DuckLog


@contextlib.asynccontextmanager
async def running(path: Path, journal: MemoryJournal, **settings):
    log = DuckLog(path, journal, **{"flush_ms": 20, "retry_s": 0.05, **settings})
    task = asyncio.create_task(log.run())
    try:
        await log.settled()
        yield log
    finally:
        await log.stop()
        await task


def message(number: int = 1, body: str = "hello", **more) -> Event:
    return Event(
        "message.received",
        more.pop("session", "default"),
        {
            "message_id": f"m{number}",
            "provider_id": f"p{number}",
            "type": "text",
            "timestamp": "2026-11-23T10:00:00.123Z",
            **more,
        },
        created=1_795_000_000_123_456,
        subject=f"m{number}",
        personal={
            "from": "966501234567",
            "chat_id": "966501234567",
            "body": body,
            "push_name": "Ali",
            "content": {"type": "text", "body": body},
        },
    )


async def scalar(log: DuckLog, sql: str, **more):
    return (await log.query(sql, **more)).rows[0][0]


async def test_every_event_becomes_a_row_and_its_kind_another(tmp_path):
    events = list(sample_events(300))
    async with running(tmp_path / "t.duckdb", MemoryJournal(events)) as log:
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM events") == len(events)
        kinds = {"messages": "message.received", "decisions": "smartbot.", "send_changes": "message."}
        for view, prefix in kinds.items():
            wanted = [e for e in events if e.type.startswith(prefix)]
            if view == "send_changes":
                wanted = [e for e in wanted if e.type != "message.received"]
            assert await scalar(log, f"SELECT count(*) FROM {view}") == len(wanted) > 0
        sends = {e.data["message_id"] for e in events if e.type == "message.read"}
        assert await scalar(log, "SELECT count(*) FROM sends WHERE status = 'read'") == len(sends)
        assert log.status().ok
        assert log.status().lag == 0


async def test_what_is_appended_later_arrives_within_the_flush_time(tmp_path):
    journal = MemoryJournal()
    async with running(tmp_path / "t.duckdb", journal, flush_ms=50) as log:
        for number in range(5):
            await journal.append([message(number)])
        started = time.monotonic()
        while log.status().offset < 5:
            assert time.monotonic() - started < 3
            await asyncio.sleep(0.01)
        assert await scalar(log, "SELECT count(DISTINCT message_id) FROM messages") == 5


async def test_rows_trigger_a_flush_before_the_time_is_up(tmp_path):
    journal = MemoryJournal()
    async with running(tmp_path / "t.duckdb", journal, flush_ms=60_000, flush_rows=10) as log:
        await journal.append([message(n) for n in range(10)])
        started = time.monotonic()
        while log.status().offset < 10:
            assert time.monotonic() - started < 3
            await asyncio.sleep(0.01)


async def test_a_restart_goes_on_where_it_was(tmp_path):
    path, events = tmp_path / "t.duckdb", list(sample_events(100))
    async with running(path, MemoryJournal(events[:150])) as log:
        await log.flush()
    async with running(path, MemoryJournal(events)) as log:
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM events") == len(events)
        assert await scalar(log, "SELECT count(DISTINCT journal_offset) FROM events") == len(events)


async def test_stop_writes_what_is_in_the_journal(tmp_path):
    path, journal = tmp_path / "t.duckdb", MemoryJournal()
    async with running(path, journal, flush_ms=60_000) as log:
        await journal.append([message(n) for n in range(7)])
    assert log.status().state == "stopped"
    await log.stop()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchall() == [(7,)]
        assert not Path(f"{path}.wal").exists()


async def test_a_cancelled_run_can_be_stopped_and_loses_nothing(tmp_path):
    journal = MemoryJournal(list(sample_events(2000)))
    log = DuckLog(tmp_path / "t.duckdb", journal, flush_rows=200)
    task = asyncio.create_task(log.run())
    await log.settled()
    await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await log.stop()
    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT journal_offset) FROM events").fetchall() == [
            (journal.head, journal.head)
        ]


@pytest.mark.parametrize(
    "body",
    [
        "مرحبا، وين طلبي؟",
        "👩‍👩‍👧‍👦 ok",
        "a\0b",
        "\u202eevil\u202c",
        "'; DROP TABLE log.messages; --",
        "x" * 1_000_000,
        '{"json": "\\u0000"}',
        "",
    ],
)
async def test_texts_come_back_as_they_were(tmp_path, body):
    async with running(tmp_path / "t.duckdb", MemoryJournal()) as log:
        await log._journal.append([message(1, body)])
        await log.flush()
        found = await log.query("SELECT body, length, content->>'body' FROM messages", texts=True)
        assert found.rows == ((body, len(body), body),)
        assert not (await log.query("SELECT * FROM problems")).rows


async def test_events_that_do_not_fit_are_cleaned_and_noted(tmp_path):
    journal = MemoryJournal()
    broken = [
        message(1, "lone \ud800 surrogate"),
        message(2, "fine"),
        message(3, "huge", extra=2**80),
        Event("smartbot.reply", "default", {"message_id": "m3", "confidence": "very"}, created=1),
        Event("message.sent", "default", {"message_id": "o1", "error": {"retryable": "perhaps"}}, created=10**30),
        Event("future.kind", "default", {"a": {1: {2}}}, created=2),
        message(4, "also fine"),
    ]
    async with running(tmp_path / "t.duckdb", journal) as log:
        await journal.append(broken)
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM events") == len(broken)
        found = await log.query("SELECT message_id, body FROM messages ORDER BY 1", texts=True)
        assert found.rows == (("m1", "lone ? surrogate"), ("m2", "fine"), ("m3", "huge"), ("m4", "also fine"))
        assert await scalar(log, "SELECT count(*) FROM problems") == 5
        assert log.status().ok


async def test_a_hand_over_with_words_is_one_decision(tmp_path):
    def decision(kind, trace, **more):
        data = {"message_id": trace, "language": "ar", "trace_id": trace, "revision": "r", **more}
        return Event(kind, "default", data, created=1, subject=trace, personal={"trigger": "x"})

    journal = MemoryJournal()
    async with running(tmp_path / "t.duckdb", journal) as log:
        await journal.append(
            [
                decision("smartbot.reply", "t1", rule_id="human", confidence=0.9, decision="handoff"),
                decision("smartbot.handoff", "t1", reason="asked"),
                decision("smartbot.handoff", "t2", reason="asked"),
                decision("smartbot.handoff", None, reason="no trace"),
                decision("smartbot.unmatched", "t3", reason="below"),
                decision("smartbot.reply", "t4", rule_id="hours", confidence=0.8),
            ]
        )
        await log.flush()
        found = await log.query("SELECT trace_id, decision, rule_id FROM decisions ORDER BY journal_offset")
        assert found.rows == (
            ("t1", "handoff", "human"),
            ("t2", "handoff", None),
            (None, "handoff", None),
            ("t3", "silent", None),
            ("t4", "answer", "hours"),
        )
        assert await scalar(log, "SELECT count(*) FROM events") == 6


async def test_times_are_utc_microseconds(tmp_path):
    async with running(tmp_path / "t.duckdb", MemoryJournal()) as log:
        await log._journal.append([message(1)])
        await log.flush()
        found = await log.query("SELECT created, occurred, epoch_us(created) FROM messages")
        assert found.types[:2] == ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE")
        assert found.rows[0][1] == "2026-11-23T10:00:00.123000Z"
        assert found.rows[0][2] == 1_795_000_000_123_456
        hour = "SELECT extract(hour FROM occurred AT TIME ZONE 'Asia/Riyadh') FROM messages"
        assert await scalar(log, hour) == 13
        table = await log.query_arrow("SELECT created FROM messages")
        assert str(table.schema.field("created").type) == "timestamp[us, tz=UTC]"


async def test_a_file_held_by_another_process_is_waited_for_and_caught_up(tmp_path):
    path = tmp_path / "t.duckdb"
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        journal = MemoryJournal([])
        async with running(path, journal) as log:
            await journal.append([message(n) for n in range(3)])
            status = log.status()
            assert status.state == "waiting"
            assert str(holder.pid) in status.reason
            assert not status.ok
            assert status.as_dict()["lag"] == 3
            with pytest.raises(Unavailable, match="held by another process"):
                await log.query("SELECT 1")
            with pytest.raises(Timeout, match="held by another process"):
                await log.flush(0.1)
            holder.communicate("\n", timeout=10)
            await log.flush()
            assert await scalar(log, "SELECT count(*) FROM messages") == 3
            assert log.status().state == "running"
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()


async def test_a_damaged_file_is_reported_and_replaced_once_it_is_moved(tmp_path):
    path = tmp_path / "t.duckdb"
    path.write_bytes(b"this is not a database" * 1000)
    journal = MemoryJournal()
    async with running(path, journal) as log:
        await journal.append([message(1)])
        assert log.status().state == "waiting"
        assert "not a DuckDB file" in log.status().reason
        path.rename(tmp_path / "broken")
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM messages") == 1
    assert (tmp_path / "broken").stat().st_size == 22_000


async def test_a_database_of_somebody_else_is_not_touched(tmp_path):
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA log; CREATE TABLE log.events(a INTEGER)")
    async with running(path, MemoryJournal([])) as log:
        assert log.status().state == "waiting"
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(1,)]


async def test_another_history_halts_loudly(tmp_path):
    path = tmp_path / "t.duckdb"
    async with running(path, MemoryJournal(list(sample_events(10)), epoch="first")) as log:
        await log.flush()
    async with running(path, MemoryJournal(list(sample_events(50)), epoch="second")) as log:
        assert log.status().state == "halted"
        assert "another history" in log.status().reason
        with pytest.raises(Timeout):
            await log.flush(0.1)
        assert await scalar(log, "SELECT count(*) FROM messages") == 10


async def test_a_cursor_ahead_of_the_journal_halts_loudly(tmp_path):
    path, events = tmp_path / "t.duckdb", list(sample_events(50))
    async with running(path, MemoryJournal(events)) as log:
        await log.flush()
    async with running(path, MemoryJournal(events[:20])) as log:
        assert log.status().state == "halted"
        assert "ahead of the journal" in log.status().reason
    async with running(path, MemoryJournal(events)) as log:
        assert log.status().state == "running"


async def test_a_trimmed_journal_leaves_a_gap_on_record(tmp_path):
    path, events = tmp_path / "t.duckdb", list(sample_events(100))
    async with running(path, MemoryJournal(events[:50])) as log:
        await log.flush()
    journal = MemoryJournal(events)
    journal.trim(101)
    async with running(path, journal) as log:
        await log.flush()
        gaps = await log.query("SELECT first_offset, last_offset FROM gaps")
        assert gaps.rows == ((51, 100),)
        assert await scalar(log, "SELECT count(*) FROM events") == len(events) - 50
        assert log.status().gaps == 1


async def test_a_journal_with_legal_gaps_is_no_gap(tmp_path):
    events = list(sample_events(20))[::2]
    async with running(tmp_path / "t.duckdb", MemoryJournal(events)) as log:
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM events") == len(events)
        assert (await log.query("SELECT * FROM gaps")).rows == ()


async def test_queries_while_logging(tmp_path):
    journal = MemoryJournal()
    events = list(sample_events(1500))
    async with running(tmp_path / "t.duckdb", journal, flush_rows=100) as log:
        seen: list[int] = []

        async def ask() -> None:
            while not seen or seen[-1] < len(events):
                count, distinct = (
                    await log.query("SELECT count(*), count(DISTINCT journal_offset) FROM events", timeout=5)
                ).rows[0]
                assert count == distinct
                seen.append(count)

        askers = [asyncio.create_task(ask()) for _ in range(3)]
        for start in range(0, len(events), 250):
            await journal.append(events[start : start + 250])
            await asyncio.sleep(0.02)
        await log.flush()
        await asyncio.wait_for(asyncio.gather(*askers), 30)
        assert len(set(seen)) > 2


async def test_the_file_failing_while_running_is_survived(tmp_path, monkeypatch):
    journal = MemoryJournal()
    async with running(tmp_path / "t.duckdb", journal) as log:
        real, failures = log._file._append, iter(range(2))

        def failing(table, batch):
            if next(failures, None) is not None:
                raise duckdb.IOException("disk full")
            real(table, batch)

        monkeypatch.setattr(log._file, "_append", failing)
        await journal.append([message(n) for n in range(5)])
        log.tally.request(1_795_000_000_000_000, "", "GET", "/x", 200, "k", 1.0, 10)
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM events") == 5
        await journal.append([message(9)])
        await log.flush()
        assert await scalar(log, "SELECT count(*) FROM http_requests") == 1


async def test_memory_of_threads_and_files_is_given_back(tmp_path):
    before = threading.active_count()
    async with running(tmp_path / "t.duckdb", MemoryJournal(list(sample_events(10)))) as log:
        await log.query("SELECT 1")
    assert threading.active_count() <= before + 1  # asyncio's own pool may keep one
    with duckdb.connect(str(tmp_path / "t.duckdb")):
        pass


_KILLED = """
import asyncio, sys
from waqtor.analytics.sample import sample_events
from waqtor.benchmarks.log import MemoryJournal
from waqtor.storage.duck_log import DuckLog

async def main():
    log = DuckLog(sys.argv[1], MemoryJournal(list(sample_events(int(sys.argv[2])))), flush_rows=20, flush_ms=10)
    asyncio.create_task(log.run())
    await log.settled()
    print(log.status().state, flush=True)
    while log.status().lag:
        print(log.status().offset, flush=True)
        await asyncio.sleep(0.002)
    print("done", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.chaos
async def test_kill_9_at_any_moment_loses_and_doubles_nothing(tmp_path):
    path, count = tmp_path / "t.duckdb", 3000
    events = list(sample_events(count))
    kills = 0
    for number in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(path), str(count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            text=True,
        )
        try:
            acknowledged = 0
            for lines, line in enumerate(child.stdout, 1):
                if line.strip().isdigit():
                    acknowledged = int(line)
                if lines > 3 + number * 10 or line == "done\n":
                    break
            child.send_signal(signal.SIGKILL)
            kills += 1
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        with duckdb.connect(str(path), read_only=True) as connection:
            ((rows, distinct, last, cursor),) = connection.execute(
                "SELECT count(*), count(DISTINCT journal_offset), coalesce(max(journal_offset), 0),"
                " (SELECT journal_offset FROM meta.readers) FROM events"
            ).fetchall()
            ((received,),) = connection.execute("SELECT count(*) FROM messages").fetchall()
        assert rows == distinct == last == cursor
        assert rows >= acknowledged
        assert received == sum(event.type == "message.received" for event in events[:rows])
    assert kills == 6
    async with running(path, MemoryJournal(events)) as log:
        await log.flush(60)
        assert await scalar(log, "SELECT count(*) FROM events") == len(events)
        assert await scalar(log, "SELECT count(DISTINCT id) FROM events") == len(events)
