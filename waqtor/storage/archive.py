"""Reading messages, chats and decisions back, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select

from waqtor.contracts.event_data import ErrorInfo
from waqtor.contracts.ids import ulid_floor
from waqtor.contracts.messages import body_of
from waqtor.contracts.views import ChatView, HistoryFilter, HistoryView, MessageView
from waqtor.contracts.wire import iso
from waqtor.storage.schema import answers, chats, journal, messages, payloads
from waqtor.storage.store import SqlStore

WINDOW_US = 24 * 3600 * 1_000_000
"""The Cloud API's service window: 24 hours from the customer's last message."""


LOOKED_THROUGH = 20_000
"""Decisions that one filtered page looks through, so that it takes no longer when nearly none fits."""


class SqlArchive:
    """The :class:`waqtor.messaging.ports.Archive` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def messages(
        self,
        *,
        session: str | None = None,
        chat_id: str | None = None,
        direction: Literal["in", "out"] | None = None,
        status: str | None = None,
        search: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[MessageView]:
        """Messages, newest first."""
        m = messages.c
        query = _message_query()
        for column, value in ((m.session, session), (m.chat_id, chat_id), (m.direction, direction), (m.state, status)):
            if value is not None:
                query = query.where(column == value)
        if search:
            query = query.where(_contains(payloads.c.data, search))
        size = max(limit, 500) if search else limit
        query = query.order_by(m.message_id.desc()).limit(size)
        found: list[MessageView] = []
        while True:
            page = query.where(m.message_id < before) if before else query
            rows = await self._store.read(lambda c, q=page: c.execute(q).fetchall())  # type: ignore[misc]
            views = [_message(row) for row in rows]
            # The database searches the stored JSON, where names of fields match too: look again.
            found += [view for view in views if not search or _says(view, search.lower())]
            if len(rows) < size or len(found) >= limit:
                return found[:limit]
            before = views[-1].message_id

    async def message(self, message_id: str) -> MessageView | None:
        """One message by our id or the provider's."""
        m = messages.c
        for condition in (m.message_id == message_id, _by_provider(message_id)):
            query = _message_query().where(condition).limit(1)
            rows = await self._store.read(lambda c, q=query: c.execute(q).fetchall())  # type: ignore[misc]
            if rows:
                return _message(rows[0])
        return None

    async def chats(
        self,
        *,
        session: str | None = None,
        search: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[ChatView]:
        """Chats by last activity."""
        c = chats.c
        query = select(chats, payloads.c.data).join(payloads, payloads.c.id == c.last_message_id, isouter=True)
        if session is not None:
            query = query.where(c.session == session)
        if search:
            query = query.where(or_(_like(c.chat_id, search), _like(func.coalesce(c.name, ""), search)))
        if before:
            stamp, _, chat_id = before.partition("|")
            at = int(stamp) if stamp.isdigit() else 0
            query = query.where(or_(c.last_at < at, and_(c.last_at == at, c.chat_id < chat_id)))
        query = query.order_by(c.last_at.desc(), c.chat_id.desc()).limit(limit)
        rows = await self._store.read(lambda conn: conn.execute(query).fetchall())
        now = self._store.clock.now_us()
        return [_chat(row, now) for row in rows]

    async def history(
        self,
        *,
        session: str | None = None,
        decision: str | None = None,
        rule_id: str | None = None,
        chat_id: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[HistoryView]:
        """The bot's decisions, newest first."""
        a = answers.c
        query = select(answers, payloads.c.data).join(payloads, payloads.c.id == a.trace_id, isouter=True)
        for column, value in ((a.session, session), (a.decision, decision), (a.rule_id, rule_id), (a.chat_id, chat_id)):
            if value is not None:
                query = query.where(column == value)
        if before:
            query = query.where(a.trace_id < before)
        query = query.where(a.trace_id != "").order_by(a.trace_id.desc()).limit(limit)
        rows = await self._store.read(lambda c: c.execute(query).fetchall())
        return [_history(row) for row in rows]

    async def history_page(
        self, which: HistoryFilter, before: str | None = None, limit: int = 50
    ) -> tuple[list[HistoryView], str | None]:
        """A page of decisions, newest first, and where the next begins; at most :data:`LOOKED_THROUGH` are read."""
        a = answers.c
        if which.until is not None:
            before = min(before or "~", ulid_floor(which.until))
        oldest = ulid_floor(which.since) if which.since is not None else ""
        narrow = which.model_dump(exclude={"since", "until"}, exclude_none=True)
        floor = await self._floor(before) if narrow else None
        query = select(answers, payloads.c.data).join(payloads, payloads.c.id == a.trace_id, isouter=True)
        for name in ("session", "decision", "rule_id", "chat_id", "language"):
            if name in narrow:
                query = query.where(a[name] == narrow[name])
        if which.least is not None:
            query = query.where(a.confidence >= which.least)
        if which.most is not None:
            query = query.where(a.confidence <= which.most)
        if before:
            query = query.where(a.trace_id < before)
        if which.search:
            query = query.where(or_(_contains(payloads.c.data, which.search), _like(a.chat_id, which.search)))
        query = query.where(a.trace_id != "", a.trace_id >= max(oldest, floor or ""))
        query = query.order_by(a.trace_id.desc()).limit(limit + 1)
        rows = await self._store.read(lambda c: c.execute(query).fetchall())
        found = [_history(row) for row in rows[:limit]]
        cursor = rows[limit - 1].trace_id if len(rows) > limit else floor
        if cursor is not None and cursor <= oldest:
            cursor = None
        if which.search:
            wanted = which.search.lower()
            found = [v for v in found if wanted in f"{v.trigger} {v.response} {v.chat_id}".lower()]
        return found, cursor

    async def _floor(self, before: str | None) -> str | None:
        """The last trace id of those looked through at once; ``None`` when there are not so many."""
        a = answers.c
        query = (
            select(a.trace_id).where(a.trace_id != "").order_by(a.trace_id.desc()).limit(1).offset(LOOKED_THROUGH - 1)
        )
        if before:
            query = query.where(a.trace_id < before)
        rows = await self._store.read(lambda c: c.execute(query).fetchall())
        return str(rows[0][0]) if rows else None

    async def trace(self, trace_id: str) -> dict[str, Any] | None:
        """The stored trace of a decision."""
        rows = await self._store.rows("SELECT data FROM payloads WHERE id = ?", (trace_id,))
        trace = orjson.loads(rows[0][0]).get("trace") if rows else None
        return dict(trace) if trace is not None else None

    async def counts(self, session: str | None = None) -> dict[str, int]:
        """Number of messages by ``direction:state``, of journal events, and of events by type."""
        m = messages.c
        query: Select[Any] = select(m.direction, m.state, func.count()).group_by(m.direction, m.state)
        events: Select[Any] = select(journal.c.type, func.count()).group_by(journal.c.type)
        if session is not None:
            query = query.where(m.session == session)
            events = events.where(journal.c.session == session)
        found = await self._store.read(lambda c: c.execute(query).fetchall())
        counts = {f"{direction}:{state}": int(n) for direction, state, n in found}
        by_type = await self._store.read(lambda c: c.execute(events).fetchall())
        counts["journal"] = sum(int(n) for _, n in by_type)
        counts.update({f"event:{name}": int(n) for name, n in by_type})
        return counts


def _message_query() -> Select[Any]:
    return select(messages, payloads.c.data).join(payloads, payloads.c.id == messages.c.message_id, isouter=True)


def _by_provider(provider_id: str) -> ColumnElement[bool]:
    m = messages.c
    inbound = select(m.message_id).where(m.direction == "in", m.provider_id == provider_id)
    outbound = select(m.message_id).where(m.direction == "out", m.provider_id == provider_id)
    return or_(m.message_id.in_(inbound), m.message_id.in_(outbound))


def _like(column: Any, text: str) -> ColumnElement[bool]:
    return func.lower(cast(column, String)).contains(text.lower(), autoescape=True)


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    # Payloads are JSON with raw UTF-8: what a person types is found as it stands, quotes and breaks escaped.
    return _like(column, orjson.dumps(text).decode()[1:-1])


def _says(view: MessageView, text: str) -> bool:
    """Whether a text a person can see in the message, a name or an address holds ``text`` (small letters)."""
    return any(text in part.lower() for part in (view.chat_id, view.push_name or "", *_texts(view.content)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "type":
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _message(row: Any) -> MessageView:
    payload = orjson.loads(row.data) if row.data else None
    content = payload.get("content") if payload else None
    error = None
    if row.error_code or row.error_reason:
        error = ErrorInfo(code=row.error_code or "", reason=row.error_reason or "", retryable=bool(row.retryable))
    return MessageView(
        message_id=row.message_id, provider_id=row.provider_id, session=row.session, direction=row.direction,
        chat_id=row.chat_id, type=row.kind, status=row.state, body=body_of(content) if content else None,
        content=content, push_name=payload.get("push_name") if payload else None, timestamp=iso(row.created),
        updated=iso(row.updated), quoted_id=row.quoted_id, cause=row.cause or None, cause_id=row.cause_id or None,
        error=error, is_group=bool(row.is_group), erased=payload is None,
    )  # fmt: skip


def _chat(row: Any, now: int) -> ChatView:
    payload = orjson.loads(row.data) if row.data else {}
    paused = row.paused_at is not None and (row.paused_until is None or row.paused_until > now)
    window = row.last_inbound_at + WINDOW_US if row.last_inbound_at is not None else None
    return ChatView(
        chat_id=row.chat_id, session=row.session, name=row.name, is_group=bool(row.is_group),
        last_message=body_of(payload.get("content") or {}) or None, last_direction=row.last_direction,
        last_timestamp=iso(row.last_at), unread=row.unread, bot_paused=paused,
        bot_paused_until=iso(row.paused_until) if paused and row.paused_until is not None else None,
        bot_paused_reason=row.paused_reason if paused else None,
        window_open_until=iso(window) if window is not None and window > now else None,
        cursor=f"{row.last_at}|{row.chat_id}",
    )  # fmt: skip


def _history(row: Any) -> HistoryView:
    payload = orjson.loads(row.data) if row.data else {}
    return HistoryView(
        trace_id=row.trace_id, message_id=row.message_id, session=row.session, chat_id=row.chat_id,
        created=iso(row.created), decision=row.decision, rule_id=row.rule_id, confidence=row.confidence,
        language=row.language, reason=row.reason, revision=row.revision, trigger=payload.get("trigger"),
        response=payload.get("response"),
    )  # fmt: skip
