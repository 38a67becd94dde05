"""Tables as CSV files that spreadsheets open without harm."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table as CSV: UTF-8 with a mark, so that spreadsheets read Arabic; no cell of text begins like a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_cell(name) for name in names])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in _FORMULA:
        return f"'{value}"
    return "" if value is None else value
