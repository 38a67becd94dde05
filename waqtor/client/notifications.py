"""Builders of the calls about notifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from waqtor.client.calls import (
    Answer,
    AsyncResource,
    BlockingResource,
    Call,
    awaiting,
    blocking,
    body_of,
    many,
    nothing,
    one,
    read,
    segment,
)
from waqtor.client.pages import Listing
from waqtor.contracts import notifications as n


def _made(answer: Answer) -> n.NotificationView | None:
    return read(n.NotificationMade, answer.body).notification


def notifications(
    *, filter: Literal["all", "unread"] = "all", cursor: str | None = None, limit: int | None = None
) -> Call[Listing[n.NotificationView]]:
    """Notifications, newest first."""
    params = {"filter": filter, "cursor": cursor, "limit": limit}
    return Call("GET", "/notifications", many(n.NotificationView), params=params)


def count() -> Call[n.NotificationCount]:
    """How many there are, and how many are unread."""
    return Call("GET", "/notifications/count", one(n.NotificationCount))


def create(
    title: str,
    message: str | None = None,
    *,
    type: str | None = None,
    icon: str | None = None,
    link: str | None = None,
    key: str | None = None,
) -> Call[n.NotificationView | None]:
    """Tell people something; a repeat of an unread ``key`` within an hour is added to the first."""
    body = body_of(n.CreateNotification, title=title, message=message, type=type, icon=icon, link=link, key=key)
    return Call("POST", "/notifications", _made, json=body)


def update(
    notification_id: str, *, read: bool | None = None, seen: bool | None = None
) -> Call[n.NotificationView | None]:
    """Mark one as read or seen, or as unread again."""
    body = body_of(n.UpdateNotification, read=read, seen=seen)
    return Call("PATCH", f"/notifications/{segment(notification_id)}", _made, json=body)


def delete(notification_id: str) -> Call[None]:
    """Remove one."""
    return Call("DELETE", f"/notifications/{segment(notification_id)}", nothing)


def read_all() -> Call[n.AllRead]:
    """Mark everything up to now as read."""
    return Call("POST", "/notifications/read-all", one(n.AllRead), safe=True)


def preferences() -> Call[n.Preferences]:
    """Kinds that are not wanted."""
    return Call("GET", "/notifications/preferences", one(n.Preferences))


def mute(kinds: Sequence[str]) -> Call[n.Preferences]:
    """Choose which kinds are not wanted."""
    body = body_of(n.Preferences, muted=tuple(kinds))
    return Call("PUT", "/notifications/preferences", one(n.Preferences), json=body, safe=True)


class Notifications(BlockingResource):
    """Notifications."""

    list = blocking(notifications)
    count = blocking(count)
    create = blocking(create)
    update = blocking(update)
    delete = blocking(delete)
    read_all = blocking(read_all)
    preferences = blocking(preferences)
    mute = blocking(mute)


class AsyncNotifications(AsyncResource):
    """Notifications."""

    list = awaiting(notifications)
    count = awaiting(count)
    create = awaiting(create)
    update = awaiting(update)
    delete = awaiting(delete)
    read_all = awaiting(read_all)
    preferences = awaiting(preferences)
    mute = awaiting(mute)
