"""Suggestions, labels and unanswered messages in the store; the texts stay with their messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import orjson

from waqtor.contracts.events import Event
from waqtor.contracts.ids import ulid_floor
from waqtor.contracts.learning import LabelView
from waqtor.contracts.messages import body_of
from waqtor.contracts.wire import iso
from waqtor.smartbot.suggestion_run import Recorded
from waqtor.smartbot.suggestions import Suggestion
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx, dump, plain

_COLUMNS = (
    "id",
    "kind",
    "status",
    "language",
    "rule_id",
    "messages",
    "customers",
    "snoozed_until",
    "created",
    "updated",
)
_INSERT = (
    f"INSERT INTO suggestions ({', '.join(_COLUMNS)}, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in (*_COLUMNS[1:], "data"))
)
_MEMBER = "INSERT INTO suggestion_members (suggestion_id, message_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
_LABEL = (
    "INSERT INTO labels (trace_id, message_id, session, was_right, rule_id, note, labelled_by, created) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET was_right = excluded.was_right, "
    "rule_id = excluded.rule_id, note = excluded.note, labelled_by = excluded.labelled_by, created = excluded.created"
)
_LABELS = (
    "SELECT l.trace_id, l.message_id, l.session, p.data, a.language, l.was_right, l.rule_id, a.rule_id, l.note, "
    "l.labelled_by, l.created FROM labels l LEFT JOIN answers a ON a.trace_id = l.trace_id "
    "LEFT JOIN payloads p ON p.id = l.message_id "
)
_UNANSWERED = (
    "SELECT a.message_id, a.session, a.chat_id, p.data, a.decision, l.was_right, l.rule_id, a.rule_id, a.trace_id "
    "FROM answers a JOIN payloads p ON p.id = a.message_id LEFT JOIN labels l ON l.trace_id = a.trace_id "
    "WHERE a.trace_id >= ? AND (a.decision IN ('silent', 'clarify', 'handoff') OR l.trace_id IS NOT NULL) "
    "ORDER BY a.trace_id DESC LIMIT ?"
)
_ANSWERED = (
    "SELECT p.data FROM answers a JOIN payloads p ON p.id = a.message_id LEFT JOIN labels l ON l.trace_id = a.trace_id "
    "WHERE a.trace_id >= ? AND a.decision = 'answer' AND l.trace_id IS NULL ORDER BY a.trace_id DESC LIMIT ?"
)
_TOTALS = (
    "SELECT count(*), sum(CASE WHEN a.decision IN ('answer', 'handoff', 'opt_out', 'opt_in') "
    "AND coalesce(l.was_right, 1) = 1 THEN 1 ELSE 0 END) "
    "FROM answers a LEFT JOIN labels l ON l.trace_id = a.trace_id WHERE a.trace_id >= ?"
)


class SqlSuggestions:
    """The :class:`waqtor.smartbot.suggestions.SuggestionStore` of a store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def all(self, statuses: Collection[str] | None = None) -> list[Suggestion]:
        """Suggestions, those that serve most customers first."""
        rows = await self._store.rows("SELECT data FROM suggestions ORDER BY customers DESC, messages DESC, id")
        found = [_read(row[0]) for row in rows]
        return [s for s in found if statuses is None or s.status in statuses]

    async def get(self, suggestion_id: str) -> Suggestion | None:
        """One suggestion."""
        rows = await self._store.rows("SELECT data FROM suggestions WHERE id = ?", (suggestion_id,))
        return _read(rows[0][0]) if rows else None

    async def save(
        self, changed: Sequence[Suggestion], *, gone: Sequence[str] = (), event: Event | None = None
    ) -> None:
        """Write suggestions, delete those gone, and journal an event, in one transaction."""

        def write(tx: Tx) -> None:
            tx.many(_INSERT, [_row(s) for s in changed])
            ids = [(s.id,) for s in changed] + [(i,) for i in gone]
            tx.many("DELETE FROM suggestion_members WHERE suggestion_id = ?", ids)
            tx.many(_MEMBER, [(s.id, m) for s in changed for m in s.members])
            tx.many("DELETE FROM suggestions WHERE id = ?", [(i,) for i in gone])
            if event is not None:
                tx.journal(event)

        await self._store.write(write)

    async def texts(self, message_ids: Sequence[str]) -> dict[str, str]:
        """The texts of messages by id; those erased are missing."""
        found: dict[str, str] = {}
        for begin in range(0, len(message_ids), 500):
            part = list(message_ids[begin : begin + 500])
            marks = ", ".join("?" for _ in part)
            rows = await self._store.rows(f"SELECT id, data FROM payloads WHERE id IN ({marks})", part)
            found.update((row[0], text) for row in rows if (text := _text(row[1])))
        return found

    async def unanswered(self, since_us: int, limit: int = 20_000) -> tuple[list[Recorded], int, int]:
        """Messages since then that were not answered or that people judged; the total, and how many were answered."""
        first = ulid_floor(since_us // 1000)
        rows = await self._store.rows(_UNANSWERED, (first, limit))
        totals = await self._store.rows(_TOTALS, (first,))
        recorded = []
        for row in rows:
            text = _text(row[3])
            if text:
                label = None if row[5] is None else (row[7] if row[5] else row[6]) or ""
                recorded.append(Recorded(row[0], row[1], row[2], text, row[4], label))
        return recorded, int(totals[0][0]), int(totals[0][1] or 0)

    async def answered(self, since_us: int, limit: int = 2000) -> list[str]:
        """Texts of the latest messages since then that a rule answered and nobody judged."""
        rows = await self._store.rows(_ANSWERED, (ulid_floor(since_us // 1000), limit))
        return [text for text in (_text(row[0]) for row in rows) if text]

    # --- labels

    async def label(self, trace_id: str, *, right: bool, rule_id: str | None, note: str, by: str) -> LabelView | None:
        """Keep a person's judgement of a decision; ``None`` when there is no such decision."""

        def write(tx: Tx) -> bool:
            row = tx.one("SELECT message_id, session FROM answers WHERE trace_id = ?", (trace_id,))
            if row is None:
                return False
            values = (trace_id, row[0], row[1], int(right), rule_id, plain(note), plain(by), tx.now)
            tx.many(_LABEL, [values])
            data = {"trace_id": trace_id, "message_id": row[0], "right": right, "rule_id": rule_id}
            tx.journal(Event("smartbot.labelled", row[1], data, correlation_id=row[0]))
            return True

        if not await self._store.write(write):
            return None
        rows = await self._store.rows(_LABELS + "WHERE l.trace_id = ?", (trace_id,))
        return _label(rows[0])

    async def unlabel(self, trace_id: str) -> bool:
        """Take a judgement back; false when there was none."""
        return await self._store.write(
            lambda tx: tx.one("DELETE FROM labels WHERE trace_id = ? RETURNING trace_id", (trace_id,)) is not None
        )

    async def labels(self, before: str | None = None, limit: int = 50) -> list[LabelView]:
        """Judgements, those of the latest decisions first."""
        rows = await self._store.rows(
            _LABELS + "WHERE l.trace_id < ? ORDER BY l.trace_id DESC LIMIT ?", (before or "~", limit)
        )
        return [_label(row) for row in rows]


def _read(text: str) -> Suggestion:
    data: dict[str, Any] = orjson.loads(text)
    known = {f.name for f in dataclasses.fields(Suggestion)}
    data["words"] = tuple(data.get("words", ()))
    return Suggestion(**{name: value for name, value in data.items() if name in known})


def _row(s: Suggestion) -> tuple[Any, ...]:
    return (*(getattr(s, name) for name in _COLUMNS), dump(dataclasses.asdict(s)))


def _text(payload: str | None) -> str:
    if not payload:
        return ""
    data = orjson.loads(payload)
    return str(data.get("body") or body_of(data.get("content") or {}) or "")


def _label(row: Sequence[Any]) -> LabelView:
    return LabelView(
        trace_id=row[0], message_id=row[1], session=row[2], text=_text(row[3]) or None, language=row[4] or "",
        right=bool(row[5]), rule_id=row[6], decided=row[7], note=row[8], by=row[9], created=iso(int(row[10])),
    )  # fmt: skip
