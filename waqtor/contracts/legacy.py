"""The older spelling: camelCase names and ``966…@c.us`` addresses, on the unversioned API and the old webhooks."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidAddress

ADDRESSES = frozenset({"to", "from", "chat_id", "sender"})
"""Fields whose addresses are answered in their old form, ``966…@c.us``."""

DATA = frozenset(
    {"variables", "contact", "params", "fallbacks", "components", "rows", "columns", "topics", "raw", "details"}
)
"""Fields whose inner keys are data, not names of ours: they keep their spelling."""

_SPECIAL = {"last_qr": "lastQR"}
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_CAMEL = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")


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


def respelled(value: Any) -> Any:
    """A JSON value with its names in camelCase and its addresses in the old form."""
    if isinstance(value, dict):
        return {camel_name(name): _member(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [respelled(item) for item in value]
    return value


def _member(name: str, item: Any) -> Any:
    if name in DATA:
        return item
    if name in ADDRESSES and isinstance(item, str):
        try:
            return parse_address(item).legacy
        except InvalidAddress:
            return item
    return respelled(item)
