"""Saved queries over the traffic log, as REST and the SDK speak of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from waqtor.contracts.base import Model
from waqtor.contracts.views import View

Name = Annotated[
    str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
]
Sql = Annotated[str, Field(min_length=1, max_length=100_000, pattern=r"\S")]
About = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


class SavedQuery(View):
    """A query that is kept under a name.

    Attributes:
        id: Its lasting id; of a built-in one, its name.
        name: What people call it.
        sql: One SELECT; ``$since``, ``$until``, ``$session``, ``$zone``, ``$bucket`` and ``$top`` stand for what the
            reader chooses.
        about: What it is for.
        builtin: Part of WaQtor: it can be neither changed nor deleted.
        created: ISO-8601; ``None`` for built-in ones.
        updated: ISO-8601; ``None`` for built-in ones.
    """

    id: str
    name: str
    sql: str
    about: str = ""
    builtin: bool = False
    created: str | None = None
    updated: str | None = None


class QueryList(View):
    """Saved queries by name, then the built-in ones."""

    queries: tuple[SavedQuery, ...]


class SaveQuery(Model):
    """A query to be kept; with ``PUT``, what it shall be from now on. It is not run and not checked."""

    name: Annotated[Name, Field(examples=["Orders a day"])]
    sql: Annotated[Sql, Field(examples=["SELECT count(*) AS n FROM messages"])]
    about: About = ""
