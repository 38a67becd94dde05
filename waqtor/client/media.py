"""Builders of the calls about files of messages."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

from waqtor.client.calls import Answer, Call, body_of, one, segment, whole
from waqtor.contracts.media import DeleteMedia, MediaType, MediaView
from waqtor.errors import InvalidInput


def upload(
    source: str | Path | bytes,
    *,
    filename: str | None = None,
    mime_type: str | None = None,
    media_type: MediaType | None = None,
) -> Call[MediaView]:
    """Keep a file for ``send_media(media_id=…)``; the same file again is the same ``media_id``.

    Args:
        source: A path (read now), or the bytes.
        filename: What the recipient of a document sees; default: the path's own name.
        mime_type: Its type, which the server checks against the content; default: by the file's name.
        media_type: Refuse what this kind of message cannot carry.

    Raises:
        InvalidInput: It is of no type that WhatsApp takes, or not what it is said to be.
        TooLarge: It is larger than WhatsApp takes.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = filename or (None if isinstance(source, bytes) else Path(source).name)
    given = mime_type or (mimetypes.guess_type(name)[0] if name else None) or "application/octet-stream"
    if not given.isascii() or not given.isprintable():
        raise InvalidInput("mime_type: is no media type", issues=[{"field": "mime_type", "message": "is none"}])
    params = {"filename": name, "media_type": media_type}
    # Repeating it is safe: the id is made of the content.
    return Call(
        "POST", "/media", one(MediaView), content=data, params=params, headers={"content-type": given}, keyed=True
    )


def media(media_id: str) -> Call[MediaView]:
    """What is known of a kept file."""
    return Call("GET", f"/media/{segment(media_id)}", one(MediaView))


def download(media_id: str) -> Call[bytes]:
    """The bytes of a kept file."""
    return Call("GET", f"/media/{segment(media_id)}/content", _content)


def delete_media(media_id: str) -> Call[dict[str, Any]]:
    """Forget a file; messages that went out with it stay sent."""
    body_of(DeleteMedia, media_id=media_id)
    return Call("DELETE", f"/media/{segment(media_id)}", whole)


def _content(answer: Answer) -> bytes:
    return answer.content
