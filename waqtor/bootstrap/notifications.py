"""The notification service of an engine: settings and adapters put together."""

from __future__ import annotations

import shutil

from waqtor.kernel.clock import Clock
from waqtor.notifications.service import NotificationService
from waqtor.settings import Settings
from waqtor.storage.notifications import SqlNotifications
from waqtor.storage.store import SqlStore


def make_notifications(settings: Settings, store: SqlStore, clock: Clock) -> NotificationService:
    """The service."""

    def free_space() -> tuple[int, int]:
        folder = settings.data_dir if settings.data_dir.exists() else settings.data_dir.absolute().parent
        while not folder.exists():
            folder = folder.parent
        usage = shutil.disk_usage(folder)
        return usage.free, usage.total

    return NotificationService(SqlNotifications(store), clock, free_space=free_space, days=settings.notification_days)
