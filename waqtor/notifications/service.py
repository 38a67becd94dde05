"""Notifications as the engine and the API use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from waqtor.contracts import notifications as n
from waqtor.contracts.events import Event
from waqtor.kernel.clock import Clock
from waqtor.notifications.ports import OWNER, Note, Notifications
from waqtor.notifications.rules import note_of

_log = structlog.get_logger(__name__)
_DAY_US = 86_400_000_000
_LOW_SHARE = 0.05
_LOW_BYTES = 1_000_000_000


class NotificationService:
    """All notifications of an engine.

    Args:
        free_space: Free bytes and all bytes of the disk that holds the data.
        days: How long they are kept.
    """

    def __init__(
        self, store: Notifications, clock: Clock, *, free_space: Callable[[], tuple[int, int]], days: int = 30
    ) -> None:
        self._store = store
        self._clock = clock
        self._free_space = free_space
        self._days = days

    async def on_event(self, event: Event) -> None:
        """Make the notification of a journaled event; the same event makes it once."""
        note = note_of(event)
        if note is not None:
            await self._store.add(OWNER, note)

    async def run(self) -> None:
        """Every minute look at the disk, every hour drop what is old."""
        turn = 0
        while True:
            if turn % 60 == 0:
                await self.trim()
            await self.check_disk()
            turn += 1
            await asyncio.sleep(60)

    async def trim(self) -> int:
        """Drop what is older than the kept days; returns how many."""
        dropped, before = 0, self._clock.now_us() - self._days * _DAY_US
        while count := await self._store.trim(before):
            dropped += count
            await asyncio.sleep(0.02)
        return dropped

    async def check_disk(self) -> None:
        """Warn when little space is left."""
        free, size = self._free_space()
        if (free < _LOW_BYTES and free < _LOW_SHARE * size) or free < _LOW_BYTES // 5:
            words = f"{free // 1_000_000} MB are free under the data folder; WaQtor stops when none are."
            await self._store.add(
                OWNER,
                Note("disk", "error", "The disk is almost full", words, "hard_drive", "/", "disk", None, "disk",
                     {"free": free // 1_000_000}),
            )  # fmt: skip

    async def create(self, owner: str, command: n.CreateNotification) -> n.NotificationView | None:
        """Make one by hand."""
        note = Note(
            "custom", command.type, command.title, command.message, command.icon, command.link,
            f"custom:{command.key}" if command.key else None,
        )  # fmt: skip
        return await self._store.add(owner, note)

    async def page(self, owner: str, unread: bool, before: int | None, limit: int) -> list[n.NotificationView]:
        """A page, newest first."""
        return await self._store.page(owner, "unread" if unread else "all", before, limit)

    async def count(self, owner: str) -> n.NotificationCount:
        """How many, and how many unread."""
        return await self._store.count(owner)

    async def update(self, owner: str, notification_id: str, command: n.UpdateNotification) -> n.NotificationView:
        """Mark one."""
        return await self._store.mark(owner, notification_id, command.read, command.seen)

    async def read_all(self, owner: str) -> int:
        """Mark all as read."""
        return await self._store.read_all(owner)

    async def delete(self, owner: str, notification_id: str) -> None:
        """Remove one."""
        await self._store.remove(owner, notification_id)

    async def preferences(self, owner: str) -> n.Preferences:
        """What the owner does not want."""
        return n.Preferences(muted=await self._store.muted(owner))

    async def prefer(self, owner: str, preferences: n.Preferences) -> n.Preferences:
        """Set what the owner does not want."""
        await self._store.mute(owner, preferences.muted)
        return preferences
