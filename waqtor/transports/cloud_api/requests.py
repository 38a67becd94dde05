"""From a send to the body of ``POST /{phone-number-id}/messages`` (Graph API v23.0, schema business-messaging-api)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from waqtor.messaging.ports import Outgoing

Body = dict[str, Any]
MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})

_CAPTIONED = frozenset({"image", "video", "document"})


def body_of(message: Outgoing, media_id: str | None = None) -> Body:
    """The request for ``message``.

    Our message id travels as ``biz_opaque_callback_data``: every status repeats it, and that alone reconciles a send
    whose answer was lost.

    Args:
        message: What to send.
        media_id: The provider's id of a file that was uploaded for this message.

    Raises:
        ValueError: The content cannot be said in this API.
    """
    kind = str(message.content.get("type"))
    if kind in MEDIA:
        said = _media(kind, message.content, media_id)
    elif kind in _BUILDERS:
        said = _BUILDERS[kind](message.content)
    else:
        raise ValueError(f"the Cloud API has no message of type {kind!r}")
    body: Body = {
        "messaging_product": "whatsapp",
        "recipient_type": "group" if message.to.endswith("@g.us") else "individual",
        **_recipient(message.to),
        "biz_opaque_callback_data": message.message_id,
    }
    if message.quoted_provider_id is not None and kind != "reaction":
        body["context"] = {"message_id": message.quoted_provider_id}
    return {**body, **said}


def _recipient(to: str) -> Body:
    """People by number; a business-scoped id, of somebody whose number is not shown, has a field of its own."""
    if to.endswith("@bsuid"):
        return {"recipient": to.removesuffix("@bsuid")}
    return {"to": to.removesuffix("@g.us")}


def _text(content: Mapping[str, Any]) -> Body:
    return {"type": "text", "text": {"body": content["body"], "preview_url": bool(content.get("preview_url"))}}


def _media(kind: str, content: Mapping[str, Any], media_id: str | None) -> Body:
    media: Body = {"id": media_id} if media_id else {"link": content["url"]} if content.get("url") else {}
    if not media:
        raise ValueError("the file is neither uploaded nor at an address")
    if kind in _CAPTIONED and content.get("caption"):
        media["caption"] = content["caption"]
    if kind == "document" and content.get("filename"):
        media["filename"] = content["filename"]
    return {"type": kind, kind: media}


def _buttons(content: Mapping[str, Any]) -> Body:
    buttons = [{"type": "reply", "reply": {"id": b["id"], "title": b["title"]}} for b in content["buttons"]]
    return _interactive("button", content, {"buttons": buttons})


def _list(content: Mapping[str, Any]) -> Body:
    sections = [
        _present(title=section.get("title"), rows=[
            _present(id=row["id"], title=row["title"], description=row.get("description")) for row in section["rows"]
        ])
        for section in content["sections"]
    ]  # fmt: skip
    return _interactive("list", content, {"button": content["button"], "sections": sections})


def _interactive(kind: str, content: Mapping[str, Any], action: Body) -> Body:
    interactive: Body = {"type": kind, "body": {"text": content["body"]}, "action": action}
    if content.get("header"):
        interactive["header"] = {"type": "text", "text": content["header"]}
    if content.get("footer"):
        interactive["footer"] = {"text": content["footer"]}
    return {"type": "interactive", "interactive": interactive}


def _template(content: Mapping[str, Any]) -> Body:
    components = [dict(component) for component in content.get("components") or ()]
    variables = content.get("variables") or {}
    if variables and not any(component.get("type") == "body" for component in components):
        components.append({"type": "body", "parameters": _parameters(variables)})
    template: Body = {"name": content["name"], "language": {"code": content.get("language", "en")}}
    if components:
        template["components"] = components
    return {"type": "template", "template": template}


def _parameters(variables: Mapping[str, Any]) -> list[Body]:
    """Numbered placeholders by position, others by name."""
    if all(name.isascii() and name.isdigit() for name in variables):
        return [{"type": "text", "text": str(variables[name])} for name in sorted(variables, key=int)]
    return [{"type": "text", "parameter_name": name, "text": str(value)} for name, value in variables.items()]


def _location(content: Mapping[str, Any]) -> Body:
    place = _present(
        latitude=content["latitude"], longitude=content["longitude"], name=content.get("name"),
        address=content.get("address"),
    )  # fmt: skip
    return {"type": "location", "location": place}


def _reaction(content: Mapping[str, Any]) -> Body:
    reaction = {"message_id": content["message_id"], "emoji": content.get("emoji", "")}
    return {"type": "reaction", "reaction": reaction}


def _present(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value is not None and value != ""}


_BUILDERS: dict[str, Callable[[Mapping[str, Any]], Body]] = {
    "text": _text, "buttons": _buttons, "list": _list, "template": _template, "location": _location,
    "reaction": _reaction,
}  # fmt: skip
