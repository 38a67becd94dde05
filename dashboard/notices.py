"""What the bell and the notifications page read and do, through the SDK."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dashboard import data
from dashboard.fresh import kept
from waqtor.client import Listing
from waqtor.contracts.notifications import NotificationView
from waqtor.errors import WaqtorError

PAGE = 50


@kept(5.0, 60.0)
def unread() -> int | None:
    """How many are unread; ``None`` when the sidecar cannot say. Never raises."""
    try:
        return data.client().notifications.count().unread
    except WaqtorError:
        return None


@st.cache_data(ttl=2.0, max_entries=32, show_spinner=False)
def page(which: Literal["all", "unread"], cursor: str | None) -> Listing[NotificationView]:
    """A page of notifications, newest first."""
    return data.client().notifications.list(filter=which, cursor=cursor, limit=PAGE)


def mark(notification_id: str, *, read: bool) -> None:
    """Mark one as read, or as unread again."""
    data.client().notifications.update(notification_id, read=read)
    data.forget()


def read_all() -> int:
    """Mark everything up to now as read; returns how many that were."""
    marked = data.client().notifications.read_all().marked
    data.forget()
    return marked


def delete(notification_id: str) -> None:
    """Remove one."""
    data.client().notifications.delete(notification_id)
    data.forget()
