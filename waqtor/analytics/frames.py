"""Data frames of the named queries, from anything that has ``.sql(text, params) -> DataFrame``.

>>> from waqtor.analytics.frames import frame
>>> with waqtor.connect() as log:                       # doctest: +SKIP
...     frame(log, "traffic", bucket="day", zone="Asia/Riyadh")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from waqtor.analytics.catalog import named

if TYPE_CHECKING:
    import pandas as pd


class SqlSource(Protocol):
    """What :func:`waqtor.connect` returns, or any stand-in."""

    def sql(self, query: str, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Run a query."""
        ...


def frame(source: SqlSource, name: str, **parameters: Any) -> pd.DataFrame:
    """The frame of a named query.

    Args:
        source: Where to ask.
        name: One of :func:`waqtor.analytics.catalog.catalog`.
        **parameters: since, until (ISO-8601 or datetime), session, zone (IANA), bucket (minute, hour, day), top,
            campaign (its id).

    Raises:
        NotFound: No such query.
        InvalidInput: An unknown parameter.
    """
    query = named(name)
    return source.sql(query.sql, query.bind(**parameters))


def kpis(source: SqlSource, **parameters: Any) -> dict[str, float | int | None]:
    """The key figures as a dict; rates are ``None`` when there is nothing to divide by."""
    row = frame(source, "kpis", **parameters).iloc[0]
    return {str(name): _number(value) for name, value in row.items()}


def _number(value: Any) -> float | int | None:
    if value is None or value != value:  # NaN is the only value unlike itself
        return None
    return float(value) if float(value) != int(value) else int(value)
