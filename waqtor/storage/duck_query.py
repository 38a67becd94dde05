"""Running a checked query on the traffic log: its own connection and views, a deadline, bounded results."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from decimal import Decimal
from typing import Any
from uuid import UUID

from waqtor.contracts.views import QueryResult
from waqtor.errors import InvalidInput, QueryRefused, Timeout, TooLarge, Unavailable, WaqtorError
from waqtor.storage import duck_guard, duck_quarters
from waqtor.storage.duck_schema import view_sql

MAX_RESULT_BYTES = 256 * 1024 * 1024
"""Most memory a result may take."""
_CHUNK = 2048
_AGAIN_S = 0.05
Params = Sequence[Any] | Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Query:
    """A query on its way; :meth:`cancel` may be called from any thread.

    Attributes:
        sql: What the caller sent.
        params: Values for ``?`` or ``$name``.
        texts: Whether personal columns are shown.
        session: If set, only this session's rows.
        timeout: Seconds from its making.
        max_rows: Rows returned at most; there may be more.
    """

    sql: str
    params: Params
    texts: bool
    session: str | None
    timeout: float
    max_rows: int
    _started: float = field(default_factory=time.monotonic)
    _cursor: Any = None
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cancel(self) -> None:
        """End it as soon as possible."""
        with self._lock:
            self._ended = True
            if self._cursor is None:
                return
            self._cursor.interrupt()
        # One that comes a moment before the statement starts is lost: it is repeated until the query has ended.
        again = threading.Timer(_AGAIN_S, self.cancel)
        again.daemon = True
        again.start()

    def rows(self, open_cursor: Callable[[], Any]) -> QueryResult:
        """Run it; the values are ready for JSON (see :func:`plain`).

        Raises:
            QueryRefused, InvalidInput: The statement is not allowed or failed.
            Timeout: It took too long.
            TooLarge: It needs more memory than allowed.
        """
        found: QueryResult = self._run(open_cursor, self._fetch_rows)
        return found

    def arrow(self, open_cursor: Callable[[], Any]) -> Any:
        """As :meth:`rows`, but a ``pyarrow.Table``; its metadata ``truncated`` is ``0`` or ``1``."""
        return self._run(open_cursor, self._fetch_arrow)

    def _run(self, open_cursor: Callable[[], Any], fetch: Callable[[Any, str], Any]) -> Any:
        left = self.timeout - (time.monotonic() - self._started)
        if left <= 0 or self._ended:
            raise Timeout("The query waited too long for its turn.", timeout=self.timeout)
        cursor = open_cursor()
        timer = threading.Timer(left, self.cancel)
        timer.daemon = True
        try:
            statement, views = duck_guard.check(self.sql, cursor)
            counted = None
            if views.intersection(duck_quarters.TABLES):
                cursor.begin()  # the mark and what is read belong to one moment; it ends with the cursor
                counted = duck_quarters.counted_until(cursor)
            for name in sorted(views):
                body = view_sql(name, texts=self.texts, session=self.session, counted=counted)
                cursor.execute(f"CREATE TEMP VIEW {name} AS {body}")
            with self._lock:
                if self._ended:
                    raise Timeout("The query was cancelled.", timeout=self.timeout)
                self._cursor = cursor
            timer.start()
            return fetch(cursor, statement)
        except WaqtorError:
            raise
        except Exception as error:
            raise self._translated(error) from error
        finally:
            timer.cancel()
            with self._lock:
                self._cursor = None
            cursor.close()

    def _fetch_rows(self, cursor: Any, statement: str) -> QueryResult:
        cursor.execute(statement, _params(self.params))
        described = cursor.description or ()
        rows: list[tuple[Any, ...]] = []
        size = 0
        while len(rows) <= self.max_rows:
            chunk = cursor.fetchmany(min(_CHUNK, self.max_rows + 1 - len(rows)))
            if not chunk:
                break
            for row in chunk:
                rows.append(tuple(plain(value) for value in row))
                size += sum(len(value) if isinstance(value, str | bytes) else 16 for value in row)
            if size > MAX_RESULT_BYTES:
                raise TooLarge("The result is too large; select fewer rows or columns.", limit=MAX_RESULT_BYTES)
            if self._ended:
                raise Timeout(f"The query took longer than {self.timeout:g} s.", timeout=self.timeout)
        return QueryResult(
            columns=tuple(str(each[0]) for each in described),
            types=tuple(str(each[1]) for each in described),
            rows=tuple(rows[: self.max_rows]),
            truncated=len(rows) > self.max_rows,
            elapsed_ms=self._elapsed_ms(),
        )

    def _fetch_arrow(self, cursor: Any, statement: str) -> Any:
        import pyarrow as pa

        reader = cursor.sql(statement, params=_params(self.params)).to_arrow_reader(_CHUNK)
        batches: list[Any] = []
        count = size = 0
        for batch in reader:
            batches.append(batch)
            count += batch.num_rows
            size += batch.nbytes
            if size > MAX_RESULT_BYTES:
                raise TooLarge("The result is too large; select fewer rows or columns.", limit=MAX_RESULT_BYTES)
            if self._ended:
                raise Timeout(f"The query took longer than {self.timeout:g} s.", timeout=self.timeout)
            if count > self.max_rows:
                break
        table = pa.Table.from_batches(batches, schema=reader.schema)
        truncated = table.num_rows > self.max_rows
        notes = {"truncated": "1" if truncated else "0", "elapsed_ms": f"{self._elapsed_ms():.3f}"}
        return table.slice(0, self.max_rows).replace_schema_metadata(notes)

    def _elapsed_ms(self) -> float:
        return round((time.monotonic() - self._started) * 1000, 3)

    def _translated(self, error: Exception) -> Exception:
        import duckdb

        words = str(error).partition("\n\n")[0].replace("\n", " ")[:500]
        if isinstance(error, duckdb.InterruptException) or (self._ended and isinstance(error, duckdb.Error)):
            return Timeout(f"The query took longer than {self.timeout:g} s.", timeout=self.timeout)
        if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
            return TooLarge("The query needs more memory than it may use; filter or aggregate first.")
        if isinstance(error, duckdb.PermissionException):
            return QueryRefused("A query has no access to files, extensions or settings.")
        if isinstance(error, duckdb.FatalException | duckdb.InternalException | duckdb.IOException):
            return Unavailable(f"The traffic log failed: {words}")
        if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
            return InvalidInput(words)
        if isinstance(error, duckdb.Error):
            # Run-time errors quote values, and a filter of the caller may run before the session's.
            return InvalidInput(words if self.session is None else f"The query failed: {type(error).__name__}.")
        if isinstance(error, UnicodeEncodeError | TypeError | ValueError | RuntimeError):
            return InvalidInput(f"The query or its parameters cannot be used: {words}")
        return error


def _params(params: Params) -> Any:
    return dict(params) if isinstance(params, Mapping) else list(params)


def plain(value: Any) -> Any:
    """A DuckDB value as JSON can carry it.

    Times become ISO-8601 (UTC with ``Z``), durations seconds, decimals floats, blobs hex, NaN and infinities null.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | day_time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)
