"""Taking in messages: one row per provider id, whatever is redelivered, with its event in the same commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from waqtor.contracts.events import Event
from waqtor.contracts.messages import InboundMessage, body_of
from waqtor.contracts.wire import iso
from waqtor.storage.transaction import Tx, dump, lane_of, plain

_INSERT = (
    "INSERT INTO messages (message_id, session, direction, chat_id, kind, state, provider_id, priority, cause, "
    "cause_id, correlation_id, quoted_id, is_group, attempt, created, updated) "
    "VALUES (?, ?, 'in', ?, ?, 'received', ?, 0, '', '', '', ?, ?, 0, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_KNOWN = "SELECT message_id FROM messages WHERE session = ? AND provider_id = ? AND direction = 'in'"
_PAYLOAD = "INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
_CHAT = (
    "INSERT INTO chats (session, chat_id, name, is_group, last_message_id, last_direction, last_at, last_inbound_at, "
    "unread) VALUES (?, ?, ?, ?, ?, 'in', ?, ?, 1) ON CONFLICT (session, chat_id) DO UPDATE SET "
    "name = coalesce(excluded.name, chats.name), last_message_id = excluded.last_message_id, last_direction = 'in', "
    "last_at = excluded.last_at, unread = chats.unread + 1, last_inbound_at = CASE "
    "WHEN chats.last_inbound_at > excluded.last_inbound_at THEN chats.last_inbound_at "
    "ELSE excluded.last_inbound_at END"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message on its way into the store; our id is made beforehand, so that a second run knows its own row."""

    message: InboundMessage
    message_id: str


def accept(tx: Tx, arrivals: Sequence[Arrival]) -> Sequence[tuple[str, bool]]:
    """Store each arrival once; returns ``(message_id, fresh)`` for each.

    A row that holds the very id made for this arrival was committed by an earlier run of the same group.
    """
    now = tx.now
    gone = forgotten(tx, [(arrival.message.session, arrival.message.message_id) for arrival in arrivals])
    if any(gone):
        rest = iter(accept(tx, [arrival for arrival, erased in zip(arrivals, gone, strict=True) if not erased]))
        return [(a.message_id, False) if erased else next(rest) for a, erased in zip(arrivals, gone, strict=True)]
    inserted = tx.hits(_INSERT, [_row(arrival, now) for arrival in arrivals])
    results: list[tuple[str, bool]] = []
    payloads: list[tuple[str, str]] = []
    chats: list[tuple[Any, ...]] = []
    for arrival, fresh in zip(arrivals, inserted, strict=True):
        message = arrival.message
        if not fresh:
            known = tx.one(_KNOWN, (message.session, message.message_id))
            known_id = str(known[0]) if known else arrival.message_id
            results.append((known_id, known_id == arrival.message_id))
            continue
        results.append((arrival.message_id, True))
        personal = _personal(message)
        payloads.append((arrival.message_id, dump(personal)))
        name = plain(message.push_name) or None
        chats.append(
            (message.session, message.chat_id, name, int(message.is_group), arrival.message_id, now, message.timestamp)
        )
        tx.journal(_event(tx, arrival, personal))
    tx.many(_PAYLOAD, payloads)
    tx.many(_CHAT, chats)
    return results


def forgotten(tx: Tx, provided: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether each message, by session and provider id, was erased: a redelivery must not bring it back."""
    if not provided or tx.one("SELECT 1 FROM forgotten LIMIT 1") is None:
        return [False] * len(provided)
    digests = [tx.veil(f"{session}|{provider_id}") for session, provider_id in provided]
    known = {row[0] for row in tx.rows("SELECT digest FROM forgotten WHERE digest {in}", (tx.listed(digests),))}
    return [digest in known for digest in digests]


def _row(arrival: Arrival, now: int) -> tuple[Any, ...]:
    m = arrival.message
    return (
        arrival.message_id, m.session, m.chat_id, m.content.type, m.message_id, m.quoted_id, int(m.is_group),
        m.timestamp, now,
    )  # fmt: skip


def _personal(message: InboundMessage) -> dict[str, Any]:
    content = message.content.model_dump(mode="json", exclude_none=True)
    return {
        "from": message.sender,
        "chat_id": message.chat_id,
        "body": body_of(content),
        "content": content,
        "push_name": message.push_name or None,
    }


def _event(tx: Tx, arrival: Arrival, personal: dict[str, Any]) -> Event:
    message = arrival.message
    content = personal["content"]
    data: dict[str, Any] = {
        "message_id": arrival.message_id,
        "provider_id": message.message_id,
        "type": content["type"],
        "timestamp": iso(message.timestamp),
        "is_group": message.is_group,
        "mentioned": message.mentioned,
        "media": content["type"] in ("image", "video", "audio", "document", "sticker"),
    }
    if message.quoted_id:
        data["quoted"] = message.quoted_id
    if content["type"] == "choice":
        data["choice"] = {"id": content["id"], "title": content.get("title", "")}
    return Event(
        "message.received",
        message.session,
        data,
        created=tx.now,
        correlation_id=arrival.message_id,
        lane=lane_of(tx, message.session, message.chat_id),
        subject=arrival.message_id,
        personal=personal,
    )
