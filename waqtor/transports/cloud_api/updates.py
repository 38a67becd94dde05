"""From Meta's webhook to messages and statuses: every entry, every change, every item, whatever stands beside it.

A delivery holds many entries × changes × items, comes at least once and in any order (Graph API v23.0, webhooks
reference). What is not understood is kept as ``other``: nothing that a customer wrote is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from waqtor.contracts.addresses import parse_address
from waqtor.contracts.messages import INCOMING, InboundMessage, OtherContent
from waqtor.errors import InvalidAddress, InvalidInput
from waqtor.messaging.ports import Receipt, ReceiptStatus

_STATUSES: dict[str, ReceiptStatus] = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed",
}  # fmt: skip
_MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
_SECOND = 1_000_000


@dataclass(slots=True)
class Updates:
    """What one delivery says to one number; ``malformed`` counts items without a usable id, sender or time."""

    messages: list[InboundMessage] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    malformed: int = 0


def read_updates(payload: Any, phone_number_id: str, session: str) -> Updates:
    """Everything in ``payload`` that concerns ``phone_number_id``, in its order.

    Raises:
        InvalidInput: The payload is no delivery of a WhatsApp Business account.
    """
    updates = Updates()
    for changed, value in _changes(payload):
        if str(_dict(value.get("metadata")).get("phone_number_id")) != phone_number_id:
            continue
        names = _names(value)
        for raw, from_me in (
            *((item, False) for item in _items(value, "messages")),
            *((item, True) for item in _items(value, "message_echoes")),
        ):
            message = _message(raw, session, names, from_me=from_me) if changed != "history" else None
            if message is None:
                updates.malformed += 1
            else:
                updates.messages.append(message)
        for raw in _items(value, "statuses"):
            receipt = _receipt(raw, session)
            if receipt is None:
                updates.malformed += 1
            else:
                updates.receipts.append(receipt)
    return updates


def _changes(payload: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(payload, dict) or payload.get("object") != "whatsapp_business_account":
        raise InvalidInput("This is no delivery of a WhatsApp Business account.")
    for entry in _items(payload, "entry"):
        for change in _items(entry, "changes"):
            if isinstance(change.get("value"), dict):
                yield str(change.get("field")), change["value"]


def _items(holder: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = holder.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(value: Mapping[str, Any]) -> dict[str, str]:
    """Profile names, by number and by business-scoped id (either may be missing)."""
    names: dict[str, str] = {}
    for contact in _items(value, "contacts"):
        profile = _dict(contact.get("profile"))
        name = str(profile.get("name") or profile.get("username") or "")[:200]
        for key in (contact.get("wa_id"), contact.get("user_id")):
            if key:
                names[str(key)] = name
    return names


def _address(raw: Mapping[str, Any], number: str, user: str) -> str:
    """The canonical address of a person: the number where there is one, else the business-scoped id.

    Raises:
        InvalidAddress: There is neither.
    """
    if raw.get(number):
        try:
            return parse_address(str(raw[number])).canonical
        except InvalidAddress:
            if not raw.get(user):
                raise
    return parse_address(f"{raw.get(user)}@bsuid").canonical


def _message(raw: Mapping[str, Any], session: str, names: Mapping[str, str], *, from_me: bool) -> InboundMessage | None:
    try:
        sender = _address(raw, "from", "from_user_id")
        chat = _address(raw, "to", "to_user_id") if from_me else sender
        group = raw.get("group_id")
        context = _dict(raw.get("context"))
        return InboundMessage(
            session=session,
            message_id=raw["id"],
            sender=sender,
            chat_id=f"{group}@g.us" if group else chat,
            content=_content(raw),
            timestamp=int(raw["timestamp"]) * _SECOND,
            is_group=bool(group),
            from_me=from_me,
            push_name=names.get(str(raw.get("from")), "") or names.get(str(raw.get("from_user_id")), ""),
            quoted_id=str(context["id"]) if context.get("id") else None,
        )
    except (InvalidAddress, KeyError, TypeError, ValueError, OverflowError):
        return None


def _content(raw: Mapping[str, Any]) -> Any:
    kind = str(raw.get("type", "unknown"))
    part = _dict(raw.get(kind))
    try:
        return INCOMING.validate_python(_known(kind, part))
    except (KeyError, TypeError, ValidationError):
        rest = {name: raw[name] for name in (kind, "errors") if raw.get(name)}
        return OtherContent(kind=kind[:64], raw=dict(part) or rest)


def _known(kind: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """The content in our words.

    Raises:
        KeyError: Something essential is missing, or the type is not among ours.
    """
    if kind == "text":
        return {"type": "text", "body": part["body"]}
    if kind in _MEDIA:
        return {
            "type": kind, "media_id": part["id"], "mime_type": part.get("mime_type"), "caption": part.get("caption"),
            "filename": part.get("filename"),
        }  # fmt: skip
    if kind == "location":
        return {"type": kind, **{name: part.get(name) for name in ("latitude", "longitude", "name", "address")}}
    if kind == "reaction":
        return {"type": kind, "message_id": part["message_id"], "emoji": part.get("emoji") or ""}
    if kind == "button":  # a template's quick reply
        return {"type": "choice", "id": part.get("payload") or part["text"], "title": part["text"]}
    if kind == "interactive":
        reply = part[str(part["type"])]
        return {"type": "choice", "id": reply["id"], "title": reply.get("title", "")}
    raise KeyError(kind)


def _receipt(raw: Mapping[str, Any], session: str) -> Receipt | None:
    status = _STATUSES.get(str(raw.get("status")))
    if status is None or not raw.get("id"):
        return None
    try:
        timestamp = int(raw["timestamp"]) * _SECOND
    except (KeyError, TypeError, ValueError):
        return None
    error = next(iter(_items(raw, "errors")), {})
    details = _dict(error.get("error_data")).get("details")
    tracker = raw.get("biz_opaque_callback_data")
    return Receipt(
        session, str(raw["id"]), status, timestamp, str(tracker) if tracker else None,
        str(error.get("code", "")), str(details or error.get("title") or error.get("message") or ""),
    )  # fmt: skip
