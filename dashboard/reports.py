"""What the Analytics page reads: the named queries as frames, and one SELECT of the visitor, through the SDK."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import pandas as pd
import streamlit as st

from dashboard import data
from dashboard.fresh import kept
from waqtor.analytics.catalog import DEFAULTS, named, parameters_of
from waqtor.contracts.queries import SavedQuery
from waqtor.contracts.views import QueryResult

PERIODS: Final[dict[str, tuple[int | None, str]]] = {
    "day": (1, "hour"),
    "week": (7, "hour"),
    "month": (30, "day"),
    "quarter": (90, "day"),
    "all": (None, "day"),
}
"""Days back from now (``None``: everything that is kept), and the bucket of what is drawn over time."""
OFFERED: Final = ("unmatched", "response_times", "top_rules", "failures", "kpis")
"""Built-in queries that the SQL box offers, below those that people keep."""
FORMATS: Final[dict[Literal["csv", "parquet", "arrow"], str]] = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""Files that a result can be downloaded as, and their media types."""
_TTL = 30.0
_INT64 = 2**63


def places(period: str, zone: str) -> dict[str, Any]:
    """Values of the places ``$since``, ``$until``, ``$session``, ``$zone``, ``$bucket`` and ``$top`` for a period."""
    days, bucket = PERIODS[period]
    since = None if days is None else (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    return {**DEFAULTS, "since": since, "zone": zone, "bucket": bucket}


@kept(_TTL, 2 * _TTL)
def report(name: str, period: str, zone: str) -> pd.DataFrame:
    """The frame of a named query over a period; times are in ``zone`` (IANA)."""
    query, given = named(name), places(period, zone)
    if name == "top_rules":
        given["top"] = 10
    result = data.client().analytics.query(query.sql, query.bind(**given))
    frame = pd.DataFrame(list(result.rows), columns=list(result.columns))
    if "bucket" in frame:
        frame["bucket"] = pd.to_datetime(frame["bucket"])
    return frame


@st.cache_data(ttl=600.0, max_entries=4, show_spinner=False)
def ask(sql: str, period: str, zone: str) -> QueryResult:
    """Run one SELECT of the visitor; the places it names are filled. The engine refuses everything but a SELECT."""
    return data.client().analytics.query(sql, _filled(sql, period, zone))


def file(sql: str, period: str, zone: str, form: Literal["csv", "parquet", "arrow"]) -> bytes:
    """What :func:`ask` finds as a file, with every type kept in Parquet and Arrow."""
    return data.client().analytics.export(sql, _filled(sql, period, zone), format=form)


def _filled(sql: str, period: str, zone: str) -> dict[str, Any]:
    values = places(period, zone)
    return {name: values[name] for name in parameters_of(sql) if name in values}


@st.cache_data(ttl=15.0, max_entries=2, show_spinner=False)
def queries() -> dict[str, SavedQuery]:
    """The queries that the SQL box offers, by id: those that people keep, then :data:`OFFERED`."""
    found = {query.id: query for query in data.client().analytics.queries.list()}
    own = {query_id: query for query_id, query in found.items() if not query.builtin}
    return own | {name: found[name] for name in OFFERED if name in found}


def keep(name: str, sql: str) -> SavedQuery:
    """Keep a query under a new name."""
    made = data.client().analytics.queries.create(name, sql)
    queries.clear()
    return made


def rewrite(query: SavedQuery, *, name: str | None = None, sql: str | None = None) -> SavedQuery:
    """Give a kept query another name, or another text."""
    changed = data.client().analytics.queries.replace(query.id, name or query.name, sql or query.sql, query.about)
    queries.clear()
    return changed


def drop(query: SavedQuery) -> None:
    """Forget a kept query."""
    data.client().analytics.queries.delete(query.id)
    queries.clear()


def grid(result: QueryResult) -> pd.DataFrame:
    """A result as a grid can show it: unlike column names, and text for lists, structures and very large numbers."""
    frame = pd.DataFrame(list(result.rows), columns=_unlike(result.columns))
    for name in frame.columns:
        if any(isinstance(v, list | dict | tuple) or (isinstance(v, int) and abs(v) >= _INT64) for v in frame[name]):
            frame[name] = frame[name].map(lambda value: None if value is None else str(value))
    return frame


def _unlike(names: Sequence[str]) -> list[str]:
    """``a, a`` becomes ``a, a_2``: a frame with two columns of one name cannot be drawn."""
    out: list[str] = []
    for name in names:
        free, n = name, 1
        while free in out:
            n += 1
            free = f"{name}_{n}"
        out.append(free)
    return out
