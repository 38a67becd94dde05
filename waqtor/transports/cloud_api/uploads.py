"""Files that messages carry, as Meta wants them: uploaded first, then named by Meta's id."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any, Final

from waqtor.errors import NotFound, SendUncertain
from waqtor.messaging.ports import MediaFiles
from waqtor.transports.cloud_api.graph import GraphClient
from waqtor.transports.cloud_api.requests import MEDIA
from waqtor.transports.error_codes import refusal

REUSE_S: Final = 24 * 3600.0
"""Seconds that Meta's id of a file is used again; Meta itself keeps files for 30 days."""


class Uploads:
    """Uploads a kept file once, however many messages carry it.

    Args:
        graph: The API, open by the time of the first send.
        place: The path to upload to.
        files: The kept files.
    """

    def __init__(self, graph: GraphClient, place: str, files: MediaFiles | None) -> None:
        self._graph = graph
        self._place = place
        self._files = files
        self._known: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def id_of(self, content: Mapping[str, Any]) -> str | None:
        """Meta's id of the file of a message; ``None`` where it has none, or it is at an address.

        Raises:
            SendRefused: The file was refused, not taken or is gone; the message itself has not left.
            ValueError: It is no base64.
        """
        if content.get("type") not in MEDIA:
            return None
        if content.get("base64") is not None:
            try:
                file = base64.b64decode(content["base64"], validate=True)
            except binascii.Error as error:
                raise ValueError("the file is no base64") from error
            return await self._upload(file, str(content.get("mime_type") or "application/octet-stream"))
        media_id = content.get("media_id")
        if media_id is None or self._files is None:
            return media_id
        async with self._locks.setdefault(media_id, asyncio.Lock()):
            known, until = self._known.get(media_id, ("", 0.0))
            if time.monotonic() < until:
                return known
            try:
                mime_type, file = await self._files.read(media_id)
            except NotFound as error:
                raise refusal("131053", error.message) from error
            found = await self._upload(file, mime_type)
            self._known[media_id] = (found, time.monotonic() + REUSE_S)
            return found

    async def _upload(self, file: bytes, mime_type: str) -> str:
        try:
            answer = await self._graph.upload(self._place, file, mime_type)
        except SendUncertain as error:
            raise refusal("503", f"The file could not be uploaded: {error.message}") from error
        return str(answer["id"])
