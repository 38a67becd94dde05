"""Notifications: list, count, mark, remove, and what is not wanted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query as QueryParameters
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import Deleted, Limit, Query
from waqtor.contracts import notifications as n
from waqtor.errors import InvalidInput
from waqtor.notifications.ports import OWNER

routes = Routes("notifications")
_SCOPE = "notifications"


def _example(body: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


class NotificationQuery(Query):
    """Which notifications."""

    filter: Literal["all", "unread"] = "all"
    limit: Limit = 50
    cursor: str | None = None


@routes.add("GET", "/notifications", _SCOPE, n.NotificationPage)
async def list_notifications(request: Request, query: Annotated[NotificationQuery, QueryParameters()]) -> Response:
    """Notifications, newest first, and how many are unread."""
    service = engine_of(request).notifications
    found = await service.page(OWNER, query.filter == "unread", _place(query.cursor), query.limit + 1)
    page = found[: query.limit]
    cursor = page[-1].cursor if len(found) > query.limit else None
    unread = (await service.count(OWNER)).unread
    return answer(request, n.NotificationPage(notifications=tuple(page), next_cursor=cursor, unread=unread))


@routes.add("POST", "/notifications", _SCOPE, n.NotificationMade, status=201, extra=_example({"title": "Stock is low"}))
async def create_notification(request: Request, body: n.CreateNotification) -> Response:
    """Tell people something."""
    made = await engine_of(request).notifications.create(OWNER, body)
    return answer(request, n.NotificationMade(notification=made), status=201)


@routes.add("GET", "/notifications/count", _SCOPE, n.NotificationCount)
async def count_notifications(request: Request) -> Response:
    """How many there are, and how many are unread."""
    return answer(request, await engine_of(request).notifications.count(OWNER))


@routes.add("POST", "/notifications/read-all", _SCOPE, n.AllRead)
async def read_all_notifications(request: Request) -> Response:
    """Mark everything up to now as read."""
    return answer(request, n.AllRead(marked=await engine_of(request).notifications.read_all(OWNER)))


@routes.add("GET", "/notifications/preferences", _SCOPE, n.Preferences)
async def get_preferences(request: Request) -> Response:
    """Kinds that are not wanted."""
    return answer(request, await engine_of(request).notifications.preferences(OWNER))


@routes.add("PUT", "/notifications/preferences", _SCOPE, n.Preferences, extra=_example({"muted": ["handoff"]}))
async def set_preferences(request: Request, body: n.Preferences) -> Response:
    """Choose which kinds are not wanted."""
    return answer(request, await engine_of(request).notifications.prefer(OWNER, body))


@routes.add(
    "PATCH", "/notifications/{notification_id}", _SCOPE, n.NotificationMade, errors=(404,),
    extra=_example({"read": True}),
)  # fmt: skip
async def update_notification(request: Request, notification_id: str, body: n.UpdateNotification) -> Response:
    """Mark one as read or seen, or as unread again."""
    changed = await engine_of(request).notifications.update(OWNER, notification_id, body)
    return answer(request, n.NotificationMade(notification=changed))


@routes.add("DELETE", "/notifications/{notification_id}", _SCOPE, Deleted, errors=(404,))
async def delete_notification(request: Request, notification_id: str) -> Response:
    """Remove one."""
    await engine_of(request).notifications.delete(OWNER, notification_id)
    return answer(request, Deleted(id=notification_id))


def _place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        issue = {"in": "query", "field": "cursor", "message": "is not a cursor", "type": "cursor"}
        raise InvalidInput("cursor: pass next_cursor of the previous page as it is.", issues=[issue])
    return int(cursor)
