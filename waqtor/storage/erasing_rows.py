"""The rows of a person, table by table, in chunks that do not hold the writer up."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import orjson

from waqtor.contracts.messages import body_of
from waqtor.contracts.privacy import ERASED_ADDRESS
from waqtor.privacy.ports import Job
from waqtor.privacy.traces import ERASED, Traces, blanked
from waqtor.smartbot.suggestions import Suggestion
from waqtor.storage.learning import SqlSuggestions
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx, dump

CHUNK: Final = 200

# A send that was queued since the hold is not granted any more, and the end of one under way is not journaled.
_MESSAGE = (
    "UPDATE messages SET state = CASE WHEN state = 'queued' THEN 'skipped' WHEN state IN ('sending', 'in_doubt') "
    "THEN 'failed' ELSE state END, error_code = CASE WHEN open = 1 THEN 'erased' ELSE error_code END, "
    "chat_id = CASE WHEN chat_id = ? THEN ? ELSE chat_id END, provider_id = NULL, "
    "body_hash = NULL, quoted_id = NULL, error_reason = NULL, open = NULL, key = CASE WHEN key LIKE 'phone:%' "
    "THEN 'phone:' || message_id ELSE replace(key, ?, ?) END WHERE message_id = ?"
)
_DECISION = "UPDATE answers SET reason = '', chat_id = CASE WHEN chat_id = ? THEN ? ELSE chat_id END WHERE trace_id = ?"
_BARE_DECISION = "UPDATE answers SET reason = '', chat_id = ? WHERE chat_id = ? AND message_id = ?"
_NOTIFICATION = (
    "UPDATE notifications SET title = ?, message = ?, link = NULL, source = NULL, wording = NULL, params = NULL, "
    "dedupe_key = NULL WHERE id = ?"
)
# Texts that other people or programs wrote, in which the number may stand. Columns that hold addresses are not among
# them: a new message of the same person, written since, is a new person's.
_TEXTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "payloads": (("id",), ("data",)),
    "journal": (("seq",), ("data",)),
    "messages": (("message_id",), ("error_reason", "key")),
    "chats": (("session", "chat_id"), ("name", "paused_reason")),
    "answers": (("message_id", "plugin"), ("reason",)),
    "dead_letters": (("reader", "position"), ("error",)),
    "webhooks": (("id",), ("options",)),
    "webhook_deliveries": (("id",), ("error",)),
    "webhook_attempts": (("delivery_id", "attempt"), ("error", "response")),
    "audiences": (("id",), ("name", "reason")),
    "audience_members": (("audience_id", "place"), ("variables",)),
    "campaigns": (("id",), ("name", "spec", "reason")),
    "campaign_recipients": (("campaign_id", "place"), ("variables", "skip_reason")),
    "suggestions": (("id",), ("data",)),
    "labels": (("trace_id",), ("note",)),
    "notifications": (("id",), ("title", "message", "link", "params")),
    "media": (("id",), ("filename",)),
    "sessions": (("session",), ("reason",)),
    "api_keys": (("id",), ("name",)),
    "queries": (("id",), ("statement", "about")),
}


class Rows:
    """Wipes the rows of one person.

    Args:
        job: Whose id makes the pseudonym.
        traces: Knows the person.
    """

    def __init__(self, store: SqlStore, job: Job, traces: Traces) -> None:
        self._store = store
        self._job = job
        self._traces = traces
        self._pseudonym = f"{ERASED_ADDRESS}{job.id}"

    async def _write(self, statements: Sequence[tuple[str, Sequence[Sequence[Any]]]]) -> None:
        def write(tx: Tx) -> None:
            for sql, items in statements:
                tx.many(sql, items)

        await self._store.write(write)

    async def suggestions(self, subjects: Sequence[str]) -> int:
        """Take the person's messages, and phrases that are their very words, out of suggestions."""
        listed = self._store.listed(subjects)
        affected = await self._store.rows(
            "SELECT DISTINCT suggestion_id FROM suggestion_members WHERE message_id {in}", (listed,)
        )
        payloads = await self._store.rows("SELECT data FROM payloads WHERE id {in}", (listed,))
        texts: set[str] = set()
        for (data,) in payloads:
            payload = orjson.loads(data)
            text = payload.get("body") or body_of(payload.get("content") or {}) or payload.get("trigger")
            if text:
                texts.add(str(text).strip())
        desk = SqlSuggestions(self._store)
        mine, found = set(subjects), {row[0] for row in affected}
        changed: list[Suggestion] = []
        for suggestion in await desk.all():
            phrases = {p.strip() for group in (suggestion.texts or {}).values() for p in group}
            if suggestion.id in found or phrases & texts or suggestion.title.strip() in texts:
                changed.append(_without(suggestion, mine, texts))
        for suggestion in changed:  # one commit each: a suggestion may have many members
            left = bool(suggestion.members)
            await desk.save([suggestion] if left else [], gone=() if left else [suggestion.id])
        return len(changed)

    async def journal(self, subjects: Sequence[str]) -> list[int]:
        """Overwrite what the events of the person say in public; their offsets stay. Returns the offsets."""
        listed = self._store.listed(subjects)
        rows = await self._store.rows("SELECT seq, type, data FROM journal WHERE subject {in}", (listed,))
        about = await self._store.rows("SELECT seq, type, data FROM journal WHERE id {in}", (listed,))
        seqs = sorted({int(row[0]) for row in (*rows, *about)})
        values = []
        for seq, kind, data in (*rows, *about):
            public = blanked(orjson.loads(data), self._traces)
            if kind.startswith("notification."):
                public = {**public, "title": ERASED, "message": ERASED, "link": None}
            values.append((dump(public), seq))
        for start in range(0, len(values), CHUNK):
            await self._write([("UPDATE journal SET data = ? WHERE seq = ?", values[start : start + CHUNK])])
        self._blank_recent(dict.fromkeys(seqs))
        return seqs

    def _blank_recent(self, seqs: dict[int, None]) -> None:
        for seq in seqs:
            event = self._store.journal.held(seq)
            if event is not None:
                event.data = blanked(event.data, self._traces)

    async def subjects(self, subjects: Sequence[str]) -> int:
        """Payloads go; messages, decisions, labels and notifications lose the person. Returns how many messages."""
        contact, erased = self._job.contact, self._pseudonym
        for start in range(0, len(subjects), CHUNK):
            part = subjects[start : start + CHUNK]
            ids = [(subject,) for subject in part]
            await self._write(
                [
                    ("DELETE FROM payloads WHERE id = ?", ids),
                    (_MESSAGE, [(contact, erased, contact, erased, subject) for subject in part]),
                    (_DECISION, [(contact, erased, subject) for subject in part]),
                    (_BARE_DECISION, [(erased, contact, subject) for subject in part]),
                    ("UPDATE labels SET note = '' WHERE message_id = ?", ids),
                    ("DELETE FROM suggestion_members WHERE message_id = ?", ids),
                    (_NOTIFICATION, [(ERASED, ERASED, subject) for subject in part]),
                ]
            )
        listed = self._store.listed(subjects)
        rows = await self._store.rows("SELECT count(*) FROM messages WHERE message_id {in}", (listed,))
        return int(rows[0][0])

    async def readers(self, seqs: Sequence[int]) -> None:
        """What readers and receivers of webhooks said of the person's events: their errors may quote them."""
        for start in range(0, len(seqs), CHUNK):
            part = seqs[start : start + CHUNK]
            marks = ", ".join("?" * len(part))
            delivered = await self._store.rows(f"SELECT id FROM webhook_deliveries WHERE seq IN ({marks})", part)
            aside = await self._store.rows(
                f"SELECT reader, position FROM dead_letters WHERE position IN ({marks})", part
            )
            keys = self._store.listed(f"set-aside:{reader}:{position}" for reader, position in aside)
            told = (
                await self._store.rows("SELECT seq, data FROM journal WHERE dedup_key {in}", (keys,)) if aside else []
            )
            ids = [(row[0],) for row in delivered]
            await self._write(
                [
                    ("UPDATE webhook_deliveries SET error = NULL, body = NULL WHERE id = ?", ids),
                    ("UPDATE webhook_attempts SET error = NULL, response = '' WHERE delivery_id = ?", ids),
                    ("UPDATE dead_letters SET error = '' WHERE reader = ? AND position = ?", aside),
                    ("UPDATE journal SET data = ? WHERE seq = ?",
                     [(dump(blanked(orjson.loads(data), None)), seq) for seq, data in told]),
                ]
            )  # fmt: skip
            self._blank_recent(dict.fromkeys(int(row[0]) for row in told))

    async def contact(self) -> dict[str, int]:
        """What is filed under the contact itself. An opt-out stays, as a pseudonym."""
        contact, erased = self._job.contact, self._pseudonym
        counts = {"campaigns": await self._recipients(), "audiences": await self._members()}
        issues = await self._store.rows("SELECT audience_id, place, value FROM audience_issues")
        wrong = [(ERASED, ERASED, row[0], row[1]) for row in issues if self._traces.is_number(row[2])]
        early = await self._store.rows("SELECT session, provider_id, status, error_reason FROM early_receipts")
        late = [
            row[:3] for row in early if self._traces.in_provider_id(row[1]) or self._traces.named_in(row[3])
        ]  # fmt: skip
        counts["consents"] = int(
            (await self._store.rows("SELECT count(*) FROM consents WHERE contact = ?", (contact,)))[0][0]
        )

        def write(tx: Tx) -> None:
            tx.many("UPDATE audience_issues SET value = ?, message = ? WHERE audience_id = ? AND place = ?", wrong)
            tx.many("DELETE FROM early_receipts WHERE session = ? AND provider_id = ? AND status = ?", late)
            out = tx.one("SELECT created FROM opt_outs WHERE contact = ?", (contact,))
            if out is not None:
                tx.many(
                    "INSERT INTO opt_outs (contact, source, created) VALUES (?, 'erased', ?) ON CONFLICT DO NOTHING",
                    [(tx.veil(contact), out[0])],
                )
            for table in ("opt_outs", "consents", "consent_changes", "contact_tags"):
                tx.many(f"DELETE FROM {table} WHERE contact = ?", [(contact,)])
            tx.many(
                "DELETE FROM contacts WHERE id IN (SELECT contact_id FROM identities WHERE value = ?)",
                [(self._traces.needle,)],
            )
            tx.many("DELETE FROM identities WHERE value = ?", [(self._traces.needle,)])
            # Somebody who wrote again since is a new person, whose chat stays.
            tx.many(
                "DELETE FROM chats WHERE chat_id = ? AND NOT EXISTS (SELECT 1 FROM messages m "
                "WHERE m.session = chats.session AND m.chat_id = chats.chat_id)",
                [(contact,)],
            )
            tx.many("DELETE FROM requests WHERE key LIKE ?", [(f"%{self._traces.needle}%",)])
            tx.many("UPDATE answers SET chat_id = ? WHERE chat_id = ? AND message_id NOT IN "
                    "(SELECT message_id FROM messages WHERE chat_id = ?)", [(erased, contact, contact)])  # fmt: skip

        await self._store.write(write)
        return counts

    async def _recipients(self) -> int:
        """Their places in campaigns; whoever's turn has not come is skipped."""
        rows = await self._store.rows(
            "SELECT r.campaign_id, r.place, CASE WHEN r.place >= k.fed THEN 1 ELSE 0 END FROM campaign_recipients r "
            "JOIN campaigns k ON k.id = r.campaign_id WHERE r.contact = ?",
            (self._job.contact,),
        )
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            places = [(self._pseudonym, row[0], row[1]) for row in part]
            waiting = [(row[0], row[1]) for row in part if row[2]]
            await self._write(
                [
                    ("UPDATE campaign_recipients SET contact = ?, variables = '{}', skip_reason = NULL "
                     "WHERE campaign_id = ? AND place = ?", places),
                    ("UPDATE campaign_recipients SET skip_code = 'erased', skip_reason = 'the contact was erased' "
                     "WHERE campaign_id = ? AND place = ? AND skip_code IS NULL", waiting),
                ]
            )  # fmt: skip
        return len(rows)

    async def _members(self) -> int:
        """Their places in audiences stay (campaigns count on them), without them."""
        rows = await self._store.rows(
            "SELECT audience_id, place FROM audience_members WHERE contact = ?", (self._job.contact,)
        )
        sql = "UPDATE audience_members SET contact = ?, variables = '{}' WHERE audience_id = ? AND place = ?"
        for start in range(0, len(rows), CHUNK):
            await self._write([(sql, [(self._pseudonym, *row) for row in rows[start : start + CHUNK]])])
        return len(rows)

    async def mentions(self) -> int:
        """The number in texts of others. Returns in how many places it was."""
        total = 0
        for table, (keys, columns) in _TEXTS.items():
            for column in columns:
                total += await self._mentions(table, keys, column)
        return total

    async def _mentions(self, table: str, keys: Sequence[str], column: str) -> int:
        rows = await self._store.rows(
            f"SELECT {', '.join(keys)}, {column} FROM {table} WHERE {column} LIKE ?", (f"%{self._traces.needle}%",)
        )
        where = " AND ".join(f"{key} = ?" for key in keys)
        found = []
        for *place, text in rows:
            if table == "payloads" and self._traces.owns(orjson.loads(text)):
                continue  # written since: a new person's
            clean = self._traces.redact(text)
            if clean != text:
                found.append((clean, *place))
        for start in range(0, len(found), CHUNK):
            part = found[start : start + CHUNK]
            await self._write([(f"UPDATE {table} SET {column} = ? WHERE {where}", part)])
        if table == "journal":
            self._blank_recent_text([int(row[1]) for row in found])
        return len(found)

    def _blank_recent_text(self, seqs: Sequence[int]) -> None:
        for seq in seqs:
            event = self._store.journal.held(seq)
            if event is not None:
                event.data = self._traces.redacted(event.data)


def _without(suggestion: Suggestion, mine: set[str], texts: set[str]) -> Suggestion:
    """A suggestion without a person's messages; what was computed of their words is computed anew at the next look."""
    phrases = suggestion.texts
    if phrases is not None:
        phrases = {name: [p for p in group if p.strip() not in texts] for name, group in phrases.items()}
    return dataclasses.replace(
        suggestion,
        title=ERASED if suggestion.title.strip() in texts else suggestion.title,
        examples={name: [i for i in group if i not in mine] for name, group in suggestion.examples.items()},
        texts=phrases,
        evidence=[e for e in suggestion.evidence if not mine & {str(value) for value in e.values()}],
        members=[m for m in suggestion.members if m not in mine],
        effect=None,
    )
