"""Consents on SQL: what is valid now, which campaigns read at every send, and how it came about."""

from __future__ import annotations

from collections.abc import Sequence

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.privacy import ConsentChange, ConsentView
from waqtor.contracts.wire import iso
from waqtor.privacy.ports import Asked
from waqtor.storage.audit import note
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx, plain

_GIVE = (
    "INSERT INTO consents (contact, purpose, source, created) VALUES (?, ?, ?, ?) ON CONFLICT (contact, purpose) "
    "DO NOTHING"
)
_CHANGE = "INSERT INTO consent_changes (id, contact, purpose, change, source, at, key_id) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT contact, purpose, source, created FROM consents "


def give(tx: Tx, contacts: Sequence[str], purpose: str, source: str, *, at: int | None = None, key_id: str = "") -> int:
    """Record consents with their history; those that are valid already stay as they are. Returns how many are new."""
    when, words = at if at is not None else tx.now, plain(source)
    fresh = tx.hits(_GIVE, [(contact, purpose, words, when) for contact in contacts])
    given = [contact for contact, new in zip(contacts, fresh, strict=True) if new]
    tx.many(_CHANGE, [(new_ulid(), contact, purpose, "given", words, when, key_id) for contact in given])
    return len(given)


class SqlConsents:
    """The :class:`waqtor.privacy.ports.Consents` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def valid(
        self, *, contact: str | None, purpose: str | None, before: tuple[str, str] | None, limit: int
    ) -> list[ConsentView]:
        """Consents valid now, by contact and purpose."""
        where, params = ["1 = 1"], []
        for column, value in (("contact = ?", contact), ("purpose = ?", purpose)):
            if value is not None:
                where.append(column)
                params.append(value)
        if before is not None:
            where.append("(contact > ? OR (contact = ? AND purpose > ?))")
            params += [before[0], before[0], before[1]]
        rows = await self._store.rows(
            f"{_SELECT}WHERE {' AND '.join(where)} ORDER BY contact, purpose LIMIT ?", (*params, limit)
        )
        return [ConsentView(contact=row[0], purpose=row[1], source=row[2], since=iso(row[3])) for row in rows]

    async def history(self, contact: str, limit: int = 200) -> list[ConsentChange]:
        """What became of a person's consents."""
        rows = await self._store.rows(
            "SELECT contact, purpose, change, source, at, key_id FROM consent_changes WHERE contact = ? "
            "ORDER BY id DESC LIMIT ?",
            (contact, limit),
        )
        return [
            ConsentChange(contact=r[0], purpose=r[1], change=r[2], source=r[3], at=iso(r[4]), key_id=r[5])
            for r in rows
        ]  # fmt: skip

    async def give(self, contacts: Sequence[str], purpose: str, source: str, at: int | None, asked: Asked) -> int:
        """Record consents; a single one has an audit entry of its own."""

        def write(tx: Tx) -> int:
            found = give(tx, contacts, purpose, source, at=at, key_id=asked.key_id)
            if len(contacts) == 1 and found:
                note(tx, "consent.given", tx.veil(contacts[0]), asked, purpose=purpose)
            return found

        return await self._store.write(write)

    async def withdraw(self, contact: str, purpose: str, source: str, asked: Asked) -> bool:
        """End a consent."""

        def write(tx: Tx) -> bool:
            (gone,) = tx.hits("DELETE FROM consents WHERE contact = ? AND purpose = ?", [(contact, purpose)])
            if gone:
                values = (new_ulid(), contact, purpose, "withdrawn", plain(source), tx.now, asked.key_id)
                tx.many(_CHANGE, [values])
                note(tx, "consent.withdrawn", tx.veil(contact), asked, purpose=purpose)
            return gone

        return await self._store.write(write)
