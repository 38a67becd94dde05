"""What the Analytics page reads: the named queries as frames, and one SELECT of the visitor, through the SDK."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import batches, data
from waqtor.analytics.catalog import DEFAULTS, named
from waqtor.contracts.views import QueryResult

PERIODS: Final[dict[str, tuple[int | None, str]]] = {
    "day": (1, "hour"),
    "week": (7, "hour"),
    "month": (30, "day"),
    "quarter": (90, "day"),
    "all": (None, "day"),
}
"""Days back from now (``None``: everything that is kept), and the bucket of what is drawn over time."""
SAVED: Final = ("unmatched", "response_times", "top_rules", "failures", "kpis")
"""Named queries that the SQL box offers."""
_PARAMETER = re.compile(r"\$([a-z_]+)")
_TTL = 30.0
_INT64 = 2**63


def places(period: str, zone: str) -> dict[str, Any]:
    """Values of the places ``$since``, ``$until``, ``$session``, ``$zone``, ``$bucket`` and ``$top`` for a period."""
    days, bucket = PERIODS[period]
    since = None if days is None else (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    return {**DEFAULTS, "since": since, "zone": zone, "bucket": bucket}


@st.cache_data(ttl=_TTL, max_entries=64, show_spinner=False)
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
    values = places(period, zone)
    params = {name: values[name] for name in _PARAMETER.findall(sql) if name in values}
    return data.client().analytics.query(sql, params)


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


def as_csv(result: QueryResult) -> bytes:
    """A result as CSV; see :func:`dashboard.batches.as_csv`."""
    return batches.as_csv(result.columns, result.rows)
