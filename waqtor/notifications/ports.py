"""What notifications need from storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from waqtor.contracts.notifications import Kind, Level, NotificationCount, NotificationView

OWNER = "owner"
"""Whose they are until there are users."""


@dataclass(frozen=True, slots=True)
class Note:
    """A notification to be made.

    Attributes:
        key: An unread one with this key that is younger than an hour takes it in (digest).
        source: Id of the event it comes from: the same event makes it once.
        wording: Key of its text in the catalogues of the pages; ``title`` and ``message`` say it in English.
        params: What the text names: counts, hosts, reasons.
    """

    kind: Kind
    type: Level
    title: str
    message: str = ""
    icon: str | None = None
    link: str | None = None
    key: str | None = None
    source: str | None = None
    wording: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)


class Notifications(Protocol):
    """The notifications of everybody."""

    async def add(self, owner: str, note: Note) -> NotificationView | None:
        """Store and journal one, or add it to an unread one; ``None`` when its kind is muted."""
        ...

    async def page(
        self, owner: str, which: Literal["all", "unread"], before: int | None, limit: int
    ) -> list[NotificationView]:
        """A page, newest first."""
        ...

    async def count(self, owner: str) -> NotificationCount:
        """How many, and how many unread."""
        ...

    async def mark(self, owner: str, notification_id: str, read: bool | None, seen: bool | None) -> NotificationView:
        """Mark one.

        Raises:
            NotFound: This owner has no such notification.
        """
        ...

    async def read_all(self, owner: str) -> int:
        """Move the read-up-to mark; returns how many were unread."""
        ...

    async def remove(self, owner: str, notification_id: str) -> None:
        """Remove one.

        Raises:
            NotFound: This owner has no such notification.
        """
        ...

    async def muted(self, owner: str) -> tuple[str, ...]:
        """Kinds that the owner does not want."""
        ...

    async def mute(self, owner: str, kinds: Sequence[str]) -> None:
        """Set them."""
        ...

    async def trim(self, before: int) -> int:
        """Drop a chunk of those older than ``before`` (UTC microseconds); returns how many."""
        ...
