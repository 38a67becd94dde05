"""``waqtor.connect()``: the traffic log for notebooks, through the sidecar when it runs, else from the file itself.

A DuckDB file belongs to one process. While the sidecar runs it owns the file, so queries go to it over HTTP and come
back as Arrow; when nothing runs, the file is opened read-only here.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from waqtor.errors import ConfigurationError, InvalidInput, NotFound, Unavailable, WaqtorError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Params = Sequence[Any] | Mapping[str, Any]
When = str | datetime


class _Source(Protocol):
    kind: Literal["sidecar", "file"]
    where: str

    def arrow(self, sql: str, params: Params | None) -> pa.Table: ...

    def close(self) -> None: ...


class TrafficLog:
    """An open traffic log; a context manager.

    Attributes:
        kind: ``sidecar`` or ``file``.
        where: The address or the path.
    """

    def __init__(self, source: _Source) -> None:
        self._source = source
        self.kind = source.kind
        self.where = source.where

    def arrow(self, sql: str, params: Params | None = None) -> pa.Table:
        """Run a query; returns a ``pyarrow.Table``.

        Raises:
            InvalidInput: The query is wrong, or (through the sidecar) not one read-only SELECT.
            Unavailable: The sidecar or the file cannot be reached.
        """
        table = self._source.arrow(sql, params)
        if (table.schema.metadata or {}).get(b"truncated") == b"1":
            words = f"The result was cut at {table.num_rows:,} rows; aggregate or filter in SQL."
            warnings.warn(words, stacklevel=2)
        return table

    def sql(self, sql: str, params: Params | None = None) -> pd.DataFrame:
        """Run a query; returns a DataFrame. Raises as :meth:`arrow`."""
        found: pd.DataFrame = self.arrow(sql, params).to_pandas()
        return found

    def messages(self, **filters: Any) -> pd.DataFrame:
        """Incoming messages, newest first; filters: since, until, session, limit (10,000)."""
        return self._rows("messages", **filters)

    def decisions(self, **filters: Any) -> pd.DataFrame:
        """The bot's decisions, newest first; filters as :meth:`messages`."""
        return self._rows("decisions", **filters)

    def sends(self, **filters: Any) -> pd.DataFrame:
        """Outgoing messages in their latest state, newest first; filters as :meth:`messages`."""
        return self._rows("sends", **filters)

    def events(self, type: str | None = None, **filters: Any) -> pd.DataFrame:
        """Journaled events, newest first; filters as :meth:`messages`, and the type (``message.*`` for a prefix)."""
        return self._rows("events", type, **filters)

    def metrics(self, name: str | None = None, **filters: Any) -> pd.DataFrame:
        """Snapshots of the metrics, newest first; filters as :meth:`messages`, and the name (``waqtor_ws_*``)."""
        return self._rows("metrics", name, column="name", **filters)

    def columns(self) -> pd.DataFrame:
        """What there is: every view's columns with type and meaning."""
        return self.sql("SELECT * FROM columns")

    def _rows(
        self,
        view: str,
        kind: str | None = None,
        *,
        column: str = "type",
        since: When | None = None,
        until: When | None = None,
        session: str | None = None,
        limit: int = 10_000,
    ) -> pd.DataFrame:
        conditions: list[str] = []
        params: list[Any] = []
        for condition, value in (
            ("created >= CAST(? AS TIMESTAMPTZ)", since),
            ("created < CAST(? AS TIMESTAMPTZ)", until),
            ("session = CAST(? AS VARCHAR)", session),
        ):
            if value is not None:
                conditions.append(condition)
                params.append(value.isoformat() if isinstance(value, datetime) else value)
        if kind is not None:
            conditions.append(f"starts_with({column}, ?)" if kind.endswith("*") else f"{column} = ?")
            params.append(kind.removesuffix("*"))
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self.sql(f"SELECT * FROM {view}{where} ORDER BY created DESC LIMIT {int(limit)}", params)

    def close(self) -> None:
        """Close; safe to call twice."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TrafficLog {self.kind} {self.where}>"


class _Sidecar:
    kind: Literal["sidecar", "file"] = "sidecar"

    def __init__(self, url: str | None, api_key: str | None, *, retries: int = 3) -> None:
        from waqtor.client import WaqtorClient

        self._client = WaqtorClient(url, api_key, retries=retries)
        self.where = url or "the default address"
        try:
            self._client.analytics.query("SELECT 1")
        except BaseException:
            self._client.close()
            raise

    def arrow(self, sql: str, params: Params | None) -> pa.Table:
        table: pa.Table = self._client.analytics.arrow(sql, params)
        return table

    def close(self) -> None:
        self._client.close()


class _File:
    kind: Literal["sidecar", "file"] = "file"

    def __init__(self, path: Path) -> None:
        import duckdb

        self.where = str(path)
        if not path.is_file():
            raise NotFound(f"There is no traffic log at {path}.", path=str(path))
        try:
            self._connection = duckdb.connect(str(path), read_only=True)
        except duckdb.Error as error:
            raise Unavailable(_why(path, error), path=str(path)) from error
        try:
            self._connection.execute("SET TimeZone = 'UTC'").fetchall()
            self._connection.execute("SELECT max(version) FROM meta.schema_version").fetchall()
        except duckdb.Error as error:
            self._connection.close()
            raise InvalidInput(f"{path} is a DuckDB file, but no traffic log of WaQtor.") from error

    def arrow(self, sql: str, params: Params | None) -> pa.Table:
        import duckdb

        given = dict(params) if isinstance(params, Mapping) else list(params or ())
        try:
            relation = self._connection.sql(sql, params=given)
            if relation is None:
                raise InvalidInput("That statement returns no rows; the log is open for reading only.")
            table: pa.Table = relation.to_arrow_table()
        except duckdb.Error as error:
            raise InvalidInput(str(error).partition("\n\n")[0]) from error
        return table

    def close(self) -> None:
        self._connection.close()


def _why(path: Path, error: Exception) -> str:
    words = str(error)
    if "Could not set lock" in words or "different configuration" in words:
        return (
            f"{path} is held by a running WaQtor, and a DuckDB file can be open in one process only:"
            " connect through it with waqtor.connect(url=…, api_key=…), or stop it."
        )
    return f"{path} cannot be opened: {words.partition(chr(10))[0]}"


def connect(url: str | None = None, api_key: str | None = None, path: str | Path | None = None) -> TrafficLog:
    """Open the traffic log.

    With ``url`` only the sidecar there is asked, with ``path`` only that file is opened. With neither, the sidecar at
    ``WAQTOR_API_URL`` is tried first (key: ``WAQTOR_API_KEY`` or the local key file), then the file of the settings.

    Args:
        url: Address of the sidecar.
        api_key: A key with the scope ``analytics:read``; ``analytics:texts`` shows message texts too.
        path: A DuckDB file of WaQtor.

    Raises:
        NotFound: Nothing answers and there is no file.
        Unavailable: The file is held by another process, or nobody answers at ``url``.
        Unauthorized, Forbidden: The sidecar refuses the key.
        ConfigurationError: Both ``url`` and ``path`` were given.
    """
    if path is not None:
        if url is not None:
            raise ConfigurationError("Give url or path, not both.")
        return TrafficLog(_File(Path(path)))
    if url is not None:
        return TrafficLog(_Sidecar(url, api_key))
    from waqtor.settings import Settings

    settings = Settings()
    try:
        return TrafficLog(_Sidecar(settings.api_url, api_key, retries=0))
    except Unavailable as unreachable:
        try:
            return TrafficLog(_File(settings.duckdb_file))
        except WaqtorError as error:
            raise type(error)(f"{unreachable.message} {error.message}", **error.details) from error
