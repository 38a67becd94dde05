"""Builders of the calls about API keys, and about what a WebSocket handshake needs."""

from __future__ import annotations

from collections.abc import Sequence

from waqtor.client.calls import AsyncResource, BlockingResource, Call, awaiting, blocking, many, nothing, one, segment
from waqtor.client.pages import Listing
from waqtor.contracts.views import KeyView, TicketView, WhoAmI


def keys() -> Call[Listing[KeyView]]:
    """All keys, without their secrets."""
    return Call("GET", "/keys", many(KeyView))


def create(name: str, scopes: Sequence[str], *, expires: str | None = None) -> Call[KeyView]:
    """Make a key; its secret is in the answer, this once. ``expires`` is ISO-8601."""
    body = {"name": name, "scopes": list(scopes), **({"expires": expires} if expires else {})}
    return Call("POST", "/keys", one(KeyView), json=body)


def revoke(key_id: str) -> Call[None]:
    """End a key at once."""
    return Call("DELETE", f"/keys/{segment(key_id)}", nothing)


def ticket() -> Call[TicketView]:
    """A ticket for one WebSocket handshake (``?ticket=…``), for a browser that must not have the key."""
    return Call("POST", "/ws/tickets", one(TicketView), safe=True)


def whoami() -> Call[WhoAmI]:
    """Who the server takes this client for, and from which address (a signed handshake needs it)."""
    return Call("GET", "/ws/whoami", one(WhoAmI))


class Keys(BlockingResource):
    """API keys."""

    list = blocking(keys)
    create = blocking(create)
    revoke = blocking(revoke)
    ticket = blocking(ticket)
    whoami = blocking(whoami)


class AsyncKeys(AsyncResource):
    """API keys."""

    list = awaiting(keys)
    create = awaiting(create)
    revoke = awaiting(revoke)
    ticket = awaiting(ticket)
    whoami = awaiting(whoami)
