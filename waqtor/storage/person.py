"""Finding what the store knows of a person: the ids of what is theirs, how much it is, and all of it for an export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection

from waqtor.contracts.events import Event, hydrate
from waqtor.contracts.messages import body_of
from waqtor.contracts.privacy import ConsentView, PersonView
from waqtor.contracts.wire import iso
from waqtor.privacy.ports import Section
from waqtor.privacy.traces import Traces
from waqtor.storage.driver import JOURNAL_COLUMNS, event_of
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row

_CHUNK = 200
_LEAST_NAME = 3
"""Characters from which a name is looked for in texts of others; shorter ones are parts of words."""
_J = ", ".join(f"j.{name.strip()}" for name in JOURNAL_COLUMNS.split(","))
MEDIA = "media:"
"""Begins the subjects that are files."""


@dataclass(slots=True)
class Found:
    """Ids of what is a person's: of messages, decisions (traces), events and notifications, all of them subjects."""

    messages: list[tuple[str, str, str | None]] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)
    media: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    notifications: set[str] = field(default_factory=set)


class SqlPerson:
    """The :class:`waqtor.privacy.ports.Person` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def find(self, contact: str) -> Found:
        """Everything that is this person's, also what they wrote in groups. Reads the payloads once."""
        traces, found = Traces(contact), Found()
        rows = self._store.rows
        own = await rows("SELECT message_id, session, provider_id FROM messages WHERE chat_id = ?", (contact,))
        found.messages = [(row[0], row[1], row[2]) for row in own]
        found.subjects = {row[0] for row in own}
        for _, name in await rows("SELECT session, name FROM chats WHERE chat_id = ?", (contact,)):
            if name:
                found.names.add(name)
        for id_, data in await rows("SELECT id, data FROM payloads WHERE data LIKE ?", (f"%{traces.needle}%",)):
            if traces.owns(orjson.loads(data)):
                found.subjects.add(id_)
        await self._more(contact, found)
        for _, data in await self._by_id("SELECT id, data FROM payloads WHERE id {in}", sorted(found.subjects)):
            payload = orjson.loads(data)
            if payload.get("push_name"):
                found.names.add(str(payload["push_name"]))
            media = (payload.get("content") or {}).get("media_id")
            if media:
                found.media.add(str(media))
        await self._notifications(traces, found)
        return found

    async def _more(self, contact: str, found: Found) -> None:
        """Messages in groups, the bot's answers to them, and the decisions on all."""
        known = {row[0] for row in found.messages}
        for row in await self._by_id(
            "SELECT message_id, session, provider_id FROM messages WHERE message_id {in}",
            sorted(found.subjects - known),
        ):
            found.messages.append((row[0], row[1], row[2]))
        ids = sorted(row[0] for row in found.messages)
        for row in await self._by_id(
            "SELECT message_id, session, provider_id FROM messages WHERE direction = 'out' AND cause = 'reply' "
            "AND cause_id {in}",
            ids,
        ):
            if row[0] not in found.subjects:
                found.messages.append((row[0], row[1], row[2]))
                found.subjects.add(row[0])
        decided = await self._by_id("SELECT trace_id FROM answers WHERE message_id {in}", ids)
        decided += await self._store.rows("SELECT trace_id FROM answers WHERE chat_id = ?", (contact,))
        found.subjects.update(row[0] for row in decided if row[0])

    async def _notifications(self, traces: Traces, found: Found) -> None:
        names = [name for name in found.names if len(name.strip()) >= _LEAST_NAME]

        def named(text: str) -> bool:
            return traces.named_in(text) or any(name in text for name in names)

        for row in await self._store.rows("SELECT id, title, message, params FROM notifications"):
            if named(f"{row[1]} {row[2]} {row[3] or ''}"):
                found.notifications.add(row[0])
        for id_, data in await self._store.rows(
            "SELECT id, data FROM journal WHERE type IN ('notification.created', 'notification.updated')"
        ):
            about = orjson.loads(data)
            if about.get("id") in found.notifications or named(f"{about.get('title')} {about.get('message')}"):
                found.subjects.add(id_)
        found.subjects |= found.notifications

    async def _by_id(self, sql: str, ids: Sequence[str]) -> list[Row]:
        """Rows of many ids, which take the place of ``{in}``; one pass over tables without an index on them."""
        return await self._store.rows(sql, (self._store.listed(ids),)) if ids else []

    async def media(self, contact: str) -> list[str]:
        """Ids of the files in the person's messages."""
        return sorted((await self.find(contact)).media)

    async def summary(self, contact: str) -> PersonView:
        """How much there is."""
        found = await self.find(contact)
        value, subjects = (contact,), sorted(found.subjects)
        journal = await self._by_id("SELECT id FROM journal WHERE subject {in}", subjects)
        counts = {
            "messages": len(found.messages), "events": len(journal), "media": len(found.media),
            "notifications": len(found.notifications),
            "decisions": len(await self._by_id("SELECT trace_id FROM answers WHERE trace_id {in}", subjects)),
            "labels": len(await self._by_id("SELECT trace_id FROM labels WHERE message_id {in}", subjects)),
            "suggestions": len(
                await self._by_id("SELECT suggestion_id FROM suggestion_members WHERE message_id {in}", subjects)
            ),
        }  # fmt: skip
        for kind, table in (
            ("chats", "chats WHERE chat_id = ?"), ("campaigns", "campaign_recipients WHERE contact = ?"),
            ("audiences", "audience_members WHERE contact = ?"), ("tags", "contact_tags WHERE contact = ?"),
            ("consents", "consents WHERE contact = ?"), ("consent_changes", "consent_changes WHERE contact = ?"),
        ):  # fmt: skip
            counts[kind] = int((await self._store.rows(f"SELECT count(*) FROM {table}", value))[0][0])
        span = await self._store.rows("SELECT min(created), max(created) FROM messages WHERE chat_id = ?", value)
        consents = await self._store.rows(
            "SELECT purpose, source, created FROM consents WHERE contact = ? ORDER BY 1", value
        )
        pseudonym = self._store.veil(contact)
        out = await self._store.rows("SELECT 1 FROM opt_outs WHERE contact IN (?, ?)", (contact, pseudonym))
        running = await self._store.rows(
            "SELECT id FROM erasures WHERE pseudonym = ? AND state = 'running'", (pseudonym,)
        )
        return PersonView(
            contact=contact, known=any(counts.values()) or bool(out), names=tuple(sorted(found.names)),
            sessions=tuple(sorted({session for _, session, _ in found.messages})),
            first=iso(span[0][0]) if span[0][0] is not None else None,
            last=iso(span[0][1]) if span[0][1] is not None else None, counts=counts,
            consents=tuple(ConsentView(contact=contact, purpose=c[0], source=c[1], since=iso(c[2])) for c in consents),
            opted_out=bool(out), erasure=running[0][0] if running else None,
        )  # fmt: skip

    # --- everything, for an export

    def sections(self, contact: str) -> Sequence[Section]:
        """Everything, in parts; each is read when it is asked for."""
        mine, about = (contact,), _Once(self, contact)
        veiled = self._store.veil(contact)
        return (
            Section("chats", self._table("chats", "chat_id = ?", mine)),
            Section("messages", self._with_payloads("messages", "message_id", about)),
            Section("events", self._events(about)),
            Section("decisions", self._with_payloads("answers", "trace_id", about)),
            Section("labels", self._related("labels", "message_id", about)),
            Section("suggestions", self._with_payloads("suggestion_members", "message_id", about)),
            Section("audiences", self._table("audience_members", "contact = ?", mine)),
            Section("campaigns", self._table("campaign_recipients", "contact = ?", mine)),
            Section("tags", self._table("contact_tags", "contact = ?", mine)),
            Section("consents", self._table("consents", "contact = ?", mine)),
            Section("consent-history", self._table("consent_changes", "contact = ?", mine)),
            Section("opt-outs", self._table("opt_outs", "contact IN (?, ?)", (contact, veiled))),
            Section("notifications", self._related("notifications", "id", about)),
            Section("webhook-deliveries", self._deliveries(about)),
            Section("audit", self._table("audit", "subject = ?", (veiled,))),
        )

    async def _table(self, table: str, where: str, params: Sequence[Any]) -> AsyncIterator[dict[str, Any]]:
        for row in await self._dicts(f"SELECT * FROM {table} WHERE {where}", params):
            yield row

    async def _related(self, table: str, column: str, about: _Once) -> AsyncIterator[dict[str, Any]]:
        async for rows in self._chunks(table, column, await about.subjects()):
            for row in rows:
                yield row

    async def _with_payloads(self, table: str, column: str, about: _Once) -> AsyncIterator[dict[str, Any]]:
        """Rows with the personal fields that are kept apart from them."""
        async for rows in self._chunks(table, column, await about.subjects()):
            ids = [row[column] for row in rows]
            held = await self._by_id("SELECT id, data FROM payloads WHERE id {in}", ids)
            payloads: dict[str, str] = {row[0]: row[1] for row in held}
            for row in rows:
                payload = orjson.loads(payloads[row[column]]) if row[column] in payloads else {}
                content = payload.get("content") or {}
                yield {**row, "body": payload.get("body") or body_of(content) or None, "payload": payload}

    async def _chunks(self, table: str, column: str, ids: Sequence[Any]) -> AsyncIterator[list[dict[str, Any]]]:
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            yield await self._dicts(f"SELECT * FROM {table} WHERE {column} IN ({', '.join('?' * len(part))})", part)

    async def _dicts(self, sql: str, params: Sequence[Any]) -> list[dict[str, Any]]:
        text = sql if self._store.driver.dialect == "sqlite" else sql.replace("?", "%s")

        def read(connection: Connection) -> list[dict[str, Any]]:
            result = connection.exec_driver_sql(text, tuple(params))
            return [_readable(dict(row)) for row in result.mappings()]

        return await self._store.read(read)

    async def _events(self, about: _Once) -> AsyncIterator[dict[str, Any]]:
        seqs = await about.offsets()
        for start in range(0, len(seqs), _CHUNK):
            part = seqs[start : start + _CHUNK]
            sql = (
                f"SELECT {_J}, p.data FROM journal j LEFT JOIN payloads p ON p.id = j.subject "
                f"WHERE j.seq IN ({', '.join('?' * len(part))}) ORDER BY j.seq"
            )
            for row in await self._store.rows(sql, part):
                yield _event(event_of(row))

    async def _deliveries(self, about: _Once) -> AsyncIterator[dict[str, Any]]:
        """Deliveries of the person's events: what was sent is in ``events``; here is to whom, and what they said."""
        async for rows in self._chunks("webhook_deliveries", "seq", await about.offsets()):
            attempts = await self._dicts(
                f"SELECT * FROM webhook_attempts WHERE delivery_id IN ({', '.join('?' * len(rows)) or 'NULL'})",
                [row["id"] for row in rows],
            )
            for row in rows:
                row.pop("body", None)
                yield {**row, "made": [attempt for attempt in attempts if attempt["delivery_id"] == row["id"]]}

    async def offsets(self, subjects: Sequence[str]) -> list[int]:
        """Offsets of the events that are about these subjects."""
        rows = await self._by_id("SELECT seq FROM journal WHERE subject {in}", subjects)
        rows += await self._by_id("SELECT seq FROM journal WHERE id {in}", subjects)
        return sorted({int(row[0]) for row in rows})


class _Once:
    """The person's ids, looked for once an export."""

    def __init__(self, person: SqlPerson, contact: str) -> None:
        self._person = person
        self._contact = contact
        self._subjects: list[str] | None = None

    async def subjects(self) -> list[str]:
        """Ids of everything."""
        if self._subjects is None:
            self._subjects = sorted((await self._person.find(self._contact)).subjects)
        return self._subjects

    async def offsets(self) -> list[int]:
        """Offsets of the events."""
        return await self._person.offsets(await self.subjects())


def _event(event: Event) -> dict[str, Any]:
    return {
        "offset": event.offset, "id": event.id, "type": event.type, "session": event.session,
        "created": iso(event.created), "correlation_id": event.correlation_id, "data": hydrate(event),
    }  # fmt: skip


_TIMES = frozenset(
    {"created", "updated", "at", "sending_at", "due_at", "not_after", "last_at", "last_inbound_at", "paused_at",
     "paused_until"}
)  # fmt: skip


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Times as people read them, JSON as what it says."""
    for name, value in row.items():
        if name in _TIMES and isinstance(value, int) and value > 10**12:
            row[name] = iso(value)
        elif name in ("variables", "data", "params", "details") and isinstance(value, str):
            row[name] = orjson.loads(value)
    return row
