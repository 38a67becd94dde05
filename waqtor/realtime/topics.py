"""Subscription names: what they mean, and who may have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from waqtor.contracts.events import EVENTS
from waqtor.kernel.access import Principal

MAX_NAMES: Final = 128
"""Most names that one connection holds."""

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "status": ("session.*",),
        "campaigns": ("campaign.*",),
        "smartbot": ("message.received", "smartbot.*"),
    }
)
"""Paths that open a socket already subscribed, and to what."""

_SCOPES: Final = {
    "session.qr": "admin",
    "webhook": "webhooks:manage",
    "notification": "notifications",
    "reader.set-aside": "admin",
    "metrics": "analytics:read",
    "campaign": "campaigns:manage",
    "smartbot": "smartbot:read",
    "plugin": "smartbot:read",
}
"""Needed scope by type or by the part before the dot; ``messages:read`` for all others."""


def scope_of(event_type: str) -> str:
    """The scope without which nobody sees events of this type."""
    return _SCOPES.get(event_type) or _SCOPES.get(event_type.split(".", 1)[0], "messages:read")


def types_of(name: str) -> frozenset[str]:
    """The event types that a topic, type, prefix (``message.*``) or ``all`` stands for; empty when unknown."""
    return _TYPES.get(name, frozenset())


@dataclass(frozen=True, slots=True)
class Resolved:
    """Names sorted into granted and refused (unknown, forbidden, or too many), in the order given."""

    granted: tuple[str, ...]
    refused: tuple[str, ...]


def resolve(names: Iterable[str], principal: Principal, held: Iterable[str] = ()) -> Resolved:
    """Sort names by whether this caller may have any of their types."""
    granted: dict[str, None] = {}
    refused: dict[str, None] = {}
    holding = set(held)
    for name in names:
        fits = name in holding or len(holding) < MAX_NAMES
        if fits and any(principal.may(scope_of(kind)) for kind in types_of(name)):
            granted[name] = None
            holding.add(name)
        else:
            refused[name] = None
    return Resolved(tuple(granted), tuple(refused))


def allowed_types(names: Iterable[str], principal: Principal) -> frozenset[str]:
    """All event types that these names bring to this caller."""
    return frozenset(kind for name in names for kind in types_of(name) if principal.may(scope_of(kind)))


def _table() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {"all": set(EVENTS), "*": set(EVENTS)}
    for name, spec in EVENTS.items():
        for key in (name, spec.topic, f"{name.split('.', 1)[0]}.*"):
            table.setdefault(key, set()).add(name)
    return {name: frozenset(types) for name, types in table.items()}


_TYPES: Final = _table()
