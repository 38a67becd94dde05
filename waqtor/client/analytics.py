"""Builders of the calls that query the traffic log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from waqtor.client.calls import Answer, AsyncResource, BlockingResource, Call, awaiting, blocking, one
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


class Analytics(BlockingResource):
    """Queries over the traffic log."""

    query = blocking(query)
    arrow = blocking(arrow)
    frame = blocking(frame)


class AsyncAnalytics(AsyncResource):
    """Queries over the traffic log."""

    query = awaiting(query)
    arrow = awaiting(arrow)
    frame = awaiting(frame)
