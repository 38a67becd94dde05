"""What a file really is: its type by its first bytes, never by what the sender calls it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from waqtor.contracts.media import EXTENSIONS, KINDS, bare, kind_of
from waqtor.errors import InvalidInput, TooLarge

HEAD: Final = 4096
"""Bytes at the beginning that are looked at."""

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_OFFICE: Final = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
_MPEG4: Final = ("video/mp4", "audio/mp4")
_PARTS: Final = {
    "word/": EXTENSIONS["docx"],
    "xl/": EXTENSIONS["xlsx"],
    "ppt/": EXTENSIONS["pptx"],
}


def sniff(head: bytes, file: Path | None = None) -> tuple[str, ...]:
    """The types that a file can be, the likeliest first; none when it is nothing that WhatsApp takes.

    Args:
        head: Its first :data:`HEAD` bytes (or all).
        file: The whole file, to look into an Office document's archive.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return ("image/jpeg",)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ("image/png",)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ("image/webp",)
    if head[4:8] == b"ftyp":
        return _mpeg4(head[8:12])
    if head.startswith(b"OggS"):
        return ("audio/ogg",) if b"OpusHead" in head[:128] else ()
    if head.startswith(b"#!AMR\n"):
        return ("audio/amr",)
    if head.startswith(b"ID3"):
        return ("audio/mpeg", "audio/aac")
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        layer = head[1] & 0x06
        if layer == 0x02 or head[1] & 0xF6 == 0xF0:  # MPEG layer III, or AAC in ADTS
            return ("audio/mpeg",) if layer == 0x02 else ("audio/aac",)
    if head.startswith(b"%PDF-"):
        return ("application/pdf",)
    if head.startswith(_OLE):
        return _OLD_OFFICE
    if head.startswith(b"PK\x03\x04"):
        return _office(file)
    return ("text/plain",) if _is_text(head) else ()


def settle_type(head: bytes, declared: str | None, filename: str | None, file: Path | None = None) -> str:
    """The type of a file, when what is said about it is true.

    Args:
        head: Its first bytes.
        declared: The type that the sender gives; ``None`` or ``application/octet-stream`` when there is none.
        filename: Its ending decides where the content allows several types.
        file: The whole file.

    Raises:
        InvalidInput: It is of no type that WhatsApp takes, or of another one than declared.
    """
    possible = sniff(head, file)
    if not possible:
        raise _refused("file", f"is of no type that WhatsApp takes: {', '.join(sorted(set(EXTENSIONS.values())))}")
    said = bare(declared or "")
    if said and said != "application/octet-stream":
        if said not in possible:
            raise _refused("mime_type", f"says {said[:80]}, but the file is {possible[0]}")
        return said
    ending = EXTENSIONS.get((filename or "").rpartition(".")[2].lower())
    return ending if ending in possible else possible[0]


def check_size(mime_type: str, size: int, kind: str | None = None) -> None:
    """Refuse a file that is larger than WhatsApp takes.

    Raises:
        InvalidInput: Its type does not belong to ``kind``.
        TooLarge: Naming the limit.
    """
    kind = kind or kind_of(mime_type) or "document"
    if mime_type not in KINDS[kind].types:
        raise _refused("media_type", f"{kind} takes {', '.join(KINDS[kind].types)}; the file is {mime_type}")
    if size > KINDS[kind].size:
        raise TooLarge(
            f"{kind} files have at most {KINDS[kind].size:,} bytes; this one has {size:,}.",
            field="file", limit=KINDS[kind].size, size=size,
        )  # fmt: skip


def _mpeg4(brand: bytes) -> tuple[str, ...]:
    if brand[:2] == b"3g":
        return ("video/3gpp",)
    return _MPEG4[::-1] if brand[:3] == b"M4A" else _MPEG4


def _office(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return tuple(_PARTS.values())
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ()
    return tuple(
        mime for part, mime in _PARTS.items()
        if "[Content_Types].xml" in names and any(name.startswith(part) for name in names)
    )  # fmt: skip


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if not head or b"\x00" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) >= HEAD and error.start > len(head) - 4  # a character that the cut went through
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)


def _refused(field: str, words: str) -> InvalidInput:
    issue = {"in": "body", "field": field, "message": words, "type": "media"}
    return InvalidInput(f"{field}: {words}", issues=[issue])
