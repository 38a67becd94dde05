"""Where each reader has got to, and the events that it could not handle."""

from __future__ import annotations

from waqtor.contracts.events import Event
from waqtor.kernel.ports import Position
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx


class SqlCursors:
    """The :class:`waqtor.kernel.ports.Cursors` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def load(self, reader: str) -> Position | None:
        """Return the reader's position."""
        rows = await self._store.rows("SELECT epoch, position FROM cursors WHERE reader = ?", (reader,))
        return Position(rows[0][0], rows[0][1]) if rows else None

    async def save(self, reader: str, position: Position) -> None:
        """Store the reader's position; it never goes back within an epoch."""

        def write(tx: Tx) -> None:
            tx.many(
                "INSERT INTO cursors (reader, epoch, position, updated) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (reader) DO UPDATE SET epoch = excluded.epoch, position = excluded.position, "
                "updated = excluded.updated "
                "WHERE cursors.epoch <> excluded.epoch OR cursors.position < excluded.position",
                [(reader, position.epoch, position.offset, tx.now)],
            )

        await self._store.write(write)

    async def set_aside(self, reader: str, event: Event, attempts: int, error: str) -> None:
        """Keep an event as a dead letter and journal that."""

        def write(tx: Tx) -> None:
            tx.many(
                "INSERT INTO dead_letters (reader, position, event_id, event_type, attempts, error, state, created) "
                "VALUES (?, ?, ?, ?, ?, ?, 'set_aside', ?) ON CONFLICT (reader, position) DO NOTHING",
                [(reader, event.offset, event.id, event.type, attempts, error[:2000], tx.now)],
            )
            data = {
                "reader": reader, "offset": event.offset, "event_type": event.type,
                "attempts": attempts, "error": error[:500],
            }  # fmt: skip
            tx.journal(Event("reader.set-aside", event.session, data, dedup_key=f"set-aside:{reader}:{event.offset}"))

        await self._store.write(write)
