"""The ledger port on SQL: prepares items on the event loop and hands them to the writer's batch operations."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from waqtor.contracts.commands import OptIn, OptOut, PauseChat
from waqtor.contracts.events import Event
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.messages import InboundMessage
from waqtor.messaging.ports import (
    REPLY,
    Draft,
    Grant,
    Outcome,
    Pending,
    Queued,
    Receipt,
    Reply,
    SessionReport,
    Takeover,
)
from waqtor.storage.answering import Verdict, commit_reply, consent, pause_chat, resume_chat
from waqtor.storage.inbound import Arrival, accept
from waqtor.storage.outbound import Departure, enqueue, grant, settle
from waqtor.storage.receipts import record, sweep_early
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx, plain
from waqtor.storage.typed import Typed, store_typed

PENDING = (
    "SELECT m.message_id, m.session, m.chat_id, p.data, m.priority, m.attempt, m.not_after, m.due_at, m.quoted_id, "
    "m.cause, m.cause_id, m.correlation_id, q.provider_id, m.sending_at FROM messages m "
    "LEFT JOIN payloads p ON p.id = m.message_id LEFT JOIN messages q ON q.message_id = m.quoted_id "
)


class SqlLedger:
    """The :class:`waqtor.messaging.ports.Ledger` of a store. Every method returns after its commit."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._submit = store.writer.submit

    async def accept(self, message: InboundMessage) -> tuple[str, bool]:
        """Store an incoming message and its event once."""
        result: tuple[str, bool] = await self._submit(accept, Arrival(message, new_ulid()))
        return result

    async def typed(self, message: InboundMessage, takeover: Takeover | None) -> tuple[str, bool]:
        """Store a message typed on the phone once, as an outgoing one, and pause its chat in the same commit."""
        item = Typed(message, new_ulid(), takeover)
        result: tuple[str, bool] = await self._submit(store_typed, item, urgent=True)
        return result

    async def enqueue(self, draft: Draft) -> Queued:
        """Queue a send once per key."""
        result: Queued = await self._submit(enqueue, Departure(draft, new_ulid()), urgent=draft.priority == REPLY)
        return result

    async def reply(self, reply: Reply) -> Sequence[Queued] | None:
        """Commit a plugin's decision."""
        verdict = Verdict(reply, tuple(new_ulid() for _ in reply.drafts))
        result: Sequence[Queued] | None = await self._submit(commit_reply, verdict, urgent=True)
        return result

    async def queue(self, session: str, after: str, limit: int) -> list[Pending]:
        """Queued sends, replies first, then by age; ``after`` is the ``priority|message_id`` to go on from."""
        priority, _, message_id = after.partition("|")
        rows = await self._store.rows(
            PENDING + "WHERE m.session = ? AND m.open = 1 AND m.state = 'queued' "
            "AND (m.cause <> 'campaign' OR NOT EXISTS "
            "(SELECT 1 FROM campaigns k WHERE k.id = m.cause_id AND k.halted = 1)) "
            "AND (m.priority > ? OR (m.priority = ? AND m.message_id > ?)) "
            "ORDER BY m.priority, m.message_id LIMIT ?",
            (session, int(priority or -1), int(priority or -1), message_id, limit),
        )
        return [pending_of_row(row) for row in rows]

    async def grant(self, pending: Pending) -> Grant:
        """Commit ``sending`` right before the call, if nothing forbids it."""
        result: Grant = await self._submit(grant, pending, urgent=pending.priority == REPLY)
        return result

    async def settle(self, outcome: Outcome) -> None:
        """Commit how a call ended."""
        await self._submit(settle, outcome)

    async def receipt(self, receipt: Receipt) -> bool:
        """Commit a status if it is news."""
        return bool((await self.receipts([receipt]))[0])

    async def receipts(self, receipts: Sequence[Receipt]) -> Sequence[bool]:
        """Commit several statuses, in order; says for each whether it was news."""
        result: Sequence[bool] = await self._submit(record, receipts)
        return result

    async def match_early(self, session: str) -> int:
        """Apply statuses that wait for a send which is known by now; returns how many there were."""
        if not await self._store.rows("SELECT 1 FROM early_receipts LIMIT 1"):
            return 0
        return await self._store.write(lambda tx: sweep_early(tx, session))

    async def unsettled(self, session: str) -> list[tuple[Pending, int]]:
        """Rows left in ``sending`` by an earlier run, with the time of their grant."""
        rows = await self._store.rows(
            PENDING
            + "WHERE m.session = ? AND m.open = 1 AND m.state = 'sending' AND (m.owner IS NULL OR m.owner <> ?) "
            "ORDER BY m.message_id",
            (session, self._store.owner),
        )
        return [(pending_of_row(row), int(row[13] or 0)) for row in rows]

    async def doubtful(self, session: str, limit: int = 1000) -> list[Pending]:
        """Rows in doubt, oldest first."""
        rows = await self._store.rows(
            PENDING + "WHERE m.session = ? AND m.open = 1 AND m.state = 'in_doubt' ORDER BY m.message_id LIMIT ?",
            (session, limit),
        )
        return [pending_of_row(row) for row in rows]

    def now_us(self) -> int:
        """The store's time, UTC µs."""
        return self._store.clock.now_us()

    async def wrote_since(self, session: str, chat_id: str, since: int, key: str) -> bool:
        """Whether the person may have written since ``since`` (UTC µs), or the send under ``key`` was taken earlier.

        Of a number connected after ``since`` nobody knows who wrote to it before: then it may be so.
        """
        sql = (
            "SELECT 1 FROM chats WHERE session = ? AND chat_id = ? AND last_inbound_at >= ? "
            "UNION ALL SELECT 1 FROM messages WHERE session = ? AND key = ? "
            "UNION ALL SELECT 1 WHERE NOT EXISTS "
            "(SELECT 1 FROM chats WHERE session = ? AND last_inbound_at < ?) LIMIT 1"
        )
        return bool(await self._store.rows(sql, (session, chat_id, since, session, key, session, since)))

    async def is_open(self, message_id: str) -> bool:
        """Whether the send is still queued, sending or in doubt."""
        return bool(await self._store.rows("SELECT 1 FROM messages WHERE message_id = ? AND open = 1", (message_id,)))

    async def pending(self, message_id: str) -> Pending | None:
        """One outgoing row as the sender wants it."""
        rows = await self._store.rows(PENDING + "WHERE m.message_id = ? AND m.direction = 'out'", (message_id,))
        return pending_of_row(rows[0]) if rows else None

    async def session_changed(self, report: SessionReport, transport: str = "") -> None:
        """Keep and journal a session's state; the QR itself is never stored."""
        info = report.client_info.model_dump(mode="json") if report.client_info else None
        reason = plain(report.reason) if report.reason else None

        def write(tx: Tx) -> None:
            tx.many(
                "INSERT INTO sessions (session, transport, status, client_info, reason, updated) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session) DO UPDATE SET transport = excluded.transport, "
                "status = excluded.status, client_info = coalesce(excluded.client_info, sessions.client_info), "
                "reason = excluded.reason, updated = excluded.updated",
                [
                    (
                        report.session, transport, report.status,
                        orjson.dumps(info).decode() if info else None, reason, tx.now,
                    )
                ],
            )  # fmt: skip
            data = {"status": report.status, "client_info": info, "reason": report.reason}
            tx.journal(Event("session.status", report.session, data))

        await self._store.write(write)

    async def pause_chat(self, session: str, chat_id: str, command: PauseChat) -> bool:
        """Keep the bot quiet in a chat; false when there is no such chat."""
        return await self._store.write(lambda tx: pause_chat(tx, session, chat_id, command))

    async def resume_chat(self, session: str, chat_id: str) -> bool:
        """Let the bot answer again; false when it was not paused."""
        return await self._store.write(lambda tx: resume_chat(tx, session, chat_id))

    async def consent(self, session: str, command: OptOut | OptIn) -> bool:
        """Record an opt-out or opt-in; false when nothing changed."""
        return await self._store.write(lambda tx: consent(tx, session, command))


def pending_of_row(row: Row) -> Pending:
    """A row of :data:`PENDING` as the sender wants it."""
    payload = orjson.loads(row[3]) if row[3] else {}
    return Pending(
        message_id=row[0], session=row[1], to=row[2], content=payload.get("content", {}), priority=row[4],
        attempt=row[5], not_after=row[6], due_at=row[7], quoted_id=row[8], cause=row[9], cause_id=row[10],
        correlation_id=row[11], quoted_provider_id=row[12] or row[8],
    )  # fmt: skip
