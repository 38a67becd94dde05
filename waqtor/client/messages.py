"""Builders of the calls about messages and chats."""

from __future__ import annotations

import base64 as b64
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from waqtor.client.calls import AsyncResource, BlockingResource, Call, awaiting, blocking, body_of, many, one, segment
from waqtor.client.calls import whole as _whole
from waqtor.client.media import delete_media, download, media, upload
from waqtor.client.pages import Listing
from waqtor.contracts import commands as c
from waqtor.contracts.media import MediaType
from waqtor.contracts.messages import ListSection, ReplyButton
from waqtor.contracts.views import ChatView, MessageView, SendReceipt


def _send(path: str, body: dict[str, Any], key: str | None) -> Call[SendReceipt]:
    return Call("POST", f"/messages/{path}", one(SendReceipt), json=body, keyed=True, key=key)


def send(
    to: str,
    text: str,
    *,
    session: str | None = None,
    quoted_message_id: str | None = None,
    mentions: Sequence[str] = (),
    preview_url: bool | None = None,
    idempotency_key: str | None = None,
) -> Call[SendReceipt]:
    """Send text.

    Args:
        to: Phone number, chat id or group id in any usual spelling.
        text: At most 4,096 characters.
        session: The number to send from; the default session when left out.
        quoted_message_id: Message to quote (our id or the provider's).
        mentions: Addresses that are mentioned in the text.
        preview_url: Ask for a link preview.
        idempotency_key: Names the cause of this send: the same key never sends twice.

    Raises:
        WaqtorError: One of ``waqtor.errors``, by the server's code.
    """
    body = body_of(
        c.SendText,
        to=to,
        text=text,
        session=session,
        quoted_message_id=quoted_message_id,
        mentions=tuple(mentions) or None,
        preview_url=preview_url,
    )
    return _send("send-text", body, idempotency_key)


def send_media(
    to: str,
    media_type: MediaType,
    *,
    url: str | None = None,
    path: str | Path | None = None,
    media_id: str | None = None,
    base64: str | None = None,
    mime_type: str | None = None,
    caption: str | None = None,
    filename: str | None = None,
    session: str | None = None,
    quoted_message_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[SendReceipt]:
    """Send an image, video, audio file, document or sticker.

    Exactly one of ``url``, ``path`` (a local file of at most 16 MB, read now), ``media_id`` (an earlier ``upload``)
    and ``base64``.
    """
    if path is not None:
        file = Path(path)
        base64 = b64.b64encode(file.read_bytes()).decode()
        filename = filename or file.name
        mime_type = mime_type or mimetypes.guess_type(file.name)[0]
    body = body_of(
        c.SendMedia,
        to=to,
        media_type=media_type,
        url=url,
        media_id=media_id,
        base64=base64,
        mime_type=mime_type,
        caption=caption,
        filename=filename,
        session=session,
        quoted_message_id=quoted_message_id,
    )
    return _send("send-media", body, idempotency_key)


def send_buttons(
    to: str,
    body: str,
    buttons: Sequence[ReplyButton | Mapping[str, str] | str],
    *,
    header: str | None = None,
    footer: str | None = None,
    session: str | None = None,
    quoted_message_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[SendReceipt]:
    """Send text with one to three buttons; a plain string is a button whose id is its title."""
    made = tuple({"id": b, "title": b} if isinstance(b, str) else b for b in buttons)
    data = body_of(
        c.SendButtons,
        to=to,
        body=body,
        buttons=made,
        header=header,
        footer=footer,
        session=session,
        quoted_message_id=quoted_message_id,
    )
    return _send("send-buttons", data, idempotency_key)


def send_list(
    to: str,
    body: str,
    button: str,
    sections: Sequence[ListSection | Mapping[str, Any]],
    *,
    header: str | None = None,
    footer: str | None = None,
    session: str | None = None,
    quoted_message_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[SendReceipt]:
    """Send text with a button that opens a list of at most ten rows."""
    data = body_of(
        c.SendList,
        to=to,
        body=body,
        button=button,
        sections=tuple(sections),
        header=header,
        footer=footer,
        session=session,
        quoted_message_id=quoted_message_id,
    )
    return _send("send-list", data, idempotency_key)


def send_template(
    to: str,
    name: str,
    *,
    language: str | None = None,
    variables: Mapping[str, Any] | None = None,
    components: Sequence[Mapping[str, Any]] = (),
    session: str | None = None,
    quoted_message_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[SendReceipt]:
    """Send an approved template; ``variables`` fill its placeholders by name or position."""
    data = body_of(
        c.SendTemplate,
        to=to,
        name=name,
        language=language,
        variables={key: str(value) for key, value in variables.items()} if variables else None,
        components=tuple(components) or None,
        session=session,
        quoted_message_id=quoted_message_id,
    )
    return _send("send-template", data, idempotency_key)


def send_location(
    to: str,
    latitude: float,
    longitude: float,
    *,
    name: str | None = None,
    address: str | None = None,
    session: str | None = None,
    quoted_message_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[SendReceipt]:
    """Send a point on the map, in degrees."""
    data = body_of(
        c.SendLocation,
        to=to,
        latitude=latitude,
        longitude=longitude,
        name=name,
        address=address,
        session=session,
        quoted_message_id=quoted_message_id,
    )
    return _send("send-location", data, idempotency_key)


def send_reaction(
    to: str, message_id: str, emoji: str = "", *, session: str | None = None, idempotency_key: str | None = None
) -> Call[SendReceipt]:
    """React to a message; an empty emoji takes the reaction back."""
    data = body_of(c.SendReaction, to=to, message_id=message_id, emoji=emoji, session=session)
    return _send("send-reaction", data, idempotency_key)


def messages(
    *,
    session: str | None = None,
    chat_id: str | None = None,
    direction: Literal["in", "out"] | None = None,
    status: str | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Listing[MessageView]]:
    """Messages, newest first; ``cursor`` is the previous page's ``next_cursor``."""
    params = {
        "session": session,
        "chat_id": chat_id,
        "direction": direction,
        "status": status,
        "search": search,
        "cursor": cursor,
        "limit": limit,
    }
    return Call("GET", "/messages", many(MessageView), params=params)


def message(message_id: str) -> Call[MessageView]:
    """One message, by our id or the provider's."""
    return Call("GET", f"/messages/{segment(message_id)}", one(MessageView))


def resolve(message_id: str, outcome: Literal["sent", "not_sent"], *, resend: bool = False) -> Call[dict[str, Any]]:
    """Say what became of a message in doubt; ``resend`` queues it again when it was not sent."""
    body = body_of(c.ResolveMessage, message_id=message_id, outcome=outcome, resend=resend)
    del body["message_id"]
    return Call("POST", f"/messages/{segment(message_id)}/resolve", _whole, json=body)


def chats(
    *, session: str | None = None, search: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Listing[ChatView]]:
    """Chats, the last active first."""
    params = {"session": session, "search": search, "cursor": cursor, "limit": limit}
    return Call("GET", "/chats", many(ChatView), params=params)


def chat_messages(
    chat_id: str, *, session: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Listing[MessageView]]:
    """The messages of one chat, newest first."""
    params = {"session": session, "cursor": cursor, "limit": limit}
    return Call("GET", f"/chats/{segment(chat_id)}/messages", many(MessageView), params=params)


def pause_chat(
    chat_id: str, *, minutes: float | None = None, reason: str | None = None, session: str | None = None
) -> Call[dict[str, Any]]:
    """Keep the bot quiet in a chat; without ``minutes`` until it is resumed."""
    body = body_of(c.PauseChat, to=chat_id, minutes=minutes, reason=reason, session=session)
    del body["to"]
    return Call("POST", f"/chats/{segment(chat_id)}/pause", _whole, json=body)


def resume_chat(chat_id: str, *, session: str | None = None) -> Call[dict[str, Any]]:
    """Let the bot answer in a chat again."""
    body = body_of(c.ResumeChat, to=chat_id, session=session)
    del body["to"]
    return Call("POST", f"/chats/{segment(chat_id)}/resume", _whole, json=body)


class Messages(BlockingResource):
    """Messages and chats."""

    send = blocking(send)
    send_media = blocking(send_media)
    send_buttons = blocking(send_buttons)
    send_list = blocking(send_list)
    send_template = blocking(send_template)
    send_location = blocking(send_location)
    send_reaction = blocking(send_reaction)
    list = blocking(messages)
    get = blocking(message)
    upload = blocking(upload)
    media = blocking(media)
    download = blocking(download)
    delete_media = blocking(delete_media)
    resolve = blocking(resolve)
    chats = blocking(chats)
    chat_messages = blocking(chat_messages)
    pause_chat = blocking(pause_chat)
    resume_chat = blocking(resume_chat)


class AsyncMessages(AsyncResource):
    """Messages and chats."""

    send = awaiting(send)
    send_media = awaiting(send_media)
    send_buttons = awaiting(send_buttons)
    send_list = awaiting(send_list)
    send_template = awaiting(send_template)
    send_location = awaiting(send_location)
    send_reaction = awaiting(send_reaction)
    list = awaiting(messages)
    get = awaiting(message)
    upload = awaiting(upload)
    media = awaiting(media)
    download = awaiting(download)
    delete_media = awaiting(delete_media)
    resolve = awaiting(resolve)
    chats = awaiting(chats)
    chat_messages = awaiting(chat_messages)
    pause_chat = awaiting(pause_chat)
    resume_chat = awaiting(resume_chat)
