"""Dropping what the store has kept long enough: the journal, and what is kept of erasures. Never what is waited for.

A journal row goes when it is older than the setting, *and* every durable reader is past it, *and* no webhook delivery
waits for it. The newest row always stays: the next offset is counted from it.
"""

from __future__ import annotations

from collections.abc import Collection

from waqtor.contracts.privacy import RetentionView
from waqtor.contracts.wire import iso
from waqtor.kernel.ports import Position
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx

_CHUNK = 500
DAY_US = 86_400_000_000
LOG_CURSOR = "log:"
"""Begins the names of the cursors of traffic logs: each is in its own file, and told here so that trimming waits."""


class SqlTrimming:
    """Trims a store.

    Args:
        readers: Names of the readers of this engine; their cursors count however old they are.
    """

    def __init__(self, store: SqlStore, readers: Collection[str]) -> None:
        self._store = store
        self._readers = readers

    async def tell(self, name: str, offset: int) -> None:
        """Keep how far a reader is whose cursor is elsewhere (the traffic log's is in its file)."""
        place = Position(self._store.epoch, offset)

        def write(tx: Tx) -> None:
            tx.many(
                "INSERT INTO cursors (reader, epoch, position, updated) VALUES (?, ?, ?, ?) ON CONFLICT (reader) DO "
                "UPDATE SET epoch = excluded.epoch, position = excluded.position, updated = excluded.updated",
                [(name, place.epoch, place.offset, tx.now)],
            )

        await self._store.write(write)

    async def limit(self, days: int) -> tuple[int, str | None]:
        """The offset up to which the journal may go now, and the reader that it waits for, if it does.

        A cursor that has not moved for as long as the journal is kept, and belongs to no reader of this engine, is of
        something that is gone (a plugin, another node): it holds nothing up.
        """
        now = self._store.clock.now_us()
        old = now - days * DAY_US
        rows = await self._store.rows("SELECT coalesce(max(seq), 0) FROM journal WHERE created < ?", (old,))
        newest = await self._store.rows("SELECT coalesce(max(seq), 0) FROM journal")
        limit, held_by = min(int(rows[0][0]), int(newest[0][0]) - 1), None
        cursors = await self._store.rows("SELECT reader, epoch, position, updated FROM cursors")
        for reader, epoch, position, updated in cursors:
            live = reader in self._readers or updated >= old
            if live and epoch == self._store.epoch and position < limit:
                limit, held_by = int(position), str(reader)
        missing = set(self._readers) - {row[0] for row in cursors}
        if missing and limit > 0:  # it has not even begun: it may want everything
            limit, held_by = 0, min(missing)
        waiting = await self._store.rows(
            "SELECT min(seq) FROM webhook_deliveries WHERE state = 'pending' AND test = 0 AND body IS NULL"
        )
        if waiting[0][0] is not None and int(waiting[0][0]) <= limit:
            limit, held_by = int(waiting[0][0]) - 1, "webhook deliveries"
        return max(0, limit), held_by

    async def journal(self, days: int) -> int:
        """Drop what may go; returns how many rows."""
        limit, _ = await self.limit(days)
        total = 0

        def write(tx: Tx) -> int:
            rows = tx.rows(
                "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE seq <= ? ORDER BY seq LIMIT ?) "
                "RETURNING id, subject",
                (limit, _CHUNK),
            )
            # Personal fields of events that are about no message have a payload of their own, under the event's id.
            tx.many("DELETE FROM payloads WHERE id = ?", [(row[0],) for row in rows if row[0] == row[1]])
            return len(rows)

        while gone := await self._store.write(write):
            total += gone
            if gone < _CHUNK:
                break
        return total

    async def erasures(self, days: int, forgotten_days: int) -> int:
        """Drop what is kept of erasures: ids after ``days``, hashes of provider ids after ``forgotten_days``."""
        now = self._store.clock.now_us()

        def write(tx: Tx) -> int:
            subjects = tx.rows(
                "DELETE FROM erasure_subjects WHERE erasure_id IN (SELECT id FROM erasures WHERE state = 'done' AND "
                "finished < ?) RETURNING subject",
                (now - days * DAY_US,),
            )
            hashes = tx.rows(
                "DELETE FROM forgotten WHERE digest IN (SELECT digest FROM forgotten WHERE created < ? "
                f"LIMIT {_CHUNK}) RETURNING digest",
                (now - forgotten_days * DAY_US,),
            )
            return len(subjects) + len(hashes)

        return await self._store.write(write)

    async def figures(self, days: dict[str, int]) -> list[RetentionView]:
        """How long each kind is kept and how old its oldest row is; of ``days`` by kind."""
        tables = {
            "journal": ("journal", "created"), "webhook_log": ("webhook_deliveries", "created"),
            "notifications": ("notifications", "created"), "audit": ("audit", "at"),
            "forgotten": ("forgotten", "created"),
        }  # fmt: skip
        found = []
        for kind, kept in days.items():
            rows: int | None = None
            oldest: int | None = None
            held_by = None
            if kind in tables:
                table, column = tables[kind]
                counted = await self._store.rows(f"SELECT count(*), min({column}) FROM {table}")
                rows, oldest = int(counted[0][0]), counted[0][1]
            if kind == "journal":
                _, held_by = await self.limit(kept)
            found.append(
                RetentionView(
                    kind=kind,
                    days=kept, rows=rows, oldest=iso(oldest) if oldest is not None else None, held_by=held_by,
                )
            )  # fmt: skip
        return found
