"""Builders of the calls about one's profile."""

from __future__ import annotations

from collections.abc import Sequence

from waqtor.client.calls import AsyncResource, BlockingResource, Call, awaiting, blocking, body_of, one
from waqtor.contracts.profile import Profile, UpdateProfile


def get() -> Call[Profile]:
    """Who you are to the dashboard, and how you like it."""
    return Call("GET", "/profile", one(Profile))


def update(
    *,
    name: str | None = None,
    email: str | None = None,
    gravatar: bool | None = None,
    language: str | None = None,
    sidebar: str | None = None,
    brand: str | None = None,
    seen: Sequence[str] | None = None,
) -> Call[Profile]:
    """Change some of it; what is left out stays."""
    body = body_of(
        UpdateProfile, name=name, email=email, gravatar=gravatar, language=language, sidebar=sidebar, brand=brand,
        seen=None if seen is None else tuple(seen),
    )  # fmt: skip
    return Call("PATCH", "/profile", one(Profile), json=body)


class ProfileResource(BlockingResource):
    """One's profile."""

    get = blocking(get)
    update = blocking(update)


class AsyncProfileResource(AsyncResource):
    """One's profile."""

    get = awaiting(get)
    update = awaiting(update)
