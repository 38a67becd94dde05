from __future__ import annotations

import asyncio
import sqlite3
import threading
import time

import psycopg
import pytest

from waqtor.contracts.events import Event
from waqtor.errors import Conflict, StorageFailed
from waqtor.kernel.telemetry import Telemetry
from waqtor.storage.driver import ConnectionLost
from waqtor.storage.writer import is_disk_failure


def note(name: str, value: str = "1"):
    def write(tx) -> str:
        tx.many("INSERT INTO meta (name, value) VALUES (?, ?)", [(name, value)])
        return name

    return write


def rule_event(rule: str = "hours") -> Event:
    return Event("smartbot.rule-updated", "default", {"rule_id": rule, "change": "changed", "revision": "r"})


async def notes(store) -> list[str]:
    rows = await store.rows("SELECT name FROM meta WHERE name LIKE 'n%' ORDER BY name")
    return [row[0] for row in rows]


class Held:
    """Keeps the writer busy, so that what is submitted meanwhile shares one group."""

    def __init__(self, store) -> None:
        self._go = threading.Event()
        self._busy = threading.Event()
        self.future = store.write(self._wait)

    def _wait(self, tx) -> None:
        self._busy.set()
        self._go.wait(10)

    async def __aenter__(self):
        await asyncio.to_thread(self._busy.wait, 10)
        return self

    async def __aexit__(self, *_):
        self._go.set()
        await self.future


async def test_waiting_functions_share_one_commit(database):
    telemetry = Telemetry()
    async with database.opened(telemetry=telemetry) as store:
        before = telemetry.values()["waqtor_store_commits_total"]
        async with Held(store):
            futures = [store.write(note(f"n{i:03}")) for i in range(100)]
        assert await asyncio.gather(*futures) == [f"n{i:03}" for i in range(100)]
        assert telemetry.values()["waqtor_store_commits_total"] - before == 2
        assert len(await notes(store)) == 100


async def test_an_error_harms_nobody_else(store):
    def broken(tx):
        note("nbad")(tx)
        raise RuntimeError("a bug")

    async with Held(store):
        futures = [store.write(note("n1")), store.write(broken), store.write(note("n2")), store.write(note("n1"))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert results[0] == "n1"
    assert isinstance(results[1], RuntimeError)
    assert results[2] == "n2"
    assert isinstance(results[3], sqlite3.IntegrityError | psycopg.errors.UniqueViolation)
    assert await notes(store) == ["n1", "n2"]


async def test_a_refusal_takes_back_its_events_and_its_writes(store):
    def refuse_after_an_event(tx):
        tx.journal(rule_event("refused"))
        raise Conflict("no")

    def refuse_after_a_write(tx):
        note("nrefused")(tx)
        tx.journal(rule_event("refused"))
        raise Conflict("no")

    def refuse_after_returning(tx):
        tx.one("INSERT INTO meta (name, value) VALUES ('nreturning', '1') RETURNING name")
        raise Conflict("no")

    def accept(tx):
        tx.journal(rule_event("accepted"))
        return note("naccepted")(tx)

    async with Held(store):
        futures = [
            store.write(f) for f in (refuse_after_an_event, refuse_after_a_write, refuse_after_returning, accept)
        ]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(r) for r in results] == [Conflict, Conflict, Conflict, str]
    assert await notes(store) == ["naccepted"]
    assert [e.data["rule_id"] for e in await store.journal.read(0, 9)] == ["accepted"]


async def test_a_refusal_before_any_write_costs_no_second_run(store):
    runs: list[str] = []

    def counted(tx):
        runs.append("run")
        return note("n1")(tx)

    def refused(tx):
        tx.one("SELECT 1")
        raise Conflict("no")

    async with Held(store):
        futures = [store.write(counted), store.write(refused)]
    await asyncio.gather(*futures, return_exceptions=True)
    assert runs == ["run"]


async def test_urgent_work_goes_first(store):
    order: list[str] = []

    def say(word):
        return lambda tx: order.append(word)

    async with Held(store):
        futures = [store.write(say(f"o{i}")) for i in range(3)]
        futures += [store.write(say(f"u{i}"), urgent=True) for i in range(3)]
    await asyncio.gather(*futures)
    assert order == ["u0", "u1", "u2", "o0", "o1", "o2"]


async def test_closing_finishes_what_waits_and_refuses_the_rest(database):
    store = database.store()
    await store.open()
    async with Held(store):
        futures = [store.write(note(f"n{i}")) for i in range(50)]
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    late = store.write(note("nlate"))
    with pytest.raises(StorageFailed, match="closed"):
        await late
    await closing
    assert await asyncio.gather(*futures) == [f"n{i}" for i in range(50)]
    async with database.opened() as again:
        assert len(await notes(again)) == 50


async def test_a_cancelled_waiter_does_not_disturb(store):
    async with Held(store):
        gone, stays = store.write(note("n1")), store.write(note("n2"))
        gone.cancel()
    assert await stays == "n2"
    assert await notes(store) == ["n1", "n2"], "a function that was taken in is carried out"


async def test_a_failing_watcher_of_commits_does_not_keep_waiters_waiting(store, monkeypatch):
    monkeypatch.setattr(store.writer, "_on_commit", lambda events: 1 / 0)
    await asyncio.wait_for(store.journal.append([rule_event()]), 5)


# --- the database refuses


async def test_a_full_disk_fails_everybody_and_is_told(sqlite):
    failures: list[StorageFailed] = []
    store = sqlite.store(on_failure=failures.append)
    await store.open()
    try:
        connection = store.driver._connection
        [used] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {used + 40}")
        results: list[object] = []
        for start in range(0, 400, 20):
            futures = [store.write(note(f"n{i:04}", "x" * 4000)) for i in range(start, start + 20)]
            results += await asyncio.gather(*futures, return_exceptions=True)
        done = [r for r in results if isinstance(r, str)]
        refused = [r for r in results if isinstance(r, StorageFailed)]
        assert done
        assert refused
        assert len(done) + len(refused) == 400
        assert results.index(refused[0]) == len(done), "once it failed, nothing more is taken"
        assert len(failures) == 1
        with pytest.raises(StorageFailed):
            await store.write(note("nafter"))
    finally:
        await store.close()
    async with sqlite.opened() as again:
        assert await notes(again) == done


async def test_whatever_breaks_the_writer_wakes_its_waiters(store, monkeypatch):
    failures: list[StorageFailed] = []
    monkeypatch.setattr(store.writer, "_on_failure", failures.append)
    monkeypatch.setattr(store.driver, "rollback", lambda: 1 / 0)
    with pytest.raises(StorageFailed, match="ZeroDivisionError"):
        await asyncio.wait_for(store.write(lambda tx: [][0]), 5)
    assert len(failures) == 1
    monkeypatch.undo()
    store.driver.rollback()


def test_failures_are_told_by_code_not_by_text():
    quoted = sqlite3.IntegrityError("UNIQUE failed: a customer wrote 'disk is full, malformed, no space left'")
    quoted.sqlite_errorcode = sqlite3.SQLITE_CONSTRAINT_UNIQUE
    assert not is_disk_failure(quoted)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert is_disk_failure(full)
    fsync = sqlite3.OperationalError("disk I/O error")
    fsync.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert is_disk_failure(fsync)
    assert is_disk_failure(psycopg.errors.DiskFull("could not extend file"))
    assert not is_disk_failure(psycopg.errors.UniqueViolation("disk is full"))
    assert not is_disk_failure(RuntimeError("disk is full"))


# --- PostgreSQL's connection goes away


def terminate(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as admin:
        rows = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'waqtor-writer' AND datname = current_database()"
        ).fetchall()
    return len(rows)


@pytest.mark.postgres
async def test_a_connection_killed_in_the_middle_loses_and_doubles_nothing(postgres):
    async with postgres.opened() as store:
        killed: list[int] = []

        def deadly(tx):
            note("n1")(tx)
            if not killed:
                killed.append(terminate(postgres.url))
            return note("n2")(tx)

        async with Held(store):
            futures = [store.write(note("n0")), store.write(deadly), store.journal.append([rule_event("once")])]
            futures = [asyncio.ensure_future(f) for f in futures]
            await asyncio.sleep(0)
        assert await asyncio.gather(*futures) == ["n0", "n2", None]
        assert killed == [1]
        assert await notes(store) == ["n0", "n1", "n2"]
        assert [e.offset for e in await store.journal.read(0, 9)] == [1]


@pytest.mark.postgres
async def test_a_connection_killed_before_the_commit_runs_the_group_again(postgres, monkeypatch):
    async with postgres.opened() as store:
        commit, kills = store.driver.commit, [1]

        def killed_first():
            if kills:
                kills.pop()
                terminate(postgres.url)
            commit()

        monkeypatch.setattr(store.driver, "commit", killed_first)
        event = rule_event("once")
        assert await asyncio.gather(store.write(note("n1")), store.journal.append([event])) == ["n1", None]
        assert await notes(store) == ["n1"]
        assert [e.id for e in await store.journal.read(0, 9)] == [event.id]
        assert event.offset == 1


@pytest.mark.postgres
async def test_a_commit_whose_answer_is_lost_is_not_done_twice(postgres, monkeypatch):
    async with postgres.opened() as store:
        commit, losses = store.driver.commit, [1, 1]

        def answer_lost():
            commit()
            if losses:
                losses.pop()
                store.driver._connection.close()
                raise ConnectionLost("the answer never came")

        monkeypatch.setattr(store.driver, "commit", answer_lost)
        heard: list[int] = []
        store.journal.watch(lambda: heard.append(store.journal.head))
        events = [rule_event("one"), rule_event("two")]
        await store.journal.append(events[:1])
        assert await asyncio.gather(store.write(note("n1")), store.journal.append(events[1:])) == ["n1", None]
        assert not losses
        assert [e.offset for e in events] == [1, 2]
        assert [e.id for e in await store.journal.read(0, 9)] == [e.id for e in events]
        assert await notes(store) == ["n1"]
        assert heard == [1, 2]


@pytest.mark.postgres
async def test_a_backend_still_at_it_is_ended_before_the_group_runs_again(postgres, monkeypatch):
    """The network broke before COMMIT arrived, and the server has not noticed yet."""
    async with postgres.opened() as store:
        commit, stranded = store.driver.commit, []

        def never_sent():
            if not stranded:
                stranded.append(store.driver._connection)
                store.driver._connection = None
                raise ConnectionLost("no answer")
            commit()

        monkeypatch.setattr(store.driver, "commit", never_sent)
        started = time.monotonic()
        await store.journal.append([rule_event("once")])
        assert time.monotonic() - started < 5
        assert [e.offset for e in await store.journal.read(0, 9)] == [1]
        stranded[0].close()


@pytest.mark.postgres
async def test_random_kills_under_load_lose_and_double_nothing(postgres):
    async with postgres.opened() as store:
        kills = 0
        stop = asyncio.Event()

        async def killer() -> None:
            nonlocal kills
            while not stop.is_set():
                kills += await asyncio.to_thread(terminate, postgres.url)
                await store.write(note(f"m{kills}"))  # three losses in one commit are taken for the end

        async def lane(n: int) -> list[int]:
            offsets = []
            for i in range(15):
                event = rule_event(f"r{n}_{i}")
                await asyncio.gather(store.journal.append([event]), store.write(note(f"n{n}_{i}")))
                offsets.append(event.offset)
            return offsets

        killing = asyncio.create_task(killer())
        try:
            lanes = await asyncio.gather(*(lane(n) for n in range(8)))
        finally:
            stop.set()
            await killing
        offsets = sorted(offset for found in lanes for offset in found)
        assert kills > 0
        assert offsets == sorted(set(offsets))
        assert [e.offset for e in await store.journal.read(0, 999)] == offsets
        assert len(offsets) == 120
        assert len(await notes(store)) == 120


@pytest.mark.postgres
async def test_a_server_that_stays_away_stops_the_store(postgres, monkeypatch):
    failures: list[StorageFailed] = []
    async with postgres.opened(on_failure=failures.append) as store:
        store.driver._patience = 0.3
        monkeypatch.setattr(store.driver, "_url", "postgresql://nobody@127.0.0.1:1/none")
        terminate(postgres.url)
        with pytest.raises(StorageFailed, match="did not come back"):
            await store.write(note("n1"))
        assert len(failures) == 1


@pytest.mark.postgres
async def test_two_engines_that_lock_each_other_out_both_finish(postgres):
    """The same chats in opposite orders: PostgreSQL ends one of two transactions, which is then run again."""
    async with postgres.opened() as one, postgres.opened() as two:
        await one.write(lambda tx: (note("n1", "0")(tx), note("n2", "0")(tx)))

        def add(first, second):
            def write(tx):
                for name in (first, second):
                    tx.rows("UPDATE meta SET value = (value::int + 1)::text WHERE name = ?", (name,))
                    time.sleep(0.05)

            return write

        await asyncio.gather(
            *(s.write(add(*names)) for s, names in ((one, ("n1", "n2")), (two, ("n2", "n1"))) for _ in range(3))
        )
        assert await one.rows("SELECT value FROM meta WHERE name IN ('n1', 'n2')") == [("6",), ("6",)]
