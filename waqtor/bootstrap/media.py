"""Media in messages to be sent: base64 becomes a kept file, and an upload is checked to be there and to fit."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from typing import Any

from waqtor.contracts.campaigns import CreateCampaign
from waqtor.contracts.media import KINDS
from waqtor.contracts.messages import OutgoingMedia
from waqtor.errors import InvalidInput
from waqtor.messaging.filetypes import check_size
from waqtor.storage.media import MediaStore


async def settle_media(media: MediaStore, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as it goes into the queue: with a web address, or with a kept file's id, type and name.

    Raises:
        InvalidInput: Not base64, or not what WhatsApp takes as this kind of media.
        NotFound: There is no such upload.
        TooLarge: The file is larger than WhatsApp takes.
    """
    settled = dict(content)
    if content["type"] not in KINDS:
        return settled
    if (encoded := settled.pop("base64", None)) is not None:
        declared, data = await asyncio.to_thread(_decode, encoded, content.get("mime_type"))
        view = await media.keep(
            _whole(data), mime_type=declared, filename=content.get("filename"), kind=content["type"]
        )
    elif settled.get("media_id") is not None:
        view = await media.get(settled["media_id"])
        check_size(view.mime_type, view.size, content["type"])
    else:
        return settled
    settled.update(media_id=view.media_id, mime_type=view.mime_type)
    if view.filename and not settled.get("filename"):
        settled["filename"] = view.filename
    return settled


async def settle_campaign(media: MediaStore, command: CreateCampaign) -> CreateCampaign:
    """The campaign with its media kept: thousands of messages then carry an id, and a missing upload is found now.

    Raises:
        InvalidInput: See :func:`settle_media`.
        NotFound: See :func:`settle_media`.
        TooLarge: See :func:`settle_media`.
    """

    async def settled(content: Any) -> Any:
        if not isinstance(content, OutgoingMedia) or content.url is not None:
            return content
        return OutgoingMedia.model_validate(await settle_media(media, content.model_dump(exclude_none=True)))

    variants = tuple([v.model_copy(update={"content": await settled(v.content)}) for v in command.variants])
    return command.model_copy(update={"content": await settled(command.content), "variants": variants})


def _decode(encoded: str, declared: str | None) -> tuple[str | None, bytes]:
    if encoded.startswith("data:"):
        head, comma, encoded = encoded.partition(",")
        if not comma or not head.endswith(";base64"):
            raise _refused("is a data: address, but not one with base64")
        declared = declared or head[5:-7] or None
    try:
        return declared, base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("is not valid base64") from None


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _refused(words: str) -> InvalidInput:
    issue = {"in": "body", "field": "base64", "message": words, "type": "base64"}
    return InvalidInput(f"base64: {words}", issues=[issue])
