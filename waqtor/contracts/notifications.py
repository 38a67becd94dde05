"""Notifications as REST, the SDK and the command line speak of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from waqtor.contracts.base import Model
from waqtor.contracts.views import Page, View

Kind = Literal["session", "campaign", "webhook", "disk", "reader", "handoff", "suggestion", "custom"]
Level = Literal["info", "success", "warning", "error"]
Link = Annotated[str, Field(max_length=500, pattern=r"^(/|https://)[^\s\\]*$")]


class CreateNotification(Model):
    """Tell people something; a repeat of an unread ``key`` within an hour is added to the first."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    message: Annotated[str, Field(max_length=2000)] = ""
    type: Level = "info"
    icon: Annotated[str, Field(max_length=50, pattern=r"^[a-z0-9_]*$")] | None = None
    link: Link | None = None
    key: Annotated[str, Field(max_length=200)] | None = None


class UpdateNotification(Model):
    """Mark one as read or seen, or as unread again."""

    read: StrictBool | None = None
    seen: StrictBool | None = None


class DeleteNotification(Model):
    """Remove one."""

    notification_id: str


class ReadAllNotifications(Model):
    """Mark everything up to now as read."""


class Preferences(Model):
    """Kinds that are not wanted."""

    muted: Annotated[tuple[Kind, ...], Field(max_length=20)] = ()


class NotificationView(View):
    """A notification; ``count`` says how many events it stands for."""

    id: str
    user: str
    type: Level
    kind: str
    title: str
    message: str
    icon: str | None = None
    link: str | None = None
    read: bool = False
    seen: bool = False
    count: int = 1
    created: str
    updated: str
    wording: str | None = Field(default=None, description="Key of the text, for pages in other languages.")
    params: dict[str, str | int] = Field(default_factory=dict, description="What the text names.")
    cursor: str | None = Field(default=None, exclude=True)


class NotificationPage(Page):
    """Notifications, newest first, and how many are unread."""

    notifications: tuple[NotificationView, ...]
    unread: int


class NotificationMade(View):
    """A notification; null when its kind is muted."""

    notification: NotificationView | None


class NotificationCount(View):
    """How many there are, and how many are unread."""

    total: int
    unread: int


class AllRead(View):
    """How many were marked."""

    marked: int
    unread: int = 0
