"""Requests with an Idempotency-Key: the id of what they make is chosen, and kept, before anything is made."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from waqtor.campaigns.ports import Claim
from waqtor.contracts.ids import new_ulid
from waqtor.errors import IdempotencyConflict
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx

_KEEP_US = 30 * 86_400_000_000
"""How long a key is remembered, µs, as the keys of sends are."""


class SqlRequests:
    """The :class:`waqtor.campaigns.ports.Requests` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def claim(self, key: str, body: Any) -> Claim:
        """Take a key for a body, or learn what an earlier request took it for."""
        # Not the fast encoder: it refuses huge integers and lone surrogates, which a body may hold.
        digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
        subject = new_ulid()

        def write(tx: Tx) -> Claim:
            tx.many("DELETE FROM requests WHERE created < ?", [(tx.now - _KEEP_US,)])
            tx.many(
                "INSERT INTO requests (key, body_hash, subject, done, created) VALUES (?, ?, ?, 0, ?) "
                "ON CONFLICT DO NOTHING",
                [(key, digest, subject, tx.now)],
            )
            known, taken, done = tx.rows("SELECT body_hash, subject, done FROM requests WHERE key = ?", (key,))[0]
            if known != digest:
                raise IdempotencyConflict(
                    "This Idempotency-Key was used before with another body. Use a new key for a new request."
                )
            return Claim(taken, fresh=taken == subject, done=bool(done))

        return await self._store.write(write)

    async def done(self, key: str) -> None:
        """Note that the request was carried out."""
        await self._store.write(lambda tx: tx.many("UPDATE requests SET done = 1 WHERE key = ?", [(key,)]))
