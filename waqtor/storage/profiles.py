"""Profiles of people on SQL: one JSON value a person."""

from __future__ import annotations

import json

from waqtor.contracts.profile import Profile, UpdateProfile
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx

_PUT = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_HOLD = "INSERT INTO meta (name, value) VALUES (?, '{}') ON CONFLICT (name) DO NOTHING"


class SqlProfiles:
    """Profiles by user."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def get(self, user: str) -> Profile:
        """What is kept of ``user``; the defaults when nothing is."""
        rows = await self._store.rows("SELECT value FROM meta WHERE name = ?", (_key(user),))
        return _read(rows[0][0] if rows else "{}")

    async def update(self, user: str, change: UpdateProfile) -> Profile:
        """Take over what ``change`` names; two changes at once both last."""
        given = change.model_dump(mode="json", exclude_none=True)

        def write(tx: Tx) -> Profile:
            tx.many(_HOLD, [(_key(user),)])
            row = tx.one("SELECT value FROM meta WHERE name = ? {lock}", (_key(user),))
            assert row is not None
            changed = Profile.model_validate({**_read(row[0]).model_dump(mode="json"), **given})
            tx.many(_PUT, [(_key(user), changed.model_dump_json())])
            return changed

        return await self._store.write(write)


def _key(user: str) -> str:
    return f"profile:{user}"


def _read(text: str) -> Profile:
    # A newer version may have written more: readers take what they know.
    held = json.loads(text)
    return Profile.model_validate({name: value for name, value in held.items() if name in Profile.model_fields})
