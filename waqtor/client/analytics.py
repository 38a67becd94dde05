"""Builders of the calls that query the traffic log, and of those that keep queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Literal

from waqtor.client.calls import (
    Answer,
    AsyncExecutor,
    AsyncResource,
    BlockingExecutor,
    BlockingResource,
    Call,
    awaiting,
    blocking,
    body_of,
    many,
    nothing,
    one,
    segment,
)
from waqtor.client.pages import Listing
from waqtor.contracts.queries import SavedQuery, SaveQuery
from waqtor.contracts.views import QueryResult
from waqtor.errors import WaqtorError

ARROW = "application/vnd.apache.arrow.stream"

Parameters = Sequence[Any] | Mapping[str, Any] | None


def query(sql: str, params: Parameters = None) -> Call[QueryResult]:
    """Run one SELECT over the traffic log.

    Args:
        sql: The query; ``?`` or ``$name`` stand for parameters.
        params: Their values.

    Raises:
        QueryRefused: Not a single read-only SELECT over the allowed views.
    """
    return Call("POST", "/analytics/query", one(QueryResult), json=_body(sql, params, "json"))


def arrow(sql: str, params: Parameters = None) -> Call[Any]:
    """Like ``query``, but a ``pyarrow.Table`` (needs pyarrow)."""
    body = _body(sql, params, "arrow")
    return Call("POST", "/analytics/query", _table, json=body, headers={"Accept": ARROW})


def frame(sql: str, params: Parameters = None) -> Call[Any]:
    """Like ``query``, but a pandas DataFrame (needs pyarrow and pandas)."""
    body = _body(sql, params, "arrow")
    return Call("POST", "/analytics/query", _frame, json=body, headers={"Accept": ARROW})


def export(sql: str, params: Parameters = None, *, format: Literal["csv", "parquet", "arrow"] = "csv") -> Call[bytes]:
    """Like ``query``, but a file: CSV for spreadsheets, Parquet, or an Arrow stream.

    In the CSV (UTF-8 with a mark) text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    return Call("POST", "/analytics/query", _bytes, json=_body(sql, params, format))


def saved() -> Call[Listing[SavedQuery]]:
    """Saved queries by name, then those that are part of WaQtor."""
    return Call("GET", "/analytics/queries", many(SavedQuery))


def saved_one(query_id: str) -> Call[SavedQuery]:
    """One saved query."""
    return Call("GET", f"/analytics/queries/{segment(query_id)}", one(SavedQuery))


def save(name: str, sql: str, about: str = "") -> Call[SavedQuery]:
    """Keep a query.

    Raises:
        Conflict: There is one of that name.
    """
    return Call("POST", "/analytics/queries", one(SavedQuery), json=body_of(SaveQuery, name=name, sql=sql, about=about))


def replace(query_id: str, name: str, sql: str, about: str = "") -> Call[SavedQuery]:
    """Change a saved query: its name, its text, what it is for.

    Raises:
        Conflict: Another one has the name, or it is part of WaQtor.
    """
    body = body_of(SaveQuery, name=name, sql=sql, about=about)
    return Call("PUT", f"/analytics/queries/{segment(query_id)}", one(SavedQuery), json=body, safe=True)


def delete(query_id: str) -> Call[None]:
    """Forget a saved query."""
    return Call("DELETE", f"/analytics/queries/{segment(query_id)}", nothing)


def _bytes(answer: Answer) -> bytes:
    return answer.content


def _body(sql: str, params: Parameters, form: str) -> dict[str, Any]:
    body: dict[str, Any] = {"sql": sql, "format": form}
    if params is not None:
        body["params"] = dict(params) if isinstance(params, Mapping) else list(params)
    return body


def _table(answer: Answer) -> Any:
    if ARROW not in answer.headers.get("content-type", ""):
        raise WaqtorError("The server did not answer in Arrow.")
    return import_module("pyarrow").ipc.open_stream(answer.content).read_all()


def _frame(answer: Answer) -> Any:
    return _table(answer).to_pandas()


class Queries(BlockingResource):
    """Saved queries."""

    list = blocking(saved)
    get = blocking(saved_one)
    create = blocking(save)
    replace = blocking(replace)
    delete = blocking(delete)


class AsyncQueries(AsyncResource):
    """Saved queries."""

    list = awaiting(saved)
    get = awaiting(saved_one)
    create = awaiting(save)
    replace = awaiting(replace)
    delete = awaiting(delete)


class Analytics(BlockingResource):
    """Queries over the traffic log."""

    def __init__(self, executor: BlockingExecutor) -> None:
        super().__init__(executor)
        self.queries = Queries(executor)

    query = blocking(query)
    arrow = blocking(arrow)
    frame = blocking(frame)
    export = blocking(export)


class AsyncAnalytics(AsyncResource):
    """Queries over the traffic log."""

    def __init__(self, executor: AsyncExecutor) -> None:
        super().__init__(executor)
        self.queries = AsyncQueries(executor)

    query = awaiting(query)
    arrow = awaiting(arrow)
    frame = awaiting(frame)
    export = awaiting(export)
