"""A person's profile: who they are and how they like the dashboard, as REST and the SDK speak of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from waqtor.contracts.base import Model

Name = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Email = Annotated[str, Field(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class Profile(Model):
    """What is kept of a person.

    Attributes:
        name: Shown in the menu; empty: the user's name.
        email: For the picture alone; nothing is sent there.
        gravatar: Show the picture that gravatar.com has for the address. Off by default: it tells that site who
            works here, and when.
        language: Of the dashboard; empty: the browser's.
        sidebar: How the navigation stands at the start of a visit.
        brand: Whether the logo or the shop's name stands above the navigation.
        seen: Pages whose "New" mark was seen.
    """

    name: Name = ""
    email: Email = ""
    gravatar: bool = False
    language: Literal["", "en", "ar"] = ""
    sidebar: Literal["auto", "open", "closed"] = "auto"
    brand: Literal["logo", "text"] = "logo"
    seen: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=100)] = ()


class UpdateProfile(Model):
    """Change some of it; what is left out stays."""

    name: Name | None = None
    email: Email | None = None
    gravatar: StrictBool | None = None
    language: Literal["", "en", "ar"] | None = None
    sidebar: Literal["auto", "open", "closed"] | None = None
    brand: Literal["logo", "text"] | None = None
    seen: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=100)] | None = None
