"""The messages of the past, as a replay of rules takes them, out of the traffic log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from waqtor.smartbot.rules_replay import Past
from waqtor.storage.duck_log import DuckLog

PAGE = 20_000
_WHERE = "created >= make_timestamptz(CAST(? AS BIGINT)) AND body IS NOT NULL AND (NOT is_group OR mentioned)"
FIRST = f"SELECT min(n) FROM (SELECT journal_offset AS n FROM messages WHERE {_WHERE} ORDER BY n DESC LIMIT ?)"
"""The offset of the oldest wanted message; of a time (UTC microseconds) and the most messages."""
NEXT = (
    "SELECT journal_offset, message_id, session, body, choice_id, is_group, epoch_us(created) AS at FROM messages "
    f"WHERE {_WHERE} AND journal_offset > ? ORDER BY journal_offset LIMIT ?"
)
"""A page of messages; of the time, the last offset and the most rows."""


def past_of(rows: Iterable[dict[str, Any]]) -> list[Past]:
    """Return rows of :data:`NEXT` as messages."""
    return [
        Past(r["message_id"], r["body"], r["session"] or "", r["choice_id"] or "", bool(r["is_group"]), r["at"])
        for r in rows
    ]


class DuckPast:
    """Reads them through the log's own queries, page by page.

    Args:
        log: The traffic log.
        page: Most rows a query.
    """

    def __init__(self, log: DuckLog, page: int = PAGE) -> None:
        self._log = log
        self._page = page

    async def past(self, since: int, limit: int) -> AsyncIterator[list[Past]]:
        """Yield messages since a time (UTC microseconds), the latest ``limit``, oldest first."""
        ((first,),) = (await self._log.query(FIRST, [since, limit], texts=True)).rows
        last = (first or 0) - 1
        while first is not None:
            table = await self._log.query_arrow(NEXT, [since, last, self._page], texts=True)
            rows = table.to_pylist()
            if rows:
                yield past_of(rows)
                last = rows[-1]["journal_offset"]
            if len(rows) < self._page:
                return
