"""The peer of the ledger: a bare group-commit loop, two durable commits a send, on the same database file.

It does the least that any ledger must: mark the row ``sending`` and commit; mark it ``sent``, add a journal row and
commit. Narrow tables, no checks, no events, no dedup; the same number of sends in flight.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

_Job = tuple[Any, "asyncio.Future[None]"]


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


async def measure(apply: Callable[[Sequence[Any]], None], sends: int, in_flight: int) -> float:
    """Run ``sends`` through ``apply`` (a group of ``(step, id)`` in, one commit); returns sends per second."""
    queue: deque[_Job] = deque()
    wake = threading.Event()
    stopping = False
    loop = asyncio.get_running_loop()

    def serve() -> None:
        while not stopping:
            wake.wait()
            wake.clear()
            while queue:
                group: list[_Job] = []
                while queue and len(group) < 512:
                    group.append(queue.popleft())
                apply([job for job, _ in group])
                loop.call_soon_threadsafe(_wake, [future for _, future in group])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    async def step(number: int, key: str) -> None:
        future: asyncio.Future[None] = loop.create_future()
        queue.append(((number, key), future))
        wake.set()
        await future

    work = iter(range(sends))

    async def worker() -> None:
        for i in work:
            await step(1, f"raw{i:023d}")
            await step(2, f"raw{i:023d}")

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    rate = sends / (time.perf_counter() - started)
    stopping = True
    wake.set()
    thread.join()
    return rate


def sqlite_peer(path: Path, sends: int, in_flight: int) -> float:
    """The loop on SQLite, WAL and ``synchronous=FULL``."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.executescript(
        "CREATE TABLE raw_sends (id TEXT PRIMARY KEY, state TEXT, provider TEXT) WITHOUT ROWID;"
        "CREATE TABLE raw_journal (seq INTEGER PRIMARY KEY, type TEXT, data TEXT);"
    )
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO raw_sends VALUES (?, 'queued', NULL)", _ids(sends))
    connection.execute("COMMIT")

    def apply(group: Sequence[Any]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for number, key in group:
            if number == 1:
                connection.execute("UPDATE raw_sends SET state = 'sending' WHERE id = ? AND state = 'queued'", (key,))
            else:
                connection.execute("UPDATE raw_sends SET state = 'sent', provider = ? WHERE id = ?", ("p" + key, key))
                connection.execute("INSERT INTO raw_journal (type, data) VALUES ('message.sent', ?)", (_data(key),))
        connection.execute("COMMIT")

    try:
        return asyncio.run(measure(apply, sends, in_flight))
    finally:
        connection.close()


def postgres_peer(url: str, sends: int, in_flight: int) -> float:
    """The loop on PostgreSQL: one connection, pipelined, one commit a group."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
        connection.execute("DROP TABLE IF EXISTS raw_sends")
        connection.execute("DROP TABLE IF EXISTS raw_journal")
        connection.execute("CREATE TABLE raw_sends (id TEXT PRIMARY KEY, state TEXT, provider TEXT)")
        connection.execute("CREATE TABLE raw_journal (seq BIGSERIAL PRIMARY KEY, type TEXT, data TEXT)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO raw_sends VALUES (%s, 'queued', NULL)", _ids(sends))

        def apply(group: Sequence[Any]) -> None:
            with connection.pipeline():
                connection.execute("BEGIN")
                for number, key in group:
                    if number == 1:
                        connection.execute(
                            "UPDATE raw_sends SET state = 'sending' WHERE id = %s AND state = 'queued'", (key,)
                        )
                    else:
                        connection.execute(
                            "UPDATE raw_sends SET state = 'sent', provider = %s WHERE id = %s", ("p" + key, key)
                        )
                        connection.execute(
                            "INSERT INTO raw_journal (type, data) VALUES ('message.sent', %s)", (_data(key),)
                        )
                connection.execute("COMMIT")

        return asyncio.run(measure(apply, sends, in_flight))


def _ids(sends: int) -> list[tuple[str]]:
    return [(f"raw{i:023d}",) for i in range(sends)]


def _data(key: str) -> str:
    return json.dumps({"message_id": key, "status": "sent", "provider_id": "p" + key})
