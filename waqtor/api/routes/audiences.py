"""Audiences: upload a table, say what its columns are, look at what came of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, engine_of, idempotency_key
from waqtor.api.routes.campaigns import SCOPE, after_place
from waqtor.api.routes.messages import IDEMPOTENCY
from waqtor.api.routing import Routes
from waqtor.api.shapes import Cursor, Deleted, Limit
from waqtor.api.shapes import Query as QueryString
from waqtor.contracts.campaigns import AudienceIssue, AudienceView, CreateAudience, DeleteAudience, UploadView
from waqtor.contracts.views import Page, View
from waqtor.errors import InvalidInput

routes = Routes("audiences")
_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_EXAMPLE = {
    **IDEMPOTENCY,
    "requestBody": {
        "content": {"application/json": {"example": {"name": "VIP", "numbers": "+966501234567, 0555010203"}}}
    },
}


class UploadQuery(QueryString):
    """What the file is called."""

    filename: Annotated[str, Field(max_length=200)] = "list.csv"


class IssueQuery(QueryString):
    """Which page of the rows that are not in an audience."""

    limit: Limit = 50
    cursor: Cursor | None = None


class AudienceList(View):
    """Audiences, newest first."""

    audiences: tuple[AudienceView, ...]


class IssuePage(Page):
    """Rows that are not in the audience, by line."""

    issues: tuple[AudienceIssue, ...]


@routes.add("POST", "/audiences/upload", SCOPE, UploadView, status=201, extra=_BYTES)
async def upload_audience(request: Request, query: Annotated[UploadQuery, Query()]) -> Response:
    """Take a CSV or XLSX file as the raw body; answers with its columns and first rows."""
    audiences = engine_of(request).campaigns.audiences
    upload_id, path = await asyncio.to_thread(audiences.new_upload)
    size = 0
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for part in request.stream():
            size += len(part)
            if part:
                await asyncio.to_thread(file.write, part)
    except BaseException:
        file.close()
        path.unlink(missing_ok=True)
        raise
    await asyncio.to_thread(file.close)
    if not size:
        path.unlink(missing_ok=True)
        raise InvalidInput("The file is empty.")
    return answer(request, await audiences.inspect(upload_id, query.filename), status=201)


@routes.add("POST", "/audiences", SCOPE, AudienceView, status=201, errors=(404, 409), extra=_EXAMPLE)
async def create_audience(request: Request, command: CreateAudience) -> Response:
    """Keep a list of recipients; a large file goes on being read after the answer (`state`)."""
    made = await engine_of(request).dispatch(command, key=idempotency_key(request), principal=caller_of(request))
    return answer(request, made, status=201)


@routes.add("GET", "/audiences", SCOPE, AudienceList)
async def list_audiences(request: Request) -> Response:
    """The latest 200 audiences."""
    found: Any = await engine_of(request).campaigns.audiences.store.list(200)
    return answer(request, AudienceList(audiences=tuple(found)))


@routes.add("GET", "/audiences/{audience_id}", SCOPE, AudienceView, errors=(404,))
async def get_audience(request: Request, audience_id: str) -> Response:
    """One audience and how far its import is."""
    return answer(request, await engine_of(request).campaigns.audiences.store.get(audience_id))


@routes.add("GET", "/audiences/{audience_id}/issues", SCOPE, IssuePage, errors=(404,))
async def audience_issues(request: Request, audience_id: str, query: Annotated[IssueQuery, Query()]) -> Response:
    """Bad and duplicate rows, by line."""
    first = after_place(query.cursor) if query.cursor is not None else 0
    found: Any = await engine_of(request).campaigns.audiences.store.issues(audience_id, first, query.limit + 1)
    page = found[: query.limit]
    cursor = str(first + query.limit) if len(found) > query.limit else None
    return answer(request, IssuePage(issues=tuple(page), next_cursor=cursor))


@routes.add("DELETE", "/audiences/{audience_id}", SCOPE, Deleted, errors=(404, 409))
async def delete_audience(request: Request, audience_id: str) -> Response:
    """Forget an audience."""
    command = DeleteAudience(audience_id=audience_id)
    return answer(request, await engine_of(request).dispatch(command, principal=caller_of(request)))
