"""The send ledger's writes: queue, grant, settle. See docs/adr/0002-the-send-ledger.md for the states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from waqtor.contracts.events import Event
from waqtor.contracts.privacy import ERASED_ADDRESS
from waqtor.contracts.wire import iso
from waqtor.errors import IdempotencyConflict
from waqtor.messaging.ports import Draft, Grant, Outcome, Pending, Queued
from waqtor.storage.receipts import apply_early
from waqtor.storage.transaction import Row, Tx, dump, lane_of, plain

_INSERT = (
    "INSERT INTO messages (message_id, session, direction, chat_id, kind, state, key, body_hash, priority, cause, "
    "cause_id, correlation_id, quoted_id, is_group, attempt, created, updated, open, due_at, not_after) "
    "VALUES (?, ?, 'out', ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 1, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_KNOWN = "SELECT message_id, created, state, body_hash FROM messages WHERE session = ? AND key = ?"
_QUOTED = "SELECT provider_id FROM messages WHERE message_id = ? AND provider_id IS NOT NULL"
_PAYLOAD = "INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
_CHAT = (
    "INSERT INTO chats (session, chat_id, is_group, last_message_id, last_direction, last_at, unread) "
    "VALUES (?, ?, ?, ?, 'out', ?, 0) ON CONFLICT (session, chat_id) DO UPDATE SET "
    "last_message_id = excluded.last_message_id, last_direction = 'out', last_at = excluded.last_at, unread = 0"
)
# One statement re-reads everything that may forbid the send: expiry; for campaigns opt-out, pause, cancellation and
# consent; for replies a person who took the chat over after they were decided.
_GRANT = (
    "UPDATE messages SET state = 'sending', attempt = attempt + 1, owner = ?, sending_at = ?, updated = ? "
    "WHERE message_id = ? AND state = 'queued' AND attempt = ? AND (not_after IS NULL OR not_after > ?) "
    "AND (cause <> 'campaign' OR (NOT EXISTS (SELECT 1 FROM opt_outs o WHERE o.contact = messages.chat_id) "
    "AND NOT EXISTS (SELECT 1 FROM campaigns k WHERE k.id = messages.cause_id AND (k.halted <> 0 OR (k.consent = 1 "
    "AND NOT EXISTS (SELECT 1 FROM consents s WHERE s.contact = messages.chat_id AND s.purpose = 'marketing')))))) "
    "AND (cause <> 'reply' OR NOT EXISTS (SELECT 1 FROM chats c WHERE c.session = messages.session "
    "AND c.chat_id = messages.chat_id AND c.paused_at > messages.created "
    "AND (c.paused_until IS NULL OR c.paused_until > ?)))"
)
_WHY = "SELECT state, attempt, not_after, cause, cause_id FROM messages WHERE message_id = ?"
_SKIP = (
    "UPDATE messages SET state = 'skipped', open = NULL, updated = ?, error_code = ?, error_reason = ? "
    "WHERE message_id = ? AND state = 'queued'"
)
# An acceptance is a fact, also when the row was put back or given up meanwhile.
_SENT = (
    "UPDATE messages SET state = 'sent', open = NULL, provider_id = ?, updated = ?, error_code = NULL, "
    "error_reason = NULL "
    "WHERE message_id = ? AND state IN ('queued', 'sending', 'in_doubt', 'skipped')"
)
# The provider's id of a message whose person was erased is not wanted any more.
_LATE_PROVIDER = (
    "UPDATE messages SET provider_id = ? WHERE message_id = ? AND provider_id IS NULL "
    f"AND chat_id NOT LIKE '{ERASED_ADDRESS}%'"
)
_END = (
    "UPDATE messages SET state = ?, open = ?, updated = ?, error_code = ?, error_reason = ?, retryable = ?, due_at = ? "
    "WHERE message_id = ? AND state IN ('sending', 'in_doubt')"
)

# Doubt is journaled when it begins, not each time that somebody asked in vain.
_DOUBT = _END.replace("state IN ('sending', 'in_doubt')", "state = 'sending'")
# What is known of one attempt must not end a later one.
_ATTEMPT = " AND attempt = ?"


@dataclass(frozen=True, slots=True)
class Departure:
    """A draft on its way into the ledger; our id is made beforehand, so that a second run knows its own row."""

    draft: Draft
    message_id: str


def enqueue(tx: Tx, departures: Sequence[Departure]) -> list[Queued | BaseException]:
    """Queue each draft once per key; another body under a known key is an :class:`IdempotencyConflict`."""
    now = tx.now
    inserted = tx.hits(_INSERT, [_row(departure, now) for departure in departures])
    results: list[Queued | BaseException] = []
    payloads: list[tuple[str, str]] = []
    chats: list[tuple[Any, ...]] = []
    for departure, fresh in zip(departures, inserted, strict=True):
        draft = departure.draft
        if not fresh:
            results.append(_again(departure, tx.one(_KNOWN, (draft.session, draft.key))))
            continue
        quoted = tx.one(_QUOTED, (draft.quoted_id,)) if draft.quoted_id else None
        results.append(Queued(departure.message_id, now, "queued", True, str(quoted[0]) if quoted else None))
        personal = {"to": draft.to, "chat_id": draft.to, "content": dict(draft.content)}
        payloads.append((departure.message_id, dump(personal)))
        chats.append((draft.session, draft.to, int(draft.to.endswith("@g.us")), departure.message_id, now))
    tx.many(_PAYLOAD, payloads)
    tx.many(_CHAT, chats)
    return results


def _again(departure: Departure, known: Row | None) -> Queued | BaseException:
    if known is None:
        return IdempotencyConflict("The message id is taken.")
    message_id, created, state, body_hash = known
    if body_hash and departure.draft.body_hash and body_hash != departure.draft.body_hash:
        return IdempotencyConflict(
            "This Idempotency-Key was used before with another body. Use a new key for a new message.",
            message_id=message_id,
        )
    return Queued(message_id, created, state, message_id == departure.message_id)


def _row(departure: Departure, now: int) -> tuple[Any, ...]:
    d = departure.draft
    return (
        departure.message_id, d.session, d.to, str(d.content.get("type", "text")), d.key, d.body_hash, d.priority,
        d.cause, d.cause_id, d.correlation_id or departure.message_id, d.quoted_id, int(d.to.endswith("@g.us")),
        now, now, d.due_at, d.not_after,
    )  # fmt: skip


def grant(tx: Tx, pendings: Sequence[Pending]) -> list[Grant]:
    """Commit ``sending`` for each row that may go out now."""
    now = tx.now
    taken = tx.hits(_GRANT, [(tx.owner, now, now, p.message_id, p.attempt, now, now) for p in pendings])
    results: list[Grant] = []
    for pending, granted in zip(pendings, taken, strict=True):
        results.append(Grant("go") if granted else _refused(tx, pending))
    return results


def _refused(tx: Tx, pending: Pending) -> Grant:
    row = tx.one(_WHY, (pending.message_id,))
    if row is None:
        return Grant("gone", "erased")
    state, attempt, not_after, cause, cause_id = row
    if state != "queued":
        return Grant("gone", state)
    if attempt != pending.attempt:
        return Grant("held", "stale", attempt)
    if not_after is not None and not_after <= tx.now:
        code, reason = "expired", "not sent in time"
    elif cause == "campaign":
        halted = tx.one("SELECT halted FROM campaigns WHERE id = ?", (cause_id,))
        if halted is not None and halted[0] == 1:
            return Grant("gone", "the campaign is stopped")  # it keeps its place; resuming offers it again
        if halted is not None and halted[0] == 2:
            code, reason = "cancelled", "the campaign was cancelled"
        elif tx.one("SELECT 1 FROM opt_outs WHERE contact = ?", (pending.to,)):
            code, reason = "opted_out", "the contact opted out"
        elif halted is not None:
            code, reason = "no_consent", "there is no consent of the contact"
        else:
            code, reason = "opted_out", "the contact opted out"
    elif cause == "reply":
        code, reason = "taken_over", "a person took the chat over"
    else:
        return Grant("held", "changed meanwhile", attempt)
    if not any(tx.hits(_SKIP, [(tx.now, code, reason, pending.message_id)])):
        return Grant("gone", "changed meanwhile")
    error = {"code": code, "reason": reason, "retryable": False}
    _status_event(tx, "message.failed", pending.session, pending.message_id, pending.to, "skipped",
                  pending.cause, error=error, correlation_id=pending.origin)  # fmt: skip
    return Grant("skipped", code)


def close_for_good(tx: Tx, message_ids: Sequence[str], states: Sequence[str]) -> None:
    """End sends to a person who is being erased: what waits is skipped, what is in doubt or under way has failed.

    ``failed`` and not ``skipped`` for the latter: an acceptance that is told late must not bring the person back.
    """
    rows = tx.rows(
        "SELECT message_id, session, chat_id, state, cause, correlation_id FROM messages WHERE message_id {in} {lock}",
        (tx.listed(message_ids),),
    )
    code, reason = "erased", "the contact was erased"
    error = {"code": code, "reason": reason, "retryable": False}
    for message_id, session, to, state, cause, origin in rows:
        if state not in states:
            continue
        after = "skipped" if state == "queued" else "failed"
        tx.many(
            "UPDATE messages SET state = ?, open = NULL, updated = ?, error_code = ?, error_reason = ? "
            "WHERE message_id = ?",
            [(after, tx.now, code, reason, message_id)],
        )
        _status_event(tx, "message.failed", session, message_id, to, after, cause, error=error,
                      correlation_id=origin)  # fmt: skip


def skip_queued(tx: Tx, campaign_id: str, session: str, limit: int) -> int:
    """Skip queued sends of a cancelled campaign; returns how many were found."""
    rows = tx.rows(
        "SELECT message_id, chat_id, correlation_id FROM messages WHERE session = ? AND open = 1 "
        "AND state = 'queued' AND cause = 'campaign' AND cause_id = ? ORDER BY message_id LIMIT ? {lock}",
        (session, campaign_id, limit),
    )
    code, reason = "cancelled", "the campaign was cancelled"
    skipped = tx.hits(_SKIP, [(tx.now, code, reason, row[0]) for row in rows])
    error = {"code": code, "reason": reason, "retryable": False}
    for (message_id, to, origin), fresh in zip(rows, skipped, strict=True):
        if fresh:
            _status_event(tx, "message.failed", session, message_id, to, "skipped", "campaign", error=error,
                          correlation_id=origin)  # fmt: skip
    return len(rows)


def settle(tx: Tx, outcomes: Sequence[Outcome]) -> list[None]:
    """Commit how calls ended, each with its event."""
    now = tx.now
    sent = [o for o in outcomes if o.state == "sent"]
    news = tx.hits(_SENT, [(o.provider_id, now, o.message_id) for o in sent])
    late: list[tuple[str | None, str]] = []
    for outcome, fresh in zip(sent, news, strict=True):
        if not fresh:  # a receipt came first, or this is a second run
            late.append((outcome.provider_id, outcome.message_id))
            continue
        _status_event(tx, "message.sent", outcome.session, outcome.message_id, outcome.to, "sent", outcome.cause,
                      provider_id=outcome.provider_id, correlation_id=outcome.correlation_id)  # fmt: skip
    tx.many(_LATE_PROVIDER, late)
    apply_early(tx, [outcome.provider_id for outcome in sent if outcome.provider_id])
    for outcome in outcomes:
        if outcome.state != "sent":
            _end(tx, outcome)
    return [None] * len(outcomes)


def _end(tx: Tx, outcome: Outcome) -> None:
    state = "queued" if outcome.state == "requeue" else outcome.state
    values = (
        state,
        None if state == "failed" else 1,
        tx.now,
        plain(outcome.error_code),
        plain(outcome.error_reason[:500]),
        int(outcome.retryable),
        outcome.due_at,
    )
    sql, items = _DOUBT if state == "in_doubt" else _END, [*values, outcome.message_id]
    if outcome.attempt is not None:
        sql, items = sql + _ATTEMPT, [*items, outcome.attempt]
    (ended,) = tx.hits(sql, [items])
    if not ended or state == "queued":
        return
    error = {"code": outcome.error_code, "reason": outcome.error_reason[:500], "retryable": outcome.retryable}
    name = "message.in_doubt" if state == "in_doubt" else "message.failed"
    _status_event(tx, name, outcome.session, outcome.message_id, outcome.to, state, outcome.cause, error=error,
                  correlation_id=outcome.correlation_id)  # fmt: skip


def _status_event(
    tx: Tx, name: str, session: str, message_id: str, to: str, status: str, cause: str,
    *, provider_id: str | None = None, error: dict[str, Any] | None = None, correlation_id: str = "",
) -> None:  # fmt: skip
    data: dict[str, Any] = {"message_id": message_id, "status": status, "timestamp": iso(tx.now), "cause": cause}
    if provider_id:
        data["provider_id"] = provider_id
    if error:
        data["error"] = error
    tx.journal(
        Event(
            name,
            session,
            data,
            created=tx.now,
            correlation_id=correlation_id or message_id,
            lane=lane_of(tx, session, to),
            subject=message_id,
            personal={"to": to},
        )
    )
