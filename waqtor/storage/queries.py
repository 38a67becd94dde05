"""Kept queries on SQL. Their changes go one after another, so that names stay unique over several engines."""

from __future__ import annotations

from waqtor.analytics.saved import missing
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.queries import SavedQuery, SaveQuery
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx, plain

_COLUMNS = "id, name, statement, about, created, updated"
_LOCK = "saved_queries"


class SqlQueries:
    """The :class:`waqtor.analytics.saved.QueryStore` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def list(self) -> list[SavedQuery]:
        """All of them, by name."""
        return [_view(row) for row in await self._store.rows(f"SELECT {_COLUMNS} FROM queries ORDER BY name_key")]

    async def get(self, query_id: str) -> SavedQuery:
        """One of them."""
        rows = await self._store.rows(f"SELECT {_COLUMNS} FROM queries WHERE id = ?", (query_id,))
        if not rows:
            raise missing(query_id)
        return _view(rows[0])

    async def create(self, query: SaveQuery, most: int) -> SavedQuery:
        """Keep another one, unless there are ``most`` already."""
        query_id = new_ulid()

        def write(tx: Tx) -> SavedQuery:
            _alone(tx)
            count = tx.one("SELECT count(*) FROM queries")
            if count is not None and count[0] >= most:
                raise Conflict(f"There are {most} saved queries already; delete some first.")
            _unlike(tx, query, query_id)
            name, key, sql, about = _texts(query)
            tx.many(
                "INSERT INTO queries (id, name, name_key, statement, about, created, updated) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(query_id, name, key, sql, about, tx.now, tx.now)],
            )
            return _view((query_id, name, sql, about, tx.now, tx.now))

        return await self._store.write(write)

    async def replace(self, query_id: str, query: SaveQuery) -> SavedQuery:
        """Make one into ``query``."""

        def write(tx: Tx) -> SavedQuery:
            _alone(tx)
            held = tx.one("SELECT created FROM queries WHERE id = ?", (query_id,))
            if held is None:
                raise missing(query_id)
            _unlike(tx, query, query_id)
            name, key, sql, about = _texts(query)
            tx.many(
                "UPDATE queries SET name = ?, name_key = ?, statement = ?, about = ?, updated = ? WHERE id = ?",
                [(name, key, sql, about, tx.now, query_id)],
            )
            return _view((query_id, name, sql, about, held[0], tx.now))

        return await self._store.write(write)

    async def delete(self, query_id: str) -> None:
        """Forget one."""

        def write(tx: Tx) -> None:
            if tx.one("DELETE FROM queries WHERE id = ? RETURNING id", (query_id,)) is None:
                raise missing(query_id)

        await self._store.write(write)


def _alone(tx: Tx) -> None:
    tx.many("INSERT INTO meta (name, value) VALUES (?, '') ON CONFLICT (name) DO NOTHING", [(_LOCK,)])
    tx.one("SELECT value FROM meta WHERE name = ? {lock}", (_LOCK,))


def _unlike(tx: Tx, query: SaveQuery, query_id: str) -> None:
    if tx.one("SELECT id FROM queries WHERE name_key = ? AND id <> ?", (_texts(query)[1], query_id)) is not None:
        raise Conflict("There is a query of that name already.")


def _texts(query: SaveQuery) -> tuple[str, str, str, str]:
    """Name, the name without its case, statement, and what it is for."""
    name = plain(query.name.strip())
    return name, name.casefold(), plain(query.sql), plain(query.about.strip())


def _view(row: Row) -> SavedQuery:
    return SavedQuery(id=row[0], name=row[1], sql=row[2], about=row[3], created=iso(row[4]), updated=iso(row[5]))
