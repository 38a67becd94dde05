"""Who runs a session: one engine at a time, by a lease whose times are the database's clock.

The owner renews at a third of the term and stops by its own monotonic clock before the lease ends, so no two
engines send for one number even when one was frozen for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx

_DB_NOW = {
    "sqlite": "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "postgresql": "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}


class SqlLease:
    """The lease of one session.

    Args:
        term: Seconds a lease lasts without renewal.
    """

    def __init__(
        self, store: SqlStore, session: str, *, term: float = 15.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._session = session
        self._term = term
        self._monotonic = monotonic
        self._held_until = 0.0
        self.generation = 0

    @property
    def held(self) -> bool:
        """Whether this engine may send now (by its own monotonic clock, with a tenth of the term to spare)."""
        return self._monotonic() < self._held_until

    async def acquire(self) -> bool:
        """Take or renew the lease; false while another engine holds it.

        An exclusive store (SQLite under flock) has no other engine: the lease of a dead one is taken over at once.
        """
        started = self._monotonic()
        sql = _DB_NOW[self._store.driver.dialect]
        exclusive = int(self._store.exclusive)

        def write(tx: Tx) -> int | None:
            row = tx.one(sql)
            now = int(row[0]) if row else 0
            expires = now + int(self._term * 1_000_000)
            taken = tx.one(
                "INSERT INTO leases (session, owner, generation, expires) VALUES (?, ?, 1, ?) "
                "ON CONFLICT (session) DO UPDATE SET generation = leases.generation + "
                "CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END, owner = excluded.owner, "
                "expires = excluded.expires "
                "WHERE leases.owner = excluded.owner OR leases.expires < ? OR ? = 1 RETURNING generation",
                (self._session, tx.owner, expires, now, exclusive),
            )
            return int(taken[0]) if taken else None

        generation = await self._store.write(write, urgent=True)
        if generation is None:
            self._held_until = 0.0
            return False
        self.generation = generation
        self._held_until = started + self._term * 0.9
        return True

    async def release(self) -> None:
        """Give the lease back, so that another engine may start at once."""
        self._held_until = 0.0
        await self._store.write(
            lambda tx: tx.many(
                "UPDATE leases SET expires = 0 WHERE session = ? AND owner = ?", [(self._session, tx.owner)]
            )
        )
