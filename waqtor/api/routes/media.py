"""Files of messages: upload, look at, fetch, forget."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import Deleted
from waqtor.api.shapes import Query as QueryString
from waqtor.contracts.commands import COMMANDS
from waqtor.contracts.media import DeleteMedia, FileName, MediaType, MediaView

routes = Routes("media")
_DELETE = COMMANDS["delete_media"]
_BYTES = {
    "requestBody": {
        "required": True,
        "description": "The file itself. Its Content-Type is checked against the content; "
        "application/octet-stream leaves it to the content alone.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FILE = {"responses": {"200": {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}}}


class UploadQuery(QueryString):
    """What the file is called, and which kind of message it is for."""

    filename: FileName | None = None
    media_type: Annotated[MediaType | None, Field(description="Refuse what this kind of message cannot carry.")] = None


@routes.add("POST", "/media", "messages:send", MediaView, status=201, extra=_BYTES)
async def upload_media(request: Request, query: Annotated[UploadQuery, Query()]) -> Response:
    """Keep a file for send-media, given as the raw body; the same file again is the same `media_id`."""
    view = await engine_of(request).media.keep(
        request.stream(), mime_type=request.headers.get("content-type"), filename=query.filename, kind=query.media_type
    )
    return answer(request, view, status=201)


@routes.add("GET", "/media/{media_id}", "messages:read", MediaView, errors=(404,))
async def get_media(request: Request, media_id: str) -> Response:
    """What is known of a file."""
    return answer(request, await engine_of(request).media.get(media_id))


@routes.add("GET", "/media/{media_id}/content", "messages:read", None, errors=(404,), extra=_FILE)
async def media_content(request: Request, media_id: str) -> Response:
    """The file itself, always as a download."""
    view, path = await engine_of(request).media.file(media_id)
    name = quote(view.filename or view.media_id, safe="")
    headers = {
        # Never shown by the browser as a page of ours, whatever it holds.
        "content-disposition": f"attachment; filename*=UTF-8''{name}",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return FileResponse(path, media_type=view.mime_type, headers=headers)


@routes.add("DELETE", _DELETE.route.split()[1], _DELETE.scope, Deleted, errors=(404,))
async def delete_media(request: Request, media_id: str) -> Response:
    """Forget a file; messages that went out with it stay sent."""
    command = DeleteMedia(media_id=media_id)
    return answer(request, await engine_of(request).dispatch(command, principal=caller_of(request)))
