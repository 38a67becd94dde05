"""Saved queries in memory, for tests of the API and the SDK."""

from __future__ import annotations

from waqtor.analytics.saved import missing
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.queries import SavedQuery, SaveQuery
from waqtor.errors import Conflict

STAMP = "2026-01-01T00:00:00.000000Z"


class MemoryQueries:
    def __init__(self) -> None:
        self.held: dict[str, SavedQuery] = {}

    async def list(self) -> list[SavedQuery]:
        return sorted(self.held.values(), key=lambda query: query.name.casefold())

    async def get(self, query_id: str) -> SavedQuery:
        if query_id not in self.held:
            raise missing(query_id)
        return self.held[query_id]

    async def create(self, query: SaveQuery, most: int) -> SavedQuery:
        if len(self.held) >= most:
            raise Conflict("There are too many.")
        return self._put(new_ulid(), query)

    async def replace(self, query_id: str, query: SaveQuery) -> SavedQuery:
        await self.get(query_id)
        return self._put(query_id, query)

    async def delete(self, query_id: str) -> None:
        await self.get(query_id)
        del self.held[query_id]

    def _put(self, query_id: str, query: SaveQuery) -> SavedQuery:
        name = query.name.strip()
        if any(o.name.casefold() == name.casefold() and o.id != query_id for o in self.held.values()):
            raise Conflict("There is a query of that name already.")
        view = SavedQuery(id=query_id, name=name, sql=query.sql, about=query.about, created=STAMP, updated=STAMP)
        self.held[query_id] = view
        return view
