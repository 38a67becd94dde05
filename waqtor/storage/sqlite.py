"""SQLite: the embedded default. WAL with ``synchronous=FULL``: a commit is on disk when it returns."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from pathlib import Path
from typing import IO

from sqlalchemy import Engine, create_engine, event

from waqtor.errors import ConfigurationError, Unavailable
from waqtor.storage.migrations import migrate
from waqtor.storage.transaction import SqliteTx, Tx

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-32768",
    # A checkpoint copies pages and syncs twice; fewer, larger ones keep the writer's tail short.
    "PRAGMA wal_autocheckpoint=4000",
)


class SqliteDriver:
    """One write connection on a file that this process alone may write (held by flock)."""

    dialect = "sqlite"
    exclusive = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self._connection: sqlite3.Connection | None = None
        self._head = 0
        self.reader: Engine = create_engine(
            f"sqlite:///{path}", pool_size=4, max_overflow=4, connect_args={"check_same_thread": False}
        )
        event.listen(self.reader, "connect", _prepare_reader)

    def open(self) -> None:
        """Take the folder, connect, migrate.

        Raises:
            ConfigurationError: Another engine holds the folder.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _take(self.path.parent / "engine.lock")
        try:
            self._connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, cached_statements=512
            )
            os.chmod(self.path, 0o600)
            for pragma in _PRAGMAS:
                self._connection.execute(pragma)
            self._migrate(self._connection)
            (head,) = self._connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()
            self._head = head
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _migrate(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
            row = (
                connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone() if known else None
            )
            version = migrate("sqlite", int(row[0]) if row else 0, connection.execute)
            connection.execute(
                "INSERT INTO meta (name, value) VALUES ('schema_version', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (str(version),),
            )
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def begin(self, now: int, owner: str) -> Tx:
        """Start a write transaction."""
        connection = self._open_connection()
        connection.execute("BEGIN IMMEDIATE")
        return SqliteTx(connection, now, owner)

    def next_offset(self, tx: Tx) -> int:
        """One past the newest row; this process is the only writer."""
        row = tx.one("SELECT max(seq) FROM journal")
        newest = row[0] if row and row[0] is not None else 0
        self._head = max(self._head, newest)
        return self._head + 1

    def commit(self) -> None:
        """Make it durable (fdatasync of the WAL)."""
        self._open_connection().execute("COMMIT")

    def committed(self) -> bool:
        """Never asked: a commit's answer is not lost within a process."""
        return False

    def rollback(self) -> None:
        """Undo."""
        connection = self._open_connection()
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def reconnect(self) -> None:
        """Not needed: the file does not go away by itself."""

    def lost(self, error: BaseException) -> bool:
        """Never: there is no network in between."""
        return False

    def scrub(self) -> None:
        """Copy the WAL into the file and cut it to nothing; deleted cells were zeroed (``secure_delete``).

        Raises:
            Unavailable: Somebody was reading all the time.
        """
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=10.0)
        try:
            for _ in range(20):
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
                time.sleep(0.25)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The database's log could not be emptied: {error}") from error
        finally:
            connection.close()
        raise Unavailable("The database's log could not be emptied: somebody reads it all the time.")

    def close(self) -> None:
        """Close everything and give the folder back."""
        self.reader.dispose()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ConfigurationError("The store is closed.")
        return self._connection


def _take(path: Path) -> IO[str]:
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise ConfigurationError(
            f"Another engine (process {holder}) works in {path.parent}. "
            "Stop it, or give this one its own WAQTOR_DATA_DIR.",
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _prepare_reader(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA cache_size=-8192")
    cursor.close()
