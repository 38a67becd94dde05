"""Dropping what the traffic log has kept long enough, in slices small enough not to hold up the writing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from waqtor.storage.duck_schema import TABLES

SLICE = timedelta(hours=1)
"""Stretch of rows dropped in one transaction."""


class Retention:
    """How long the rows of each table are kept.

    Args:
        days: Days of every table.
        others: Days of tables that differ, by name.
    """

    def __init__(self, days: int, others: Mapping[str, int] | None = None) -> None:
        unlike = dict(others or {})
        self.days = {table.name: unlike.get(table.name, days) for table in TABLES}

    def trim(self, connection: Any, now: datetime) -> int | None:
        """Drop the oldest slice of one table that is past its time.

        Returns:
            The number of rows dropped; ``None`` when there is nothing more to drop.
        """
        for table, days in self.days.items():
            limit = now - timedelta(days=days)
            oldest = connection.execute(f"SELECT min(created) FROM log.{table}").fetchall()[0][0]
            if oldest is not None and oldest < limit:
                until = min(oldest + SLICE, limit)
                return int(connection.execute(f"DELETE FROM log.{table} WHERE created < ?", [until]).fetchall()[0][0])
        return None
