"""The older API under ``/api`` without ``v1``: the same routes, spoken in camelCase with old addresses.

Nothing is registered twice. A request to ``/api/messages`` is led to ``/api/v1/messages`` and marked; what it
answers is respelled on its way out. Field names of requests are taken in both spellings everywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidAddress

PREFIX: Final = "/api/v1"
ALIAS: Final = "/api"

ADDRESSES = frozenset({"to", "from", "chat_id", "sender"})
"""Fields whose addresses are answered in their old form, ``966…@c.us``."""

DATA = frozenset(
    {"variables", "contact", "params", "fallbacks", "components", "rows", "columns", "topics", "raw", "details"}
)
"""Fields whose inner keys are data, not names of ours: they keep their spelling."""

_SPECIAL = {"last_qr": "lastQR"}
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_CAMEL = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")


def target(path: str) -> str | None:
    """The path that an alias stands for; ``None`` when the path is no alias."""
    if path.startswith("/api/") and not path.startswith("/api/v1/") and path != PREFIX:
        return PREFIX + path[len(ALIAS) :]
    return None


@lru_cache(maxsize=4096)
def snake_name(name: str) -> str:
    """``chatId`` → ``chat_id``; anything that is not camelCase stays as it is."""
    if len(name) > 64 or not _CAMEL.fullmatch(name):
        return name
    return _HUMP.sub(r"_\1", name).lower()


@lru_cache(maxsize=4096)
def camel_name(name: str) -> str:
    """``chat_id`` → ``chatId``."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail) if head else name


def snake_query(query: bytes) -> bytes:
    """A query string with its names in snake_case."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return urlencode([(snake_name(name), value) for name, value in pairs]).encode()


def legacy_body(value: Any) -> Any:
    """A success body as the older API gave it: ``success`` on top, camelCase, old addresses."""
    if not isinstance(value, dict):
        return value
    return {"success": True, **_respelled(value)}


def _respelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {camel_name(name): _member(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_respelled(item) for item in value]
    return value


def _member(name: str, item: Any) -> Any:
    if name in DATA:
        return item
    if name in ADDRESSES and isinstance(item, str):
        try:
            return parse_address(item).legacy
        except InvalidAddress:
            return item
    return _respelled(item)
