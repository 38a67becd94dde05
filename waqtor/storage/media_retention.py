"""Files that are not kept for ever: media of messages, and lists that were uploaded and never imported."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import structlog

from waqtor.contracts.media import KINDS
from waqtor.errors import NotFound
from waqtor.kernel.clock import Clock
from waqtor.storage.media import MediaStore
from waqtor.storage.store import SqlStore

_log = structlog.get_logger(__name__)
_DAY_US = 86_400_000_000
_HOUR_S = 3600.0
_BATCH = 200
_ID = re.compile(r"med_[0-9a-f]{32}")
_OVER = "('completed', 'failed', 'cancelled')"


class MediaRetention:
    """Drops what is old, once an hour.

    Args:
        store: Holds the rows, and what still needs a file.
        media: The files of messages.
        uploads: Folder of uploaded lists.
        clock: The time.
        days: How long a file of messages is kept after it was last uploaded; 0: for ever.
        upload_hours: How long an uploaded list waits to be imported.
    """

    def __init__(
        self, store: SqlStore, media: MediaStore, uploads: Path, clock: Clock, *, days: float, upload_hours: float
    ) -> None:
        self._store = store
        self._media = media
        self._uploads = uploads
        self._clock = clock
        self._days = days
        self._upload_s = upload_hours * 3600

    async def run(self) -> None:
        """Trim soon and then once an hour, for ever; to be supervised."""
        await self._clock.sleep(_HOUR_S / 60)
        while True:
            await self.trim()
            await self._clock.sleep(_HOUR_S)

    async def trim(self) -> int:
        """Drop what is old now; returns how many files of messages went."""
        lists = await asyncio.to_thread(self._sweep_lists)
        dropped = await self._trim_media() if self._days else 0
        if dropped or lists:
            _log.info("media.trimmed", files=dropped, lists=lists)
        return dropped

    async def _trim_media(self) -> int:
        before, after, dropped = self._clock.now_us() - round(self._days * _DAY_US), "", 0
        wanted: set[str] | None = None
        while True:
            rows = await self._store.rows(
                "SELECT id FROM media WHERE used < ? AND id > ? ORDER BY id LIMIT ?", (before, after, _BATCH)
            )
            if not rows:
                return dropped
            if wanted is None:
                wanted = await self._wanted()
            after = str(rows[-1][0])
            for media_id in [str(row[0]) for row in rows if row[0] not in wanted]:
                try:
                    await self._media.delete(media_id)
                except NotFound:  # another engine, or a person, was faster
                    continue
                dropped += 1

    async def _wanted(self) -> set[str]:
        """Ids that sends which are not over, or campaigns that are not, still name."""
        marks = ", ".join("?" * len(KINDS))
        texts = await self._store.rows(
            "SELECT p.data FROM messages m JOIN payloads p ON p.id = m.message_id "
            f"WHERE m.open = 1 AND m.kind IN ({marks})",
            tuple(KINDS),
        )
        texts += await self._store.rows(f"SELECT spec FROM campaigns WHERE status NOT IN {_OVER}")
        return {found for row in texts for found in _ID.findall(row[0])}

    def _sweep_lists(self) -> int:
        # By the file's own time, which the machine's clock gave it.
        before, count = time.time() - self._upload_s, 0
        for path in self._uploads.glob("*.upload"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                count += 1
        return count
