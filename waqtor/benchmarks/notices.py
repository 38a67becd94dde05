"""``waqtor bench notifications``: listing, counting and marking all among a million rows of several people."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from waqtor.benchmarks.ledger import postgres_server
from waqtor.benchmarks.result import result
from waqtor.contracts.notifications import CreateNotification, UpdateNotification
from waqtor.notifications.service import NotificationService
from waqtor.storage.notifications import SqlNotifications
from waqtor.storage.store import SqlStore

MOST_P99_MS = 50.0
_COLUMNS = (
    "id, owner, seq, type, kind, title, message, icon, link, is_read, is_seen, amount, dedupe_key, source, created, "
    "updated"
)
_PAGE = 50


def run(
    *, rows: int = 1_000_000, users: int = 5, calls: int = 500, postgres: bool = True, url: str = "",
    keep: Path | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """One result for each database and call: its p99 in milliseconds.

    Args:
        rows: Notifications in all.
        users: Whose they are, in equal parts.
        calls: How often each call is made.
        postgres: Also on PostgreSQL.
        url: An empty PostgreSQL database to use; a packaged server when left out.
        keep: Where the databases are left.
    """
    found: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-bench-", dir=Path.cwd())))
        folder = keep or made
        folder.mkdir(parents=True, exist_ok=True)
        addresses = [("sqlite", "")]
        if postgres:
            addresses.append(("postgresql", url or stack.enter_context(postgres_server(folder))))
        for dialect, address in addresses:
            took = asyncio.run(_measure(address, folder / "notices.sqlite", rows, users, calls))
            for call, times in took.items():
                times.sort()
                p99 = round(times[int(len(times) * 0.99)] * 1000, 3)
                one = result(
                    f"notifications.{dialect}, {call}", p99, "ms p99", most=MOST_P99_MS, rows=rows, users=users,
                    p50_ms=round(times[len(times) // 2] * 1000, 3), slowest_ms=round(times[-1] * 1000, 3),
                )  # fmt: skip
                found.append({**one, "ok": p99 < MOST_P99_MS})
    return found


async def _measure(url: str, path: Path, rows: int, users: int, calls: int) -> dict[str, list[float]]:
    store = SqlStore.at(url, path, strict=False)
    await store.open()  # makes the tables
    await store.close()
    await asyncio.to_thread(_fill, url, path, rows, users)
    store = SqlStore.at(url, path, strict=False)
    await store.open()
    service = NotificationService(SqlNotifications(store), store.clock, free_space=lambda: (10**12, 10**12))
    took: dict[str, list[float]] = {name: [] for name in ("list", "list unread", "list far back", "count", "mark all")}

    @contextlib.contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took[name].append(time.perf_counter() - began)

    each = rows // users
    for number in range(calls):
        owner = f"user{number % users}"
        with timed("list"):
            page = await service.page(owner, False, None, _PAGE)
        with timed("list unread"):
            unread = await service.page(owner, True, None, _PAGE)
        with timed("list far back"):
            far = await service.page(owner, False, each * (number % 90 + 10) // 100, _PAGE)
        with timed("count"):
            count = await service.count(owner)
        if not len(page) == len(far) == _PAGE or len(unread) != min(_PAGE, count.unread):
            raise RuntimeError(f"{owner}: {len(page)} listed, {len(unread)} unread of {count.unread}")
        await service.update(owner, far[0].id, UpdateNotification(read=False))
        with timed("mark all"):
            marked = await service.read_all(owner)
        if marked != count.unread + int(far[0].read) or (await service.count(owner)).unread:
            raise RuntimeError(f"{owner}: {marked} marked, {count.unread + 1} were unread")
        await service.create(owner, CreateNotification(title=f"No. {number}"))
    await store.close()
    return took


def _fill(url: str, path: Path, rows: int, users: int) -> None:
    """The first half of everybody's is read; one in a thousand of those was marked unread again."""
    now, each = time.time_ns() // 1000, rows // users
    marks = "INSERT INTO notification_marks (owner, last_seq, read_upto, unread, total, muted) VALUES "

    def made() -> Iterator[tuple[Any, ...]]:
        for seq in range(1, each + 1):
            for user in range(users):
                again = 0 if seq <= each // 2 and seq % 1000 == 0 else None
                yield (
                    f"01NOTE{user:04d}{seq:016d}", f"user{user}", seq, "info", "custom", f"Notification no. {seq}",
                    "Something happened that a person should know.", "info", "/", again, 0, 1, None, None,
                    now - (each - seq) * 1000, now - (each - seq) * 1000,
                )  # fmt: skip

    people = [(f"user{user}", each, each // 2, each - each // 2 + each // 2000, each, "") for user in range(users)]
    if url:
        import psycopg

        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            with cursor.copy(f"COPY notifications ({_COLUMNS}) FROM STDIN") as copy:
                for row in made():
                    copy.write_row(row)
            cursor.executemany(marks + "(%s, %s, %s, %s, %s, %s)", people)
            connection.commit()
            connection.autocommit = True
            cursor.execute("ANALYZE notifications")
        return
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.executemany(f"INSERT INTO notifications ({_COLUMNS}) VALUES ({', '.join('?' * 16)})", made())
        file.executemany(marks + "(?, ?, ?, ?, ?, ?)", people)
