"""A durable reader of the journal: at least once, in order within a lane, in parallel over lanes.

The cursor is the lowest unfinished offset. The effect of a handler must be idempotent (or committed with the
cursor), because after a crash the events since the last saved cursor come again. An event that fails three times
is set aside, visibly, and the reader goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Literal

import structlog

from waqtor.contracts.events import Event
from waqtor.errors import StorageFailed
from waqtor.kernel.ports import Cursors, Journal, Position
from waqtor.kernel.telemetry import Telemetry

_log = structlog.get_logger(__name__)
_RETRY_S = (0.05, 0.5)
_PAGE = 512


class CursorBroken(Exception):
    """The stored cursor does not belong to this journal; the reader stops loudly instead of guessing."""


class JournalReader:
    """Feeds events to ``handle``.

    Args:
        name: Key of the cursor.
        types: Only these event types; ``None`` for all.
        start: Where a reader that never ran begins.
        concurrency: Most handlers at once.
        outstanding: Most events read and unfinished.
    """

    def __init__(
        self, name: str, journal: Journal, cursors: Cursors, handle: Callable[[Event], Awaitable[None]],
        *, types: Collection[str] | None = None, start: Literal["beginning", "head"] = "beginning",
        concurrency: int = 64, outstanding: int = 2048, save_every: float = 0.25, telemetry: Telemetry | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._journal = journal
        self._cursors = cursors
        self._handle = handle
        self._types = frozenset(types) if types is not None else None
        self._start = start
        self._slots = asyncio.Semaphore(concurrency)
        self._outstanding = outstanding
        self._save_every = save_every
        self._news = asyncio.Event()
        self._freed = asyncio.Event()
        self._order: deque[int] = deque()
        self._finished: set[int] = set()
        self._lanes: dict[int, deque[Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._saved = -1
        self.position = 0
        self._read_to = 0
        self.set_aside = 0
        self._lag = telemetry.reader_lag.labels(name) if telemetry else None
        self._aside = telemetry.set_aside.labels(name) if telemetry else None

    @property
    def lag(self) -> int:
        """Events between the cursor and the head."""
        return max(0, self._journal.head - self.position)

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            CursorBroken: The cursor is of another epoch or ahead of the head.
            Exception: What a handler or the store raised that no further attempt cures (:class:`StorageFailed`).
        """
        await self._begin()
        stop_watching = self._journal.watch(self._news.set)
        saver = asyncio.create_task(self._save_regularly())
        try:
            while True:
                self._news.clear()
                events = await self._journal.read(self._read_to, _PAGE)
                for event in events:
                    self._take(event)
                if not events:
                    await self._news.wait()
                while len(self._order) >= self._outstanding and self._failure is None:
                    self._freed.clear()
                    await self._freed.wait()
                if self._failure is not None:
                    raise self._failure
        finally:
            stop_watching()
            saver.cancel()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(saver, *self._tasks, return_exceptions=True)
            await self._save()

    async def _begin(self) -> None:
        stored = await self._cursors.load(self.name)
        self._order.clear()
        self._finished.clear()
        self._lanes.clear()
        self._failure = None
        if stored is None:
            self.position = self._journal.head if self._start == "head" else 0
        elif stored.epoch != self._journal.epoch:
            raise CursorBroken(f"The cursor of {self.name} belongs to another history of the store (a restore?).")
        elif stored.offset > self._journal.head and not await self._journal.read(stored.offset - 1, 1):
            # (On a shared store the head known here may be older than the cursor.)
            raise CursorBroken(f"The cursor of {self.name} is ahead of the journal: events were lost.")
        else:
            self.position = stored.offset
        self._read_to = self.position
        self._saved = self.position if stored is not None else -1
        if stored is None:  # a reader that starts at the head must not start further on after a crash
            await self._save()

    def _take(self, event: Event) -> None:
        self._read_to = event.offset
        if self._types is not None and event.type not in self._types:
            if not self._order:  # by far the most frequent case
                self.position = event.offset
                return
            self._order.append(event.offset)
            self._finish(event.offset)
            return
        self._order.append(event.offset)
        lane = self._lanes.get(event.lane)
        if lane is not None:
            lane.append(event)
            return
        self._lanes[event.lane] = deque((event,))
        task = asyncio.create_task(self._run_lane(event.lane))
        self._tasks.add(task)
        task.add_done_callback(self._lane_ended)

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._news.set()
            self._freed.set()

    async def _run_lane(self, number: int) -> None:
        lane = self._lanes[number]
        while lane:
            async with self._slots:
                await self._handle_one(lane[0])
            self._finish(lane.popleft().offset)
        del self._lanes[number]

    async def _handle_one(self, event: Event) -> None:
        for attempt in range(1, len(_RETRY_S) + 2):
            try:
                await self._handle(event)
                return
            except (asyncio.CancelledError, StorageFailed):
                raise
            except Exception as error:
                _log.warning("reader.failed", reader=self.name, offset=event.offset, attempt=attempt, exc_info=True)
                if attempt > len(_RETRY_S):
                    self.set_aside += 1
                    if self._aside is not None:
                        self._aside.inc()
                    await self._cursors.set_aside(self.name, event, attempt, f"{type(error).__name__}: {error}")
                    return
                await asyncio.sleep(_RETRY_S[attempt - 1])

    def _finish(self, offset: int) -> None:
        self._finished.add(offset)
        while self._order and self._order[0] in self._finished:
            self.position = self._order.popleft()
            self._finished.discard(self.position)
        if len(self._order) < self._outstanding:
            self._freed.set()

    async def _save_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._save_every)
            if self._lag is not None:
                self._lag.set(self.lag)
            await self._save()

    async def _save(self) -> None:
        if self.position > self._saved:
            position = self.position
            try:
                await self._cursors.save(self.name, Position(self._journal.epoch, position))
                self._saved = position
            except Exception as error:
                _log.warning("reader.cursor_not_saved", reader=self.name, error=str(error))
