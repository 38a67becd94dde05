"""Builders of the calls about API keys."""

from __future__ import annotations

from collections.abc import Sequence

from waqtor.client.calls import AsyncResource, BlockingResource, Call, awaiting, blocking, many, nothing, one, segment
from waqtor.client.pages import Listing
from waqtor.contracts.views import KeyView


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


class Keys(BlockingResource):
    """API keys."""

    list = blocking(keys)
    create = blocking(create)
    revoke = blocking(revoke)


class AsyncKeys(AsyncResource):
    """API keys."""

    list = awaiting(keys)
    create = awaiting(create)
    revoke = awaiting(revoke)
