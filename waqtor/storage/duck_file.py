"""The DuckDB file of the traffic log: opening and locking it down, and writing batches with the cursor.

Everything here blocks and is called from the logger's one thread, except :meth:`DuckFile.cursor`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from waqtor.contracts.events import Event
from waqtor.errors import Unavailable
from waqtor.kernel.ports import Position
from waqtor.privacy.traces import Traces
from waqtor.storage import duck_erasure, duck_quarters, duck_schema
from waqtor.storage.duck_retention import Retention
from waqtor.storage.duck_rows import RowMaker, Rows, micros, moment

READER = "log"
_EVENT_CREATED = 5
"""Place of ``created`` in a row of ``events``, UTC microseconds."""
_AHEAD_US = 3_600_000_000


class DuckFile:
    """One traffic log, opened by one process.

    Args:
        path: The file; made when missing.
        memory: DuckDB's memory limit, for example ``1GB``.
    """

    def __init__(self, path: Path, memory: str = "1GB") -> None:
        self.path = path
        self._memory = memory
        self._connection: Any = None
        self._root: Any = None
        self._rows: RowMaker | None = None
        self._latest: datetime | None = None
        self._counted: datetime | None = None
        self._schemas: dict[str, Any] = {}
        self._cursor_lock = threading.Lock()
        self.position: Position | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._connection is not None

    def open(self) -> None:
        """Open, migrate, lock down and read the cursor.

        Raises:
            Unavailable: Another process holds the file, or it cannot be opened; the words say which.
        """
        import duckdb
        import pyarrow  # noqa: F401 - loaded here, before the first batch waits for it

        if self._connection is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        duck_erasure.tidy(self.path)
        try:
            if not self.path.exists() or self.path.stat().st_size == 0:
                self._make(duckdb)
            connection = duckdb.connect(str(self.path), config=self._config())
        except (duckdb.Error, OSError) as error:
            raise Unavailable(_why(self.path, error), path=str(self.path)) from error
        try:
            duck_schema.migrate(connection)
            self._lock_down(connection)
            salt = connection.execute("SELECT value FROM meta.salt").fetchall()[0][0]
            found = connection.execute(
                "SELECT epoch, journal_offset FROM meta.readers WHERE reader = ?", [READER]
            ).fetchall()
            ((latest,),) = connection.execute("SELECT max(created) FROM log.events").fetchall()
            self._latest, self._counted = latest, duck_quarters.counted_until(connection)
            root = connection.cursor()
        except (duckdb.Error, IndexError) as error:
            connection.close()
            raise Unavailable(f"{self.path} is not a usable traffic log: {_first_line(error)}") from error
        except BaseException:
            connection.close()
            raise
        self._rows = RowMaker(bytes(salt))
        self.position = Position(*found[0]) if found else None
        with self._cursor_lock:
            self._connection, self._root = connection, root

    def _config(self) -> dict[str, Any]:
        return {"threads": 1, "memory_limit": self._memory}

    def _make(self, duckdb: Any) -> None:
        """Make the file aside and move it into place: a kill while making it leaves nothing half made behind."""
        aside = self.path.with_name(f"{self.path.name}.new")
        for leftover in (aside, aside.with_name(f"{aside.name}.wal")):
            leftover.unlink(missing_ok=True)
        connection = duckdb.connect(str(aside), config=self._config())
        try:
            duck_schema.migrate(connection)
        finally:
            connection.close()
        # A WAL without its database (the file was deleted by hand) would be replayed into the new one.
        self.path.with_name(f"{self.path.name}.wal").unlink(missing_ok=True)
        os.replace(aside, self.path)

    def _lock_down(self, connection: Any) -> None:
        """Shut every way out of the database, for all connections; nothing can be set any more afterwards."""
        spill = str(self.path.with_name(f"{self.path.name}.tmp")).replace("'", "''")
        for setting in (
            "SET GLOBAL TimeZone = 'UTC'",
            f"SET temp_directory = '{spill}'",
            "SET max_temp_directory_size = '1GB'",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET allow_community_extensions = false",
            "SET python_scan_all_frames = false",
            "SET python_enable_replacements = false",
            "SET allowed_directories = []",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            connection.execute(setting)

    def open_once(self) -> None:
        """Make the file when missing and bring it to the present schema."""
        self.open()
        self.close()

    def start_at(self, position: Position) -> None:
        """Store the very first position."""
        self._connection.execute(
            "INSERT OR REPLACE INTO meta.readers VALUES (?, ?, ?)", [READER, position.epoch, position.offset]
        )
        self.position = position

    def write(self, events: Sequence[Event], extra: Rows | None = None, position: Position | None = None) -> int:
        """Write a batch and the cursor in one transaction; returns the number of events that were new.

        Events at or below the cursor are left out, so writing a batch again is harmless.

        Args:
            events: In order of their offsets.
            extra: Rows for other tables, committed with them.
            position: Where the cursor goes; default: the last event.

        Raises:
            Unavailable: The disk or the database refused; the file is closed and may be opened again.
        """
        import duckdb

        if self._connection is None or self.position is None or self._rows is None:
            raise Unavailable("The traffic log is not open.")
        fresh = [event for event in events if event.offset > self.position.offset]
        if fresh and position is None:
            position = Position(self.position.epoch, fresh[-1].offset)
        try:
            try:
                rows = self._rows.rows(fresh)
                self._commit(rows, extra, position)
            except (*_DATA_ERRORS, duckdb.DataError, duckdb.InvalidInputException, duckdb.ConversionException):
                # Some event does not fit: one by one, cleaning the culprits. Each is committed with its own cursor.
                for event in fresh:
                    self._write_one(event)
                if extra is not None or position is not None:
                    self._commit({}, extra, position)
        except (duckdb.Error, OSError) as error:
            self.close()
            raise Unavailable(_why(self.path, error), path=str(self.path)) from error
        return len(fresh)

    def _write_one(self, event: Event) -> None:
        import duckdb

        assert self._rows is not None
        assert self.position is not None
        position = Position(self.position.epoch, event.offset)
        bad = (*_DATA_ERRORS, duckdb.DataError, duckdb.InvalidInputException, duckdb.ConversionException)
        try:
            self._commit(self._rows.rows([event]), None, position)
            return
        except bad as error:
            problem: BaseException = error
        try:
            self._commit(self._rows.salvage(event, problem), None, position)
        except bad:
            self._commit(self._rows.remains(event, problem), None, position)

    def _commit(self, rows: Rows, extra: Rows | None, position: Position | None) -> None:
        connection = self._connection
        connection.begin()
        try:
            for batches in (rows, extra or {}):
                for table, batch in batches.items():
                    self._append(table, batch)
            written = rows.get("events", [])
            times = [row[_EVENT_CREATED] for row in written]
            if times and self._counted is not None and min(times) < micros(self._counted):
                duck_quarters.add_late(connection, written[0][0], moment(max(0, min(times))), self._counted)
            if position is not None:
                connection.execute(
                    "UPDATE meta.readers SET epoch = ?, journal_offset = ? WHERE reader = ?",
                    [position.epoch, position.offset, READER],
                ).fetchall()
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        if position is not None:
            self.position = position
        if times and max(times) <= time.time_ns() // 1000 + _AHEAD_US:  # else a clock is wrong
            self._latest = max(moment(max(times)), self._latest or moment(0))

    def count(self) -> bool:
        """Count the next closed quarter hours; whether there was something to count.

        Raises:
            Unavailable: As :meth:`write`.
        """
        import duckdb

        if self._connection is None or self._latest is None or self._counted is None:
            return False
        if self._latest - self._counted < 2 * duck_quarters.QUARTER:
            return False
        try:
            mark = duck_quarters.advance(self._connection, self._latest)
        except duckdb.OutOfMemoryException:
            return False  # a greedy query has it; until the next try the views count these rows themselves
        except (duckdb.Error, OSError) as error:
            self.close()
            raise Unavailable(_why(self.path, error), path=str(self.path)) from error
        if mark is not None:
            self._counted = mark
        return mark is not None

    def _append(self, table: str, batch: Sequence[Any]) -> None:
        """Add rows by way of Arrow: only the conversion, about 1 µs a row, holds the GIL.

        The Appender held it for the whole row (9 µs), which the event loop and the writer felt under load.
        """
        if not batch:
            return
        import pyarrow

        schema = self._schemas.get(table)
        if schema is None:
            schema = self._schemas[table] = duck_schema.arrow_schema(table)
        columns = [
            pyarrow.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)
        ]
        self._connection.register("batch", pyarrow.Table.from_arrays(columns, schema=schema))
        try:
            self._connection.execute(f"INSERT INTO log.{table} SELECT * FROM batch").fetchall()
        finally:
            self._connection.unregister("batch")

    def trim(self, retention: Retention, now: datetime) -> int | None:
        """Drop one slice of what is past its time; ``None`` when there is nothing more.

        Raises:
            Unavailable: As :meth:`write`.
        """
        import duckdb

        if self._connection is None:
            raise Unavailable("The traffic log is not open.")
        try:
            return retention.trim(self._connection, now)
        except (duckdb.Error, OSError) as error:
            self.close()
            raise Unavailable(_why(self.path, error), path=str(self.path)) from error

    def erased(self) -> frozenset[str]:
        """Ids of the erasures that were done in this file, the rewriting included.

        Raises:
            Unavailable: The file is not open.
        """
        if self._connection is None:
            raise Unavailable("The traffic log is not open.")
        rows = self._connection.execute(
            "SELECT reader FROM meta.readers WHERE starts_with(reader, ?) AND journal_offset = 1", [duck_erasure.MARK]
        ).fetchall()
        return frozenset(row[0].removeprefix(duck_erasure.MARK) for row in rows)

    def erase(self, erasures: Mapping[str, Sequence[str]], traces: Traces | None, until: datetime) -> int:
        """Take people out and rewrite the file; no query may be running. Returns the number of rows.

        Args:
            erasures: The ids that are a person's, by erasure; those done here already are left out.
            traces: The person's number, while it is known.
            until: Later rows are a new person's.

        Raises:
            Unavailable: The file cannot be used now; nothing is lost, it is done again.
        """
        import duckdb

        done = self.erased()
        wanted = {name: ids for name, ids in erasures.items() if name not in done}
        if not wanted:
            return 0
        assert self.position is not None
        connection, epoch = self._connection, self.position.epoch
        try:
            connection.begin()
            try:
                count = 0
                for name, ids in wanted.items():
                    count += duck_erasure.erase(connection, name, ids, traces, until)
                    mark = [duck_erasure.MARK + name, epoch]
                    connection.execute("INSERT OR REPLACE INTO meta.readers VALUES (?, ?, 0)", mark).fetchall()
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            self.close()
            duck_erasure.rewrite(self.path, self._memory, list(wanted))
        except (duckdb.Error, OSError) as error:
            self.close()
            raise Unavailable(_why(self.path, error), path=str(self.path)) from error
        self.open()
        return count

    def cursor(self) -> Any:
        """A new connection to the same database, for one query (any thread).

        Raises:
            Unavailable: The file is not open.
        """
        with self._cursor_lock:
            if self._root is None:
                raise Unavailable("The traffic log is not open.")
            return self._root.cursor()

    def close(self) -> None:
        """Close; what was committed is in the file."""
        with self._cursor_lock:
            connection, self._connection = self._connection, None
            root, self._root = self._root, None
        for each in (root, connection):
            if each is not None:
                each.close()


_DATA_ERRORS = (TypeError, ValueError, OverflowError, AttributeError)


def _why(path: Path, error: BaseException) -> str:
    words = str(error)
    if "Could not set lock" in words or "Conflicting lock" in words:
        holder = words.partition("(PID ")[2].partition(")")[0]
        return f"{path} is held by another process{f' (PID {holder})' if holder.isdigit() else ''}."
    if "not a valid DuckDB database" in words:
        return f"{path} is not a DuckDB file (damaged?): move it away, and a new one is made."
    return f"{path} cannot be used: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__
