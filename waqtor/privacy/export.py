"""An export: everything that is known of a person as one ZIP, made while it is being sent."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Final, cast

import orjson

from waqtor.privacy.ports import Section

_BATCH: Final = 200
_BLOCK: Final = 262_144
_READ_ME: Final = """\
What WaQtor knows of {contact}, on {at} (UTC).

Each .jsonl file holds one JSON object a line; times are UTC.
  chats, messages          conversations and what was written, with the whole content as it came
  events, decisions        what happened, and what the bot decided, with the reasons
  labels, suggestions      judgements by people, and messages that rules were proposed from
  audiences, campaigns     lists of recipients and campaigns the person was in
  consents, opt-outs, tags what was agreed to, how it came about, and marks
  notifications            those that name the person
  webhook-deliveries       which systems were told, and what they answered
  log-*                    the traffic log
  audit                    sensitive actions that were about the person
  media/                   files of the messages
manifest.json counts the rows of each file.

ما يعرفه النظام عن {contact} بتاريخ {at} (بالتوقيت العالمي). في كل ملف jsonl كائن JSON واحد في كل سطر: المحادثات
والرسائل والأحداث والقرارات والموافقات وقوائم الحملات وسجل الحركة، وفي المجلد media ملفات الرسائل.
"""


class _Pipe:
    """A file that cannot be read back: what the ZIP writer puts in is taken out and sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take bytes of the writer."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        """Give what came since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def archive(
    contact: str, at: str, sections: Sequence[Section], files: Sequence[tuple[str, Path]]
) -> AsyncIterator[bytes]:
    """Yield the ZIP in pieces; no more than a batch of rows, or a block of a file, is in memory.

    Args:
        contact: Who it is about.
        at: When, ISO-8601.
        sections: The rows.
        files: Names in the ZIP and where the bytes are.
    """
    pipe = _Pipe()
    # Deflate runs in threads, so that sockets and sends are not held up by a large export.
    packed = zipfile.ZipFile(cast(IO[bytes], pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=6)
    counts: dict[str, int] = {}
    packed.writestr("README.txt", _READ_ME.format(contact=contact, at=at))
    for section in sections:
        with packed.open(f"{section.name}.jsonl", "w") as entry:
            counts[section.name] = 0
            lines: list[bytes] = []
            async for row in section.rows:
                lines.append(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
                if len(lines) >= _BATCH:
                    await asyncio.to_thread(entry.write, b"".join(lines))
                    counts[section.name] += len(lines)
                    lines = []
                    if piece := pipe.take():
                        yield piece
            await asyncio.to_thread(entry.write, b"".join(lines))
            counts[section.name] += len(lines)
    counts["media"] = 0
    for name, path in files:
        if not await asyncio.to_thread(path.is_file):
            continue
        counts["media"] += 1
        with packed.open(f"media/{name}", "w", force_zip64=True) as entry, path.open("rb") as source:
            while block := await asyncio.to_thread(source.read, _BLOCK):
                await asyncio.to_thread(entry.write, block)
                yield pipe.take()
    manifest = {"contact": contact, "created": at, "rows": counts}
    packed.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    packed.close()
    yield pipe.take()
