"""API keys: digests in the store, secrets shown once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from sqlalchemy import select

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.views import KeyView
from waqtor.contracts.wire import iso
from waqtor.errors import InvalidInput, NotFound
from waqtor.kernel.access import SCOPES, Principal
from waqtor.signing import digest
from waqtor.storage.schema import api_keys
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx

_REMEMBER_S = 2.0
_TOUCH_EVERY_US = 60_000_000


class SqlKeys:
    """The :class:`waqtor.kernel.access.Keys` of a store. Good keys are remembered for two seconds."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Row]] = {}
        self._touched: dict[str, int] = {}

    async def verify(self, token: str) -> Principal | None:
        """Return who this key is, or ``None``."""
        row = await self._row(digest(token))
        if row is None or row[5] is not None:
            return None
        now = self._store.clock.now_us()
        if row[3] is not None and row[3] <= now:
            return None
        if now - max(row[4] or 0, self._touched.get(row[0], 0)) > _TOUCH_EVERY_US:
            self._touch(row[0], now)
        return Principal(row[0], row[1], frozenset(row[2].split()))

    async def signing_secret(self, key_id: str) -> str | None:
        """The secret that signs WebSocket handshakes of this key; ``None`` if unknown, expired or revoked."""
        rows = await self._store.rows(
            "SELECT signing_secret, expires FROM api_keys WHERE id = ? AND revoked IS NULL", (key_id,)
        )
        if not rows or (rows[0][1] is not None and rows[0][1] <= self._store.clock.now_us()):
            return None
        return str(rows[0][0])

    async def create(
        self, name: str, scopes: Sequence[str], *, expires: int | None = None, token: str | None = None
    ) -> KeyView:
        """Make a key; the answer holds its secrets, this once."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise InvalidInput(
                f"Unknown scope {', '.join(unknown) or '(none)'}; the scopes are {', '.join(SCOPES)}.", scopes=unknown
            )
        key_id, key = new_ulid(), token or f"wq_{secrets.token_urlsafe(32)}"
        signing = secrets.token_urlsafe(32)
        prefix = key[:8] if len(key) >= 24 else key[:2]

        def write(tx: Tx) -> int:
            row = tx.one(
                "INSERT INTO api_keys (id, name, prefix, digest, scopes, signing_secret, created, expires) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING created",
                (key_id, name, prefix, digest(key), " ".join(sorted(set(scopes))), signing, tx.now, expires),
            )
            if row is None:
                raise InvalidInput("This key exists already.")
            return int(row[0])

        created = await self._store.write(write)
        return KeyView(
            id=key_id, name=name, prefix=prefix, scopes=tuple(sorted(set(scopes))), created=iso(created),
            expires=iso(expires) if expires else None, key=key, signing_secret=signing,
        )  # fmt: skip

    async def list(self) -> list[KeyView]:
        """All keys, newest first, without secrets."""
        c = api_keys.c
        query = select(c.id, c.name, c.prefix, c.scopes, c.created, c.expires, c.last_used, c.revoked)
        rows = await self._store.read(lambda conn: conn.execute(query.order_by(c.id.desc())).fetchall())
        return [
            KeyView(
                id=r.id, name=r.name, prefix=r.prefix, scopes=tuple(r.scopes.split()), created=iso(r.created),
                expires=iso(r.expires) if r.expires else None, last_used=iso(r.last_used) if r.last_used else None,
                revoked=r.revoked is not None,
            )
            for r in rows
        ]  # fmt: skip

    async def revoke(self, key_id: str) -> None:
        """End a key at once."""

        def write(tx: Tx) -> None:
            row = tx.one("UPDATE api_keys SET revoked = ? WHERE id = ? RETURNING id", (tx.now, key_id))
            if row is None:
                raise NotFound("There is no such key.")

        await self._store.write(write)
        self._known.clear()

    async def exist(self) -> bool:
        """Whether any key was ever made (else this is the first start)."""
        return bool(await self._store.rows("SELECT 1 FROM api_keys LIMIT 1"))

    async def _row(self, token_digest: str) -> Row | None:
        known = self._known.get(token_digest)
        if known is not None and time.monotonic() - known[0] < _REMEMBER_S:
            return known[1]
        rows = await self._store.rows(
            "SELECT id, name, scopes, expires, last_used, revoked FROM api_keys WHERE digest = ?", (token_digest,)
        )
        if not rows:
            return None
        if len(self._known) > 1000:
            self._known.clear()
        self._known[token_digest] = (time.monotonic(), rows[0])
        return rows[0]

    def _touch(self, key_id: str, now: int) -> None:
        self._touched[key_id] = now
        future = self._store.write(
            lambda tx: tx.many("UPDATE api_keys SET last_used = ? WHERE id = ?", [(now, key_id)])
        )
        future.add_done_callback(lambda f: f.exception())
