"""Audiences on SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from waqtor.campaigns.ports import Member
from waqtor.contracts.campaigns import AudienceIssue, AudienceView
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict, NotFound
from waqtor.storage.consents import give
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx, dump

_SELECT = (
    "SELECT id, name, source, state, fields, total, seen, duplicates, bad, reason, created, updated, expected "
    "FROM audiences "
)
_CHUNK = 1000


class SqlAudiences:
    """The :class:`waqtor.campaigns.ports.AudienceStore` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def begin(self, audience: AudienceView, created: int) -> bool:
        """Add an audience that is being filled; false when there is one with its id."""
        fields = orjson.dumps(list(audience.fields)).decode()
        row = (audience.id, audience.name, audience.source, audience.state, fields, created, created)
        return await self._store.write(
            lambda tx: tx.hits(
                "INSERT INTO audiences (id, name, source, state, fields, total, seen, duplicates, bad, created, "
                "updated) VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?) ON CONFLICT DO NOTHING",
                [row],
            )[0]
        )

    async def add(
        self, audience_id: str, members: Sequence[Member], issues: Sequence[tuple[int, AudienceIssue]], seen: int,
        expected: int | None = None,
    ) -> None:  # fmt: skip
        """Add members and issues."""

        def made() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
            return (
                [(audience_id, m.place, m.contact, dump(dict(m.variables))) for m in members],
                [(audience_id, place, i.line, i.kind, i.value, i.message) for place, i in issues],
            )

        rows, wrong = await asyncio.to_thread(made)  # neither on the loop nor while the writer is held

        def write(tx: Tx) -> None:
            tx.many("INSERT INTO audience_members (audience_id, place, contact, variables) VALUES (?, ?, ?, ?)", rows)
            tx.many(
                "INSERT INTO audience_issues (audience_id, place, line, kind, value, message) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                wrong,
            )
            tx.many(
                "UPDATE audiences SET seen = ?, total = total + ?, expected = ?, updated = ? WHERE id = ?",
                [(seen, len(rows), expected, tx.now, audience_id)],
            )

        await self._store.write(write)

    async def finish(self, audience: AudienceView, *, tags: Sequence[str], consent: str) -> AudienceView:
        """Make it usable, or say why it is not."""
        if audience.state == "failed":
            await self._empty(audience.id)
        elif tags or consent:
            await self._mark(audience.id, tags, consent)
        row = (audience.state, audience.total, audience.rows, audience.duplicates, audience.bad, audience.reason)
        await self._store.write(
            lambda tx: tx.many(
                "UPDATE audiences SET state = ?, total = ?, seen = ?, duplicates = ?, bad = ?, reason = ?, "
                "updated = ? WHERE id = ?",
                [(*row, tx.now, audience.id)],
            )
        )
        return await self.get(audience.id)

    async def _mark(self, audience_id: str, tags: Sequence[str], consent: str) -> None:
        first = 0
        while members := await self.members(audience_id, first, _CHUNK // max(1, len(tags) + 1)):
            first = members[-1].place + 1
            contacts = [member.contact for member in members]

            def write(tx: Tx, contacts: list[str] = contacts) -> None:
                tx.many(
                    "INSERT INTO contact_tags (tag, contact, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    [(tag, contact, tx.now) for tag in tags for contact in contacts],
                )
                if consent:
                    give(tx, contacts, "marketing", consent)

            await self._store.write(write)

    async def _empty(self, audience_id: str) -> None:
        for table in ("audience_members", "audience_issues"):
            while True:
                sql = (
                    f"DELETE FROM {table} WHERE audience_id = ? AND place < "
                    f"(SELECT min(place) + {_CHUNK} FROM {table} WHERE audience_id = ?) RETURNING place"
                )
                found = await self._store.write(lambda tx, sql=sql: tx.rows(sql, (audience_id, audience_id)))  # type: ignore[misc]
                if not found:
                    break

    async def get(self, audience_id: str) -> AudienceView:
        """One audience."""
        rows = await self._store.rows(_SELECT + "WHERE id = ?", (audience_id,))
        if not rows:
            raise NotFound("There is no such audience.")
        return _audience(rows[0])

    async def list(self, limit: int) -> list[AudienceView]:
        """Audiences, newest first."""
        return [_audience(row) for row in await self._store.rows(_SELECT + "ORDER BY id DESC LIMIT ?", (limit,))]

    async def members(self, audience_id: str, first: int, limit: int) -> Sequence[Member]:
        """Members in order, from place ``first`` on."""
        rows = await self._store.rows(
            "SELECT place, contact, variables FROM audience_members WHERE audience_id = ? AND place >= ? "
            "ORDER BY place LIMIT ?",
            (audience_id, first, limit),
        )
        return [Member(row[0], row[1], orjson.loads(row[2])) for row in rows]

    async def issues(self, audience_id: str, after: int, limit: int) -> Sequence[AudienceIssue]:
        """Rows that are not in it."""
        await self.get(audience_id)
        rows = await self._store.rows(
            "SELECT line, kind, value, message FROM audience_issues WHERE audience_id = ? AND place >= ? "
            "ORDER BY place LIMIT ?",
            (audience_id, after, limit),
        )
        return [AudienceIssue(line=row[0], kind=row[1], value=row[2], message=row[3]) for row in rows]

    async def tagged(self, tags: Sequence[str], after: str, limit: int) -> Sequence[str]:
        """Contacts with any of the tags."""
        marks = ", ".join("?" * len(tags))
        rows = await self._store.rows(
            f"SELECT DISTINCT contact FROM contact_tags WHERE tag IN ({marks}) AND contact > ? "
            "ORDER BY contact LIMIT ?",
            (*tags, after, limit),
        )
        return [row[0] for row in rows]

    async def delete(self, audience_id: str) -> None:
        """Forget an audience."""
        await self.get(audience_id)
        waiting = await self._store.rows(
            "SELECT name FROM campaigns WHERE audience_id = ? AND planned < total "
            "AND status IN ('draft', 'scheduled', 'running', 'held', 'paused') LIMIT 1",
            (audience_id,),
        )
        if waiting:
            raise Conflict(f"The campaign {waiting[0][0]!r} still needs this audience.")
        await self._empty(audience_id)
        await self._store.write(lambda tx: tx.many("DELETE FROM audiences WHERE id = ?", [(audience_id,)]))

    async def forget_unfinished(self) -> int:
        """Fail the audiences that were being filled when the engine died."""
        # On a shared store another engine may be filling one right now: it says so every chunk.
        still = self._store.clock.now_us() - (0 if self._store.exclusive else 600_000_000)
        rows = await self._store.rows(_SELECT + "WHERE state = 'importing' AND updated <= ?", (still,))
        for row in rows:
            failed = _audience(row).model_copy(
                update={"state": "failed", "total": 0, "reason": "interrupted by a restart; import it again"}
            )
            await self.finish(failed, tags=(), consent="")
        return len(rows)


def _audience(row: Row) -> AudienceView:
    state: Any = row[3]
    return AudienceView(
        id=row[0], name=row[1], source=row[2], state=state, fields=tuple(orjson.loads(row[4])), total=row[5],
        rows=row[6], duplicates=row[7], bad=row[8], reason=row[9], created=iso(row[10]), updated=iso(row[11]),
        expected=row[12] if state == "importing" else None,
    )  # fmt: skip
