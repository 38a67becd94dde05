"""Files of messages: content-addressed in a folder, with a row each in the store."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from waqtor.contracts.media import MediaView, kind_of
from waqtor.contracts.wire import iso
from waqtor.errors import InvalidInput, NotFound
from waqtor.messaging.filetypes import HEAD, check_size, settle_type
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx

_SELECT = "SELECT id, mime_type, size, filename, sha256, created FROM media "


class MediaStore:
    """Keeps files once per content, and forgets a file with the last row that names it.

    Args:
        store: Holds the rows.
        folder: Holds the files; engines that share a store must share it too.
    """

    def __init__(self, store: SqlStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        # A file is put in place and named by its row in one step, or another's delete could come in between.
        self._lock = asyncio.Lock()

    async def keep(
        self, parts: AsyncIterator[bytes], *, mime_type: str | None = None, filename: str | None = None,
        kind: str | None = None,
    ) -> MediaView:  # fmt: skip
        """Keep a file; the same content under the same name and type is the same medium.

        Args:
            parts: The bytes.
            mime_type: What the sender says that it is; checked against the content.
            filename: Its plain name, for documents.
            kind: The kind of message it is for; default: whichever its type belongs to.

        Raises:
            InvalidInput: It is no type that WhatsApp takes, another one than said, or empty.
            TooLarge: It is larger than WhatsApp takes.
        """
        draft = self._folder / f"{secrets.token_hex(16)}.part"
        digest, size, head = hashlib.sha256(), 0, b""
        file = await asyncio.to_thread(self._create, draft)
        try:
            try:
                async for part in parts:
                    if part:
                        size += len(part)
                        head += part[: HEAD - len(head)]
                        await asyncio.to_thread(_append, file, digest, part)
                await asyncio.to_thread(os.fsync, file)
            finally:
                os.close(file)
            if not size:
                raise InvalidInput("The file is empty.")
            found = await asyncio.to_thread(settle_type, head, mime_type, filename, draft)
            check_size(found, size, kind)
            sha = digest.hexdigest()
            # Made of what it is, so that repeating an upload, or a send with base64 under its key, changes nothing.
            name = "\0".join((sha, found, filename or ""))
            media_id = "med_" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
            async with self._lock:
                await asyncio.to_thread(self._place, draft, sha)
                return await self._insert(media_id, sha, found, size, filename)
        finally:
            draft.unlink(missing_ok=True)

    async def get(self, media_id: str) -> MediaView:
        """One file's facts.

        Raises:
            NotFound: There is none.
        """
        rows = await self._store.rows(_SELECT + "WHERE id = ?", (media_id,))
        if not rows:
            raise NotFound("There is no such file; upload it first.", media_id=media_id[:128])
        return _view(rows[0])

    async def file(self, media_id: str) -> tuple[MediaView, Path]:
        """One file's facts and where it lies.

        Raises:
            NotFound: There is none, or its bytes are gone.
        """
        view = await self.get(media_id)
        path = self._path(view.sha256)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("The bytes of this file are gone from the media folder.", media_id=media_id)
        return view, path

    async def read(self, media_id: str) -> tuple[str, bytes]:
        """One file's type and bytes.

        Raises:
            NotFound: There is none, or its bytes are gone.
        """
        view, path = await self.file(media_id)
        return view.mime_type, await asyncio.to_thread(path.read_bytes)

    async def delete(self, media_id: str) -> None:
        """Forget a file.

        Raises:
            NotFound: There is none.
        """

        def write(tx: Tx) -> tuple[str, int] | None:
            row = tx.one("DELETE FROM media WHERE id = ? RETURNING sha256", (media_id,))
            if row is None:
                return None
            left = tx.one("SELECT count(*) FROM media WHERE sha256 = ?", (row[0],))
            return str(row[0]), int(left[0]) if left else 0

        async with self._lock:
            gone = await self._store.write(write)
            if gone is None:
                raise NotFound("There is no such file.", media_id=media_id[:128])
            sha, left = gone
            if not left:
                await asyncio.to_thread(self._path(sha).unlink, missing_ok=True)

    def sweep(self) -> None:
        """Remove what uploads left behind that a crash cut off."""
        for part in self._folder.glob("*.part"):
            part.unlink(missing_ok=True)

    async def _insert(self, media_id: str, sha: str, mime: str, size: int, filename: str | None) -> MediaView:
        def write(tx: Tx) -> Row:
            tx.many(
                "INSERT INTO media (id, sha256, mime_type, size, filename, created, used) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
                [(media_id, sha, mime, size, filename, tx.now, tx.now)],
            )
            row = tx.one(_SELECT + "WHERE id = ?", (media_id,))
            assert row is not None
            return row

        return _view(await self._store.write(write))

    def _create(self, path: Path) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def _place(self, draft: Path, sha: str) -> None:
        target = self._path(sha)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if not target.exists():
            draft.replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _path(self, sha: str) -> Path:
        return self._folder / sha[:2] / sha


def _append(file: int, digest: Any, part: bytes) -> None:
    digest.update(part)
    view = memoryview(part)
    while view:
        view = view[os.write(file, view) :]


def _view(row: Row) -> MediaView:
    kind: Any = kind_of(row[1])
    return MediaView(
        media_id=row[0], mime_type=row[1], kind=kind, size=row[2], filename=row[3], sha256=row[4], created=iso(row[5])
    )
