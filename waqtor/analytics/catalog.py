"""The named queries of the ``.sql`` files, read once.

A file holds queries ended by semicolons, each under a ``-- name:`` line and with a ``-- why:`` line. ``$name`` stands
for a parameter; which ones a query takes is read off its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from waqtor.errors import InvalidInput, NotFound

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {"since": None, "until": None, "session": None, "zone": "UTC", "bucket": "hour", "top": 20, "step": 300}
    | {"name": None, "campaign": None, "after": ""}
)
"""Values of parameters that the caller leaves out."""
BUCKETS = ("minute", "hour", "day")
_NAME = re.compile(r"^-- name: *([a-z_]+) *$", re.MULTILINE)
_WHY = re.compile(r"^-- why: *(.+)$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*")
_PARAMETER = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query: its text, why it is there, and the parameters it takes."""

    name: str
    why: str
    sql: str
    parameters: frozenset[str]

    def bind(self, **given: Any) -> dict[str, Any]:
        """Return the parameters to send; those left out have :data:`DEFAULTS`.

        Times may be ISO-8601 texts or aware datetimes.

        Raises:
            InvalidInput: A parameter that no query knows, a bucket that is none, or a step that is no time.
        """
        if unknown := sorted(set(given) - set(DEFAULTS)):
            raise InvalidInput(f"{self.name} has no parameter {', '.join(unknown)}.")
        values = {**DEFAULTS, **given}
        if values["bucket"] not in BUCKETS:
            raise InvalidInput(f"bucket is one of {', '.join(BUCKETS)}, not {values['bucket']!r}.")
        if not values["step"] > 0:
            raise InvalidInput(f"step is a number of seconds above 0, not {values['step']!r}.")
        return {name: _sent(values[name]) for name in self.parameters}


def _sent(value: Any) -> Any:
    """Times travel as text, so that the same call works over HTTP."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def parameters_of(sql: str) -> frozenset[str]:
    """The names that stand for parameters in a text."""
    return frozenset(_PARAMETER.findall(sql))


def parse(text: str) -> list[NamedQuery]:
    """The queries of one file.

    Raises:
        ValueError: A query without a name or a why.
    """
    found: list[NamedQuery] = []
    pieces = _NAME.split(text)
    if _COMMENT.sub("", pieces[0]).strip():
        raise ValueError("SQL before the first '-- name:'")
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        why = _WHY.search(body)
        if why is None:
            raise ValueError(f"the query {name} has no '-- why:'")
        sql = _COMMENT.sub("", body).strip().rstrip(";").strip()
        found.append(NamedQuery(name, why.group(1).strip(), sql, parameters_of(sql)))
    return found


@cache
def catalog() -> Mapping[str, NamedQuery]:
    """All named queries."""
    found: dict[str, NamedQuery] = {}
    for file in sorted(resources.files("waqtor.analytics").joinpath("queries").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".sql"):
            found.update((query.name, query) for query in parse(file.read_text(encoding="utf-8")))
    return MappingProxyType(found)


def named(name: str) -> NamedQuery:
    """One query.

    Raises:
        NotFound: There is none of that name.
    """
    try:
        return catalog()[name]
    except KeyError:
        raise NotFound(f"There is no query {name!r}; there are {', '.join(catalog())}.") from None
