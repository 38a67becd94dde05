"""The older API under ``/api`` without ``v1``: the same routes, spoken in camelCase with old addresses.

Nothing is registered twice. A request to ``/api/messages`` is led to ``/api/v1/messages`` and marked; what it
answers is respelled on its way out. Field names of requests are taken in both spellings everywhere.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from waqtor.contracts.legacy import camel_name, respelled, snake_name

__all__ = ["ALIAS", "PREFIX", "camel_name", "legacy_body", "snake_name", "snake_query", "target"]

PREFIX: Final = "/api/v1"
ALIAS: Final = "/api"


def target(path: str) -> str | None:
    """The path that an alias stands for; ``None`` when the path is no alias."""
    if path.startswith("/api/") and not path.startswith("/api/v1/") and path != PREFIX:
        return PREFIX + path[len(ALIAS) :]
    return None


def snake_query(query: bytes) -> bytes:
    """A query string with its names in snake_case."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return urlencode([(snake_name(name), value) for name, value in pairs]).encode()


def legacy_body(value: Any) -> Any:
    """A success body as the older API gave it: ``success`` on top, camelCase, old addresses."""
    if not isinstance(value, dict):
        return value
    return {"success": True, **respelled(value)}
