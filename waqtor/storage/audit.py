"""The log of sensitive actions on SQL: entries are added and, at the end of their time, dropped; never changed."""

from __future__ import annotations

from typing import Any

import orjson

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.privacy import AuditEntry
from waqtor.contracts.wire import iso
from waqtor.privacy.ports import Asked, AuditQuery
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx, dump, plain

_INSERT = (
    "INSERT INTO audit (id, at, action, subject, key_id, key_name, request_id, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_CHUNK = 500


def note(tx: Tx, action: str, subject: str, asked: Asked, **details: Any) -> None:
    """Add an entry in the commit of what it is about."""
    values = (
        new_ulid(), tx.now, action, plain(subject)[:200], asked.key_id, plain(asked.key_name)[:200],
        plain(asked.request_id)[:64], dump(details),
    )  # fmt: skip
    tx.many(_INSERT, [values])


class SqlAudit:
    """The :class:`waqtor.privacy.ports.Audit` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def record(self, action: str, subject: str, asked: Asked, **details: Any) -> None:
        """Write an entry."""
        await self._store.write(lambda tx: note(tx, action, subject, asked, **details))

    async def entries(self, query: AuditQuery) -> list[AuditEntry]:
        """Entries, the latest first."""
        where, params = ["1 = 1"], []
        for column, value in (
            ("action = ?", query.action), ("subject = ?", query.subject), ("key_id = ?", query.key_id),
            ("at >= ?", query.since), ("at < ?", query.until), ("id < ?", query.before),
        ):  # fmt: skip
            if value is not None:
                where.append(column)
                params.append(value)
        rows = await self._store.rows(
            "SELECT id, at, action, subject, key_id, key_name, request_id, details FROM audit "
            f"WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
            (*params, query.limit),
        )
        return [
            AuditEntry(
                id=row[0], at=iso(row[1]), action=row[2], subject=row[3], key_id=row[4], key_name=row[5],
                request_id=row[6], details=orjson.loads(row[7]),
            )
            for row in rows
        ]  # fmt: skip

    async def trim(self, before: int) -> int:
        """Drop a chunk of entries that are older."""
        sql = (
            f"DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT {_CHUNK}) RETURNING id"
        )
        return len(await self._store.write(lambda tx: tx.rows(sql, (before,))))
