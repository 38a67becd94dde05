"""Committing what a plugin decided about a message: the reply's parts, the events, the trace — all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from waqtor.contracts.commands import OptIn, OptOut, PauseChat
from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso
from waqtor.messaging.ports import Queued, Reply
from waqtor.storage.outbound import Departure, enqueue
from waqtor.storage.transaction import Tx, dump, lane_of, plain

_CLAIM = (
    "INSERT INTO answers (message_id, plugin, session, chat_id, parts, trace_id, decision, rule_id, confidence, "
    "language, reason, revision, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_OWN = "SELECT trace_id FROM answers WHERE message_id = ? AND plugin = ?"
_WINNER = "SELECT plugin FROM answers WHERE message_id = ? AND parts > 0"
_PAYLOAD = "INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
_PAUSE = "UPDATE chats SET paused_at = ?, paused_until = ?, paused_reason = ? WHERE session = ? AND chat_id = ?"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reply on its way into the ledger; ``message_ids`` are made beforehand, one for each draft."""

    reply: Reply
    message_ids: tuple[str, ...]


def commit_reply(tx: Tx, verdicts: Sequence[Verdict]) -> list[Sequence[Queued] | None]:
    """Commit each decision once; ``None`` for those that lost to another plugin or were committed before."""
    claimed = tx.hits(_CLAIM, [_claim(verdict.reply, tx.now) for verdict in verdicts])
    results: list[Sequence[Queued] | None] = []
    for verdict, fresh in zip(verdicts, claimed, strict=True):
        reply = verdict.reply
        if not fresh:
            results.append(_known(tx, verdict))
            continue
        departures = [Departure(d, i) for d, i in zip(reply.drafts, verdict.message_ids, strict=True)]
        results.append([queued for queued in enqueue(tx, departures) if isinstance(queued, Queued)])
        payload = _payload(reply)
        if payload:
            tx.many(_PAYLOAD, [(reply.trace_id, dump(payload))])
        for event in reply.events:
            event.created = tx.now
            event.lane = lane_of(tx, reply.session, reply.chat_id)
            if event.subject and event.subject != reply.trace_id and event.personal is not None:
                tx.many(_PAYLOAD, [(event.subject, dump(event.personal))])
            tx.journal(event)
        for control in reply.controls:
            _control(tx, reply, control)
    return results


def _known(tx: Tx, verdict: Verdict) -> Sequence[Queued] | None:
    """Tell a second run of our own commit from losing to another plugin."""
    reply = verdict.reply
    own = tx.one(_OWN, (reply.message_id, reply.plugin))
    if own is not None:
        if own[0] != reply.trace_id or not reply.trace_id:
            return None
        known = tx.rows("SELECT message_id FROM messages WHERE message_id {in}", (tx.listed(verdict.message_ids),))
        if len(known) != len(verdict.message_ids):
            return None  # handed in twice: the first time queued it under other ids
        return [Queued(i, tx.now, "queued", True) for i in verdict.message_ids]
    winner = tx.one(_WINNER, (reply.message_id,))
    data = {"message_id": reply.message_id, "plugin": reply.plugin, "winner": str(winner[0]) if winner else ""}
    key = f"suppressed:{reply.message_id}:{reply.plugin}"
    tx.journal(Event("plugin.suppressed", reply.session, data, dedup_key=key, correlation_id=reply.message_id))
    return None


def _claim(reply: Reply, now: int) -> tuple[Any, ...]:
    trace = reply.trace or {}
    return (
        reply.message_id, reply.plugin, reply.session, reply.chat_id, len(reply.drafts), reply.trace_id,
        str(trace.get("decision", "answer" if reply.drafts else "silent")), trace.get("rule_id"),
        float(trace.get("confidence", 0.0)), str(trace.get("language", "")), plain(str(trace.get("reason", ""))[:500]),
        str(trace.get("revision", "")), now,
    )  # fmt: skip


def _payload(reply: Reply) -> dict[str, Any]:
    """The personal side of a decision: the events' personal fields and the trace, under the trace id."""
    if not reply.trace_id:
        return {}
    payload: dict[str, Any] = {}
    for event in reply.events:
        if event.subject == reply.trace_id and event.personal:
            payload.update(event.personal)
    if reply.trace is not None:
        payload["trace"] = dict(reply.trace)
    return payload


def _control(tx: Tx, reply: Reply, control: Any) -> None:
    if isinstance(control, PauseChat):
        pause_chat(tx, reply.session, reply.chat_id, control)
    elif isinstance(control, OptOut | OptIn):
        consent(tx, reply.session, control)
    else:
        raise TypeError(f"{type(control).__name__} cannot be part of a reply")


def pause_chat(tx: Tx, session: str, chat_id: str, command: PauseChat) -> bool:
    """Keep the bot quiet in a chat and journal it; false when there is no such chat."""
    until = tx.now + int(command.minutes * 60_000_000) if command.minutes is not None else None
    return pause_until(tx, session, chat_id, command.reason, until, since=tx.now)


def pause_until(tx: Tx, session: str, chat_id: str, reason: str, until: int | None, *, since: int) -> bool:
    """Pause until a time in UTC microseconds (``None``: until resumed); replies older than ``since`` are skipped."""
    row = tx.one(_PAUSE + " RETURNING chat_id", (since, until, plain(reason), session, chat_id))
    if row is None:
        return False
    data = {"reason": reason, "until": iso(until) if until is not None else None}
    _journal_personal(tx, "chat.paused", session, chat_id, data, {"chat_id": chat_id})
    return True


def resume_chat(tx: Tx, session: str, chat_id: str) -> bool:
    """Let the bot answer again and journal it; false when it was not paused."""
    row = tx.one(
        "UPDATE chats SET paused_at = NULL, paused_until = NULL, paused_reason = NULL "
        "WHERE session = ? AND chat_id = ? AND paused_at IS NOT NULL RETURNING chat_id",
        (session, chat_id),
    )
    if row is not None:
        data = {"reason": "resumed", "until": None}
        _journal_personal(tx, "chat.resumed", session, chat_id, data, {"chat_id": chat_id})
    return row is not None


def consent(tx: Tx, session: str, command: OptOut | OptIn) -> bool:
    """Record an opt-out or its end and journal it; false when nothing changed."""
    if isinstance(command, OptOut):
        row = tx.one(
            "INSERT INTO opt_outs (contact, source, created) VALUES (?, ?, ?) ON CONFLICT (contact) DO NOTHING "
            "RETURNING contact",
            (command.contact, plain(command.source), tx.now),
        )
        name = "contact.opted-out"
    else:
        # One kept from before an erasure is filed under the pseudonym.
        names = (command.contact, tx.veil(command.contact))
        row = tx.one("DELETE FROM opt_outs WHERE contact IN (?, ?) RETURNING contact", names)
        name = "contact.opted-in"
    if row is not None:
        data = {"source": command.source}
        _journal_personal(tx, name, session, command.contact, data, {"contact": command.contact})
    return row is not None


def _journal_personal(
    tx: Tx, name: str, session: str, chat_id: str, data: dict[str, Any], personal: dict[str, Any]
) -> None:
    event = Event(name, session, data, created=tx.now, lane=lane_of(tx, session, chat_id), personal=personal)
    event.subject = event.id
    tx.many(_PAYLOAD, [(event.id, dump(personal))])
    tx.journal(event)
