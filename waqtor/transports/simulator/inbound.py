"""From the simulator's frames to what the engine takes: nothing that a person wrote is refused or cut."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from waqtor.contracts.addresses import parse_address
from waqtor.contracts.messages import INCOMING, InboundMessage, OtherContent
from waqtor.errors import InvalidInput
from waqtor.messaging.ports import Receipt

_STATUSES = frozenset({"sent", "delivered", "read", "failed"})


def inbound_message(session: str, raw: Any) -> InboundMessage:
    """Make the message; content that the contracts do not know (or over their limits) is kept as ``other``.

    Raises:
        InvalidInput: If there is no usable id, sender, time or content.
    """
    try:
        content = raw["content"]
        try:
            parsed = INCOMING.validate_python(content)
        except ValidationError:
            parsed = OtherContent(kind=str(content.get("type", "unknown"))[:64], raw=content)
        chat = parse_address(raw["chat_id"])
        return InboundMessage(
            session=session,
            message_id=raw["id"],
            sender=parse_address(raw["from"]).canonical,
            chat_id=chat.canonical,
            content=parsed,
            timestamp=raw["timestamp"],
            is_group=bool(raw.get("is_group", chat.is_group)),
            mentioned=bool(raw.get("mentioned", False)),
            from_me=bool(raw.get("from_me", False)),
            push_name=str(raw.get("push_name") or "")[:200],
            quoted_id=raw.get("quoted_id"),
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise InvalidInput(f"An incoming message is malformed ({type(error).__name__}).") from error


def inbound_receipt(session: str, raw: Any) -> Receipt:
    """Make the receipt from ``[provider_id, status, timestamp, message_id, code, reason]``.

    Raises:
        InvalidInput: If it is malformed.
    """
    try:
        provider_id, status, timestamp, message_id, code, reason = raw
    except (TypeError, ValueError):
        raise InvalidInput("A receipt is malformed.") from None
    if status not in _STATUSES or type(timestamp) is not int or type(provider_id) is not str:
        raise InvalidInput("A receipt is malformed.")
    return Receipt(session, provider_id, status, timestamp, message_id, code, reason)
