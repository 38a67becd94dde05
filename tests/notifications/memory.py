"""Notifications on memory, for tests of the API and the SDK."""

from __future__ import annotations

from typing import Any

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.notifications import NotificationCount, NotificationView
from waqtor.contracts.wire import iso
from waqtor.errors import NotFound
from waqtor.notifications.service import NotificationService


class MemoryNotifications:
    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.held: dict[str, NotificationView] = {}
        self.kinds: tuple[str, ...] = ()

    async def add(self, owner: str, note: Any) -> NotificationView | None:
        if note.kind in self.kinds:
            return None
        stamp = iso(self.clock.now_us())
        view = NotificationView(
            id=new_ulid(), user=owner, type=note.type, kind=note.kind, title=note.title, message=note.message,
            icon=note.icon, link=note.link, created=stamp, updated=stamp, cursor=str(len(self.held) + 1),
        )  # fmt: skip
        self.held[view.id] = view
        return view

    async def page(self, owner: str, which: str, before: int | None, limit: int) -> list[NotificationView]:
        found = [v for v in self.held.values() if which == "all" or not v.read]
        kept = [v for v in found if before is None or int(v.cursor or 0) < before]
        return kept[::-1][:limit]

    async def count(self, owner: str) -> NotificationCount:
        return NotificationCount(total=len(self.held), unread=sum(not v.read for v in self.held.values()))

    async def mark(self, owner: str, notification_id: str, read: bool | None, seen: bool | None) -> NotificationView:
        if notification_id not in self.held:
            raise NotFound("There is no such notification.")
        changes = {name: value for name, value in (("read", read), ("seen", seen)) if value is not None}
        self.held[notification_id] = self.held[notification_id].model_copy(update=changes)
        return self.held[notification_id]

    async def read_all(self, owner: str) -> int:
        count = (await self.count(owner)).unread
        self.held = {key: view.model_copy(update={"read": True}) for key, view in self.held.items()}
        return count

    async def remove(self, owner: str, notification_id: str) -> None:
        if self.held.pop(notification_id, None) is None:
            raise NotFound("There is no such notification.")

    async def muted(self, owner: str) -> tuple[str, ...]:
        return self.kinds

    async def mute(self, owner: str, kinds: Any) -> None:
        self.kinds = tuple(kinds)


def memory_notifications(clock: Any) -> NotificationService:
    store: Any = MemoryNotifications(clock)
    return NotificationService(store, clock, free_space=lambda: (10**12, 10**12))
