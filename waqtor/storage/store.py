"""The store: a database behind the group-commit writer, with reads beside it and its identity (epoch)."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection

from waqtor.contracts.events import Event
from waqtor.contracts.ids import new_ulid
from waqtor.errors import StorageFailed
from waqtor.kernel.clock import Clock, SystemClock
from waqtor.kernel.telemetry import Telemetry
from waqtor.storage.driver import Driver
from waqtor.storage.journal import SqlJournal
from waqtor.storage.postgres import PostgresDriver
from waqtor.storage.sqlite import SqliteDriver
from waqtor.storage.transaction import Row, Tx, for_postgres, for_sqlite, unveiled
from waqtor.storage.vault import pseudonym_of
from waqtor.storage.writer import Writer

T = TypeVar("T")


class SqlStore:
    """Opens a database, runs its writer and reads, and owns the journal.

    Attributes:
        owner: Boot id of this engine: new at every start.
        epoch: Random id of the store's history; survives restarts, changed by a restore.
        journal: The journal on this store.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        clock: Clock | None = None,
        telemetry: Telemetry | None = None,
        on_failure: Callable[[StorageFailed], None] | None = None,
        strict: bool | None = None,
    ) -> None:
        self.driver = driver
        self.clock = clock or SystemClock()
        self.owner = new_ulid()
        self.epoch = ""
        self.exclusive = driver.exclusive
        strict = bool(os.environ.get("PYTEST_VERSION")) if strict is None else strict
        self.journal = SqlJournal(self)
        self.writer = Writer(
            driver, self.clock, self.owner, on_commit=self._committed,
            on_failure=self._failed, telemetry=telemetry, strict=strict,
        )  # fmt: skip
        self._on_failure = on_failure
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="store-reader")
        self._translate = for_sqlite if driver.dialect == "sqlite" else for_postgres

    @classmethod
    def at(cls, url: str, sqlite_path: Path, **more: Any) -> SqlStore:
        """A store at a PostgreSQL ``url``, or on ``sqlite_path`` when the url is empty."""
        driver: Driver = PostgresDriver(url) if url else SqliteDriver(sqlite_path)
        return cls(driver, **more)

    async def open(self) -> None:
        """Connect, migrate, start the writer and learn the epoch and the head."""
        await asyncio.to_thread(self.driver.open)
        self.writer.start(asyncio.get_running_loop())
        self.epoch = await self.writer.write(_epoch)
        self.writer.salt = zlib.crc32(self.epoch.encode())
        if self.writer.veil is unveiled:
            key = self.epoch.encode()
            self.writer.veil = lambda text: pseudonym_of(key, text)
        await self.journal.refresh()

    async def close(self, timeout: float = 30.0) -> None:
        """Finish waiting writes and close, the writer within ``timeout`` seconds."""
        self.writer.refuse()
        await asyncio.to_thread(self.writer.stop, timeout)
        await asyncio.to_thread(self._pool.shutdown, wait=True)  # reads are short; on the loop they would stop it
        await asyncio.to_thread(self.driver.close)

    def veil(self, text: str) -> str:
        """The pseudonym of an address: what stays of a contact who was erased."""
        return self.writer.veil(text)

    def veil_with(self, pseudonym: Callable[[str], str]) -> None:
        """Take pseudonyms from here, and not from the store's own epoch."""
        self.writer.veil = pseudonym

    def write(self, function: Callable[[Tx], T], *, urgent: bool = False) -> asyncio.Future[T]:
        """Run a write function in the next group commit."""
        return self.writer.write(function, urgent=urgent)

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Run a read (SQLAlchemy Core) on a connection of its own, off the event loop."""

        def run() -> T:
            with self.driver.reader.connect() as connection:
                return function(connection)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one hot read written as text with ``?`` parameters (and ``{in}``, see :meth:`listed`)."""
        text = self._translate(sql)
        return await self.read(lambda c: [tuple(row) for row in c.exec_driver_sql(text, tuple(params)).fetchall()])

    async def scrub(self) -> None:
        """Rewrite what deleted and changed rows have left behind in the database's files, off the event loop."""
        await asyncio.to_thread(self.driver.scrub)

    def listed(self, values: Iterable[str]) -> Any:
        """A parameter for ``{in}`` in :meth:`rows`: any number of texts in one statement."""
        found = list(values)
        return orjson.dumps(found).decode() if self.driver.dialect == "sqlite" else found

    def _committed(self, events: list[Event]) -> None:
        self.journal.committed(events)

    def _failed(self, error: StorageFailed) -> None:
        if self._on_failure is not None:
            self._on_failure(error)


def _epoch(tx: Tx) -> str:
    row = tx.one(
        "INSERT INTO meta (name, value) VALUES ('epoch', ?) ON CONFLICT (name) DO UPDATE SET value = meta.value "
        "RETURNING value",
        (new_ulid(),),
    )
    if row is None:  # an upsert with RETURNING always has a row
        raise StorageFailed("The store has no epoch.")
    return str(row[0])
