"""Messages that a person typed on the phone itself: kept as outgoing ones, and the bot is paused in their chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from waqtor.contracts.events import Event
from waqtor.contracts.messages import InboundMessage, body_of
from waqtor.contracts.wire import iso
from waqtor.messaging.ports import Takeover
from waqtor.storage.answering import pause_until
from waqtor.storage.inbound import forgotten
from waqtor.storage.transaction import Tx, dump, lane_of

# ``key`` makes a redelivery a no-op, as it does for sends; an echo of a send that the ledger knows is one, too.
_INSERT = (
    "INSERT INTO messages (message_id, session, direction, chat_id, kind, state, provider_id, key, priority, cause, "
    "cause_id, correlation_id, quoted_id, is_group, attempt, created, updated) "
    "SELECT ?, ?, 'out', ?, ?, 'sent', ?, ?, 0, 'phone', '', ?, ?, ?, 0, ?, ? WHERE NOT EXISTS "
    "(SELECT 1 FROM messages WHERE provider_id = ? AND session = ? AND direction = 'out' AND provider_id IS NOT NULL) "
    "ON CONFLICT DO NOTHING"
)
_KNOWN = "SELECT message_id FROM messages WHERE provider_id = ? AND session = ? AND direction = 'out'"
_PAYLOAD = "INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
_CHAT = (
    "INSERT INTO chats (session, chat_id, is_group, last_message_id, last_direction, last_at, unread) "
    "VALUES (?, ?, ?, ?, 'out', ?, 0) ON CONFLICT (session, chat_id) DO UPDATE SET "
    "last_message_id = excluded.last_message_id, last_direction = 'out', last_at = excluded.last_at, unread = 0"
)
_PAUSED = "SELECT paused_until FROM chats WHERE session = ? AND chat_id = ? AND paused_at IS NOT NULL"
_FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Typed:
    """A message on its way into the store; our id is made beforehand, so that a second run knows its own row."""

    message: InboundMessage
    message_id: str
    takeover: Takeover | None


def store_typed(tx: Tx, items: Sequence[Typed]) -> list[tuple[str, bool]]:
    """Store each once and pause its chat; returns ``(message_id, fresh)`` for each."""
    results: list[tuple[str, bool]] = []
    gone = forgotten(tx, [(item.message.session, item.message.message_id) for item in items])
    for item, erased in zip(items, gone, strict=True):
        message = item.message
        if erased:
            results.append((item.message_id, False))
            continue
        (fresh,) = tx.hits(_INSERT, [_row(item, tx.now)])
        if not fresh:
            known = tx.one(_KNOWN, (message.message_id, message.session))
            known_id = str(known[0]) if known else item.message_id
            results.append((known_id, known_id == item.message_id))
            continue
        results.append((item.message_id, True))
        _keep(tx, item)
        if item.takeover is not None:
            _pause(tx, message, item.takeover)
    return results


def _row(item: Typed, now: int) -> tuple[Any, ...]:
    m = item.message
    return (
        item.message_id, m.session, m.chat_id, m.content.type, m.message_id, f"phone:{m.message_id}", item.message_id,
        m.quoted_id, int(m.is_group), m.timestamp, now, m.message_id, m.session,
    )  # fmt: skip


def _keep(tx: Tx, item: Typed) -> None:
    m = item.message
    content = m.content.model_dump(mode="json", exclude_none=True)
    personal = {"to": m.chat_id, "chat_id": m.chat_id, "body": body_of(content), "content": content}
    tx.many(_PAYLOAD, [(item.message_id, dump(personal))])
    tx.many(_CHAT, [(m.session, m.chat_id, int(m.is_group), item.message_id, tx.now)])
    data = {
        "message_id": item.message_id, "provider_id": m.message_id, "status": "sent", "timestamp": iso(m.timestamp),
        "cause": "phone",
    }  # fmt: skip
    lane = lane_of(tx, m.session, m.chat_id)
    tx.journal(
        Event(
            "message.sent", m.session, data, created=tx.now, correlation_id=item.message_id, lane=lane,
            subject=item.message_id, personal={"to": m.chat_id},
        )
    )  # fmt: skip


def _pause(tx: Tx, message: InboundMessage, takeover: Takeover) -> None:
    """Pause the chat from the moment of typing; a pause that lasts longer already keeps its end."""
    until = _FOREVER
    if takeover.minutes is not None:
        until = min(message.timestamp, tx.now) + int(takeover.minutes * 60_000_000)
    if until <= tx.now:
        return  # told late: that pause is over
    standing = tx.one(_PAUSED, (message.session, message.chat_id))
    if standing is not None:
        until = max(until, _FOREVER if standing[0] is None else int(standing[0]))
    end = None if until == _FOREVER else until
    # A reply queued in this very commit was decided before anybody knew of the takeover: it counts as older.
    pause_until(tx, message.session, message.chat_id, takeover.reason, end, since=tx.now + 1)
