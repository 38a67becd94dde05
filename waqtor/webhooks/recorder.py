"""Gathers what came of attempts, so that many share a commit; nobody's slot is free before its outcome is on disk."""

from __future__ import annotations

import asyncio

from waqtor.webhooks.ports import Attempt, Outbox

GATHER_S = 0.004
"""The longest time an outcome waits for company."""


class Recorder:
    """Stores outcomes in groups.

    A commit costs as much for one attempt as for thirty. So an outcome waits until half of what its endpoint has
    under way came back too (the other half is on its way meanwhile), or :data:`GATHER_S` at most.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._attempts: list[Attempt] = []
        self._of: dict[str, int] = {}
        self._stored: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._commits: set[asyncio.Task[None]] = set()

    def record(self, attempt: Attempt, under_way: int) -> asyncio.Future[None]:
        """Store an attempt; the future, which others share, is done when it is on disk.

        Args:
            attempt: What came of it.
            under_way: How many deliveries of its endpoint are under way, this one included.
        """
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
        stored = self._stored
        self._attempts.append(attempt)
        waiting = self._of.get(attempt.webhook_id, 0) + 1
        self._of[attempt.webhook_id] = waiting
        if waiting * 2 >= under_way:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._flush)
        return stored

    async def close(self) -> None:
        """Store what still waits, and wait until all is stored."""
        self._flush()
        await asyncio.gather(*self._commits, return_exceptions=True)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stored is None:
            return
        commit = asyncio.get_running_loop().create_task(self._commit(self._attempts, self._stored))
        self._commits.add(commit)
        commit.add_done_callback(self._commits.discard)
        self._attempts, self._of, self._stored = [], {}, None

    async def _commit(self, attempts: list[Attempt], stored: asyncio.Future[None]) -> None:
        try:
            await self._outbox.record(attempts)
        except Exception as error:
            if not stored.done():
                stored.set_exception(error)
                stored.exception()  # it is the waiters' to raise; with none left it is no news
        else:
            if not stored.done():
                stored.set_result(None)
