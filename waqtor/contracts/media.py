"""Files in messages: which types and sizes WhatsApp takes for each kind, and what a file may be called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from waqtor.contracts import limits
from waqtor.contracts.base import Model
from waqtor.contracts.views import View

MediaType = Literal["image", "video", "audio", "document", "sticker"]
_MB = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True, slots=True)
class MediaKind:
    """What WhatsApp takes as one kind of media: its types, and the largest file in bytes."""

    types: tuple[str, ...]
    size: int


KINDS: Mapping[str, MediaKind] = MappingProxyType(
    {
        "image": MediaKind(("image/jpeg", "image/png"), 5 * _MB),
        "video": MediaKind(("video/mp4", "video/3gpp"), 16 * _MB),
        "audio": MediaKind(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * _MB),
        "document": MediaKind(
            (
                "application/pdf", "text/plain", "application/msword", "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint", f"{_OFFICE}.wordprocessingml.document",
                f"{_OFFICE}.spreadsheetml.sheet", f"{_OFFICE}.presentationml.presentation",
            ),
            100 * _MB,
        ),
        "sticker": MediaKind(("image/webp",), 512_000),
    }
)  # fmt: skip
"""Supported media of the Cloud API (v23.0), by kind of message."""

EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mp4": "video/mp4",
        "3gp": "video/3gpp", "aac": "audio/aac", "amr": "audio/amr", "mp3": "audio/mpeg", "m4a": "audio/mp4",
        "ogg": "audio/ogg", "opus": "audio/ogg", "pdf": "application/pdf", "txt": "text/plain",
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
        "docx": f"{_OFFICE}.wordprocessingml.document", "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        "pptx": f"{_OFFICE}.presentationml.presentation",
    }
)  # fmt: skip
"""Type by the ending of a file's name, where the content alone does not tell (old Office files, MP4)."""

_STEERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make ``exe.gpj`` look like ``jpg.exe``; marks such as U+200F are usual in Arabic and stay."""


def kind_of(mime_type: str) -> str | None:
    """The kind of media that a type belongs to; ``None`` when WhatsApp does not take it."""
    return next((name for name, kind in KINDS.items() if mime_type in kind.types), None)


def bare(mime_type: str) -> str:
    """A type without its parameters: ``audio/ogg; codecs=opus`` is ``audio/ogg``."""
    return mime_type.partition(";")[0].strip().lower()


def _plain_name(value: str) -> str:
    if any(char in "/\\" for char in value) or value.strip() in {"", ".", ".."}:
        raise ValueError("must be a plain file name without a folder")
    if any(char in _STEERING or char < " " or "\x7f" <= char <= "\x9f" for char in value):
        raise ValueError("must not hold control or direction characters")
    return value


def _web_address(value: str) -> str:
    if "{{" in value:  # a campaign's variable: checked once it is filled in
        return value
    try:
        parts = urlsplit(value)
        named = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
        parts.port  # noqa: B018 — raises when it is none
    except ValueError:
        named = False
    if not named or any(char <= " " or char in _STEERING for char in value):
        raise ValueError("must be a complete address that starts with https:// or http://")
    return value


FileName = Annotated[str, Field(min_length=1, max_length=limits.FILENAME), AfterValidator(_plain_name)]
WebAddress = Annotated[str, Field(max_length=limits.URL), AfterValidator(_web_address)]


class MediaView(View):
    """A kept file. ``media_id`` is made of the content: the same file has the same one."""

    media_id: str
    mime_type: str
    kind: MediaType
    size: int
    filename: str | None = None
    sha256: str
    created: str


class DeleteMedia(Model):
    """Forget an uploaded file; messages that went out with it stay sent."""

    media_id: Annotated[str, Field(min_length=1, max_length=128)]
