"""Queries that people keep, beside the named ones of the ``.sql`` files."""

from __future__ import annotations

from typing import Final, Protocol

from waqtor.analytics.catalog import catalog
from waqtor.contracts.queries import SavedQuery, SaveQuery
from waqtor.errors import Conflict, NotFound

MOST: Final = 500
"""Queries that can be kept."""


class QueryStore(Protocol):
    """Where kept queries are; names are told apart without their case."""

    async def list(self) -> list[SavedQuery]:
        """All of them, by name."""
        ...

    async def get(self, query_id: str) -> SavedQuery:
        """One of them.

        Raises:
            NotFound: There is none of that id.
        """
        ...

    async def create(self, query: SaveQuery, most: int) -> SavedQuery:
        """Keep another one, unless there are ``most`` already.

        Raises:
            Conflict: There are too many, or one of that name.
        """
        ...

    async def replace(self, query_id: str, query: SaveQuery) -> SavedQuery:
        """Make one into ``query``.

        Raises:
            NotFound: There is none of that id.
            Conflict: Another one has the name.
        """
        ...

    async def delete(self, query_id: str) -> None:
        """Forget one.

        Raises:
            NotFound: There is none of that id.
        """
        ...


class SavedQueries:
    """The kept queries and the built-in ones, as one list.

    Args:
        store: Where the kept ones are.
    """

    def __init__(self, store: QueryStore) -> None:
        self._store = store

    async def list(self) -> list[SavedQuery]:
        """The kept ones by name, then the built-in ones."""
        return [*await self._store.list(), *_builtin().values()]

    async def get(self, query_id: str) -> SavedQuery:
        """One, by its id.

        Raises:
            NotFound: There is none of that id.
        """
        return _builtin().get(query_id) or await self._store.get(query_id)

    async def create(self, query: SaveQuery) -> SavedQuery:
        """Keep a query.

        Raises:
            Conflict: The name is taken, or :data:`MOST` are kept already.
        """
        _free(query.name)
        return await self._store.create(query, MOST)

    async def replace(self, query_id: str, query: SaveQuery) -> SavedQuery:
        """Change a kept query as a whole: its name, its text, what it is for.

        Raises:
            NotFound: There is none of that id.
            Conflict: The name is taken, or the query is built in.
        """
        _own(query_id)
        _free(query.name)
        return await self._store.replace(query_id, query)

    async def delete(self, query_id: str) -> None:
        """Forget a kept query.

        Raises:
            NotFound: There is none of that id.
            Conflict: The query is built in.
        """
        _own(query_id)
        await self._store.delete(query_id)


def _builtin() -> dict[str, SavedQuery]:
    return {
        name: SavedQuery(id=name, name=name, sql=each.sql, about=each.why, builtin=True)
        for name, each in catalog().items()
    }


def _own(query_id: str) -> None:
    if query_id in catalog():
        raise Conflict(f"{query_id} is part of WaQtor; save it under another name to change it.")


def _free(name: str) -> None:
    if name.strip().casefold() in catalog():
        raise Conflict(f"{name.strip()} is the name of a query that is part of WaQtor.")


def missing(query_id: str) -> NotFound:
    """What to raise for an id that nothing has."""
    return NotFound("There is no such query.", id=query_id[:64])
