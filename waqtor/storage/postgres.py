"""PostgreSQL: the shared store. One pipelined write connection per engine; other engines may write too."""

from __future__ import annotations

import contextlib
import time

import psycopg
from psycopg import sql
from sqlalchemy import Engine, create_engine

from waqtor.errors import StorageFailed, Unavailable
from waqtor.storage.driver import ConnectionLost
from waqtor.storage.migrations import migrate
from waqtor.storage.setwise import SetStatements
from waqtor.storage.transaction import PostgresTx, Row, Tx

# Any constant will do, the same in all engines: "waqtor" in ASCII.
_APPEND_LOCK = 0x776171746F72
_MIGRATE_LOCK = _APPEND_LOCK + 1
_OWN_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"


class PostgresDriver:
    """One write connection; readers have their own pool."""

    dialect = "postgresql"
    exclusive = False

    def __init__(self, url: str, *, patience: float = 30.0) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://").replace("postgres://", "postgresql://")
        self._patience = patience
        self._connection: psycopg.Connection[Row] | None = None
        self._transaction_id = ""
        self._sets = SetStatements()
        self.reader: Engine = create_engine(
            self._url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=4, max_overflow=4,
            pool_pre_ping=True,
        )  # fmt: skip

    def open(self) -> None:
        """Connect and migrate (one engine at a time)."""
        self._connect()
        try:
            self._migrate(self._open_connection())
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _migrate(connection: psycopg.Connection[Row]) -> None:
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATE_LOCK,))
            known = connection.execute("SELECT to_regclass('meta')").fetchone()
            row = None
            if known and known[0]:
                row = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
            version = migrate("postgresql", int(row[0]) if row else 0, connection.execute)
            connection.execute(
                "INSERT INTO meta (name, value) VALUES ('schema_version', %s) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (str(version),),
            )
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            raise

    def begin(self, now: int, owner: str) -> Tx:
        """Start a write transaction (READ COMMITTED) and learn its id, in one round trip."""
        connection = self._open_connection()
        cursor = connection.execute("BEGIN; SELECT pg_current_xact_id()::text", prepare=False)
        cursor.nextset()
        row = cursor.fetchone()
        self._transaction_id = str(row[0]) if row else ""
        return PostgresTx(connection, now, owner, self._sets)

    def next_offset(self, tx: Tx) -> int:
        """One past the newest row, under a lock held to the commit: offset order is commit order.

        Two statements: the second needs a snapshot taken after the lock was granted.
        """
        tx.rows("SELECT pg_advisory_xact_lock(?)", (_APPEND_LOCK,))
        row = tx.one("SELECT coalesce(max(seq), 0) + 1 FROM journal")
        return int(row[0]) if row else 1

    def commit(self) -> None:
        """Make it durable."""
        try:
            self._open_connection().execute("COMMIT")
        except psycopg.OperationalError as error:
            raise ConnectionLost(str(error)) from error

    def committed(self) -> bool:
        """Whether the last transaction was committed: the server remembers, also after a restart.

        While its old backend is still at it, it is ended, so that the answer is final.
        """
        deadline = time.monotonic() + self._patience
        while True:
            self.reconnect()
            try:
                return self._fate(deadline)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StorageFailed("PostgreSQL cannot say whether a transaction was committed.") from error

    def _fate(self, deadline: float) -> bool:
        connection = self._open_connection()
        while True:
            row = connection.execute("SELECT pg_xact_status(%s::xid8)", (self._transaction_id,)).fetchone()
            status = row[0] if row else None
            if status != "in progress":
                return status == "committed"
            if time.monotonic() > deadline:
                raise StorageFailed("PostgreSQL cannot say whether a transaction was committed.")
            connection.execute(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'transactionid' "
                "AND l.transactionid = (%s::xid8)::xid AND l.granted AND l.pid <> pg_backend_pid()",
                (self._transaction_id,),
            )
            time.sleep(0.05)

    def rollback(self) -> None:
        """Undo."""
        try:
            self._open_connection().execute("ROLLBACK")
        except (psycopg.Error, ConnectionLost):
            self._drop()  # in whatever state it is, it is of no more use; the next begin() connects anew

    def reconnect(self) -> None:
        """Connect anew, waiting for the server for a while.

        Raises:
            StorageFailed: It did not come back.
        """
        self._drop()
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self._connect()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StorageFailed(f"PostgreSQL did not come back within {self._patience:.0f} s.") from error
                time.sleep(0.2)

    def lost(self, error: BaseException) -> bool:
        """Whether the connection is gone, or the server ended the transaction for one that may win a second time."""
        if isinstance(error, ConnectionLost | psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
            return True
        if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return False
        # Without a code it is the client library that speaks; 08 and 57P are about the connection and the server.
        code = error.sqlstate
        broken = self._connection is None or self._connection.closed
        return bool(broken) or code is None or code.startswith(("08", "57P"))

    def scrub(self) -> None:
        """Vacuum the tables that hold what people wrote: dead row versions go, the space is used again.

        On a connection of its own, beside the writer. What the server keeps of its own accord (WAL, backups) is the
        operator's: docs/privacy.md says what to do.

        Raises:
            Unavailable: The server refused.
        """
        try:
            with psycopg.connect(self._url, autocommit=True, application_name="waqtor-scrub") as connection:
                tables = [row[0] for row in connection.execute(_OWN_TABLES)]
                for table in tables:
                    connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
        except psycopg.Error as error:
            raise Unavailable(f"PostgreSQL could not be vacuumed: {error}") from error

    def close(self) -> None:
        """Close everything."""
        self._drop()
        self.reader.dispose()

    def _connect(self) -> None:
        self._connection = psycopg.connect(
            self._url, autocommit=True, prepare_threshold=1, application_name="waqtor-writer"
        )
        self._connection.execute("SET synchronous_commit = on")
        self._connection.execute("SET idle_in_transaction_session_timeout = '60s'")

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _open_connection(self) -> psycopg.Connection[Row]:
        if self._connection is None:
            raise ConnectionLost("not connected")
        return self._connection
