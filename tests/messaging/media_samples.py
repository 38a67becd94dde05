"""Small files of every type that WhatsApp takes, and of some that it does not."""

from __future__ import annotations

import io
import zipfile

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def office(part: str) -> bytes:
    """An Office document's archive with one part in a folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<x/>")
    return out.getvalue()


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 24
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 24
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 24
TAKEN = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "video/mp4": b"\0\0\0\x18ftypisom\0\0\0\0",
    "video/3gpp": b"\0\0\0\x18ftyp3gp4\0\0\0\0",
    "audio/mp4": b"\0\0\0\x18ftypM4A \0\0\0\0",
    "audio/mpeg": b"\xff\xfb\x90\x64" + b"\0" * 24,
    "audio/aac": b"\xff\xf1\x50\x80" + b"\0" * 24,
    "audio/amr": b"#!AMR\n\x3c",
    "audio/ogg": b"OggS\0\x02" + b"\0" * 22 + b"OpusHead\x01",
    "application/pdf": PDF,
    "text/plain": "قائمة الأسعار\n".encode(),
    "application/msword": OLE,
    _DOCX: office("word/document.xml"),
}
REFUSED = {
    "gif": b"GIF89a" + b"\0" * 24,
    "exe": b"MZ\x90\0" + b"\0" * 60,
    "elf": b"\x7fELF" + b"\0" * 60,
    "vorbis": b"OggS\0\x02" + b"\0" * 22 + b"\x01vorbis",
    "zip": office("payload/run.exe"),
    "not a zip": b"PK\x03\x04" + b"\xff" * 100,
    "noise": bytes(range(256)),
    "escape codes": b"\x01\x02\x03",
}
