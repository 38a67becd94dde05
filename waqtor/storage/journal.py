"""The journal on SQL: appended through the writer, read from memory near the head and from the database else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from waqtor.contracts.events import EVENTS, Event
from waqtor.storage.driver import JOURNAL_COLUMNS, event_of
from waqtor.storage.transaction import Tx, dump

if TYPE_CHECKING:
    from waqtor.storage.store import SqlStore

_log = structlog.get_logger(__name__)
_COLUMNS = ", ".join(f"j.{name.strip()}" for name in JOURNAL_COLUMNS.split(","))
_READ = (
    f"SELECT {_COLUMNS}, p.data FROM journal j LEFT JOIN payloads p ON p.id = j.subject "
    "WHERE j.seq > ? ORDER BY j.seq LIMIT ?"
)


def _append(tx: Tx, groups: Sequence[Sequence[Event]]) -> Sequence[None]:
    for events in groups:
        for event in events:
            tx.journal(event)
            if event.subject and event.personal is not None:
                tx.many(
                    "INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
                    [(event.subject, dump(event.personal))],
                )
    return [None] * len(groups)


class SqlJournal:
    """The :class:`waqtor.kernel.ports.Journal` of a store.

    The newest events stay in memory, payloads attached. On a shared PostgreSQL they are this engine's own since another
    one last appended: offset order is commit order there, so a hole between two commits tells of it.
    """

    def __init__(self, store: SqlStore, *, keep: int = 8192) -> None:
        self._store = store
        self._recent: deque[Event] = deque(maxlen=keep)
        self._watchers: list[Callable[[], None]] = []
        self._observers: list[Callable[[list[Event]], None]] = []
        self._head = 0

    @property
    def epoch(self) -> str:
        """Random id of this store's history."""
        return self._store.epoch

    @property
    def head(self) -> int:
        """Offset of the newest committed event."""
        return self._head

    async def refresh(self) -> int:
        """Read the head from the database (other engines may have written) and wake the watchers if it moved."""
        rows = await self._store.rows("SELECT coalesce(max(seq), 0) FROM journal")
        if rows[0][0] > self._head:
            self._head = rows[0][0]
            self._wake()
        return self._head

    async def first(self) -> int:
        """Offset of the oldest event still held."""
        rows = await self._store.rows("SELECT coalesce(min(seq), 0) FROM journal")
        return int(rows[0][0])

    async def append(self, events: Sequence[Event]) -> None:
        """Append durably; sets each event's offset."""
        for event in events:
            if not EVENTS[event.type].journaled:
                raise ValueError(f"{event.type} is ephemeral and is not journaled")
        await self._store.writer.submit(_append, events)

    async def read(self, after: int, limit: int) -> list[Event]:
        """Return up to ``limit`` events with ``offset > after`` in order."""
        recent = self._recent
        if recent and after >= recent[0].offset - 1:
            if after < recent[-1].offset:
                start = self._place(after)
                return [recent[i] for i in range(start, min(start + limit, len(recent)))]
            if self._store.exclusive:
                return []
        return [event_of(row) for row in await self._store.rows(_READ, (after, limit))]

    def held(self, offset: int) -> Event | None:
        """The event at an offset, when it is in memory."""
        recent = self._recent
        if not recent or not recent[0].offset <= offset <= recent[-1].offset:
            return None
        event = recent[self._place(offset - 1)]
        return event if event.offset == offset else None

    def _place(self, after: int) -> int:
        """Where in memory the first event after an offset is: offsets are nearly gapless, so no search is needed."""
        recent = self._recent
        start = max(0, min(after - recent[0].offset + 1, len(recent) - 1))
        while start > 0 and recent[start - 1].offset > after:
            start -= 1
        while start < len(recent) and recent[start].offset <= after:
            start += 1
        return start

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` in the event loop after every commit with events."""
        self._watchers.append(callback)

        def stop() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)

        return stop

    def observe(self, callback: Callable[[list[Event]], None]) -> None:
        """Call ``callback`` in the event loop with the events of each of this engine's commits."""
        self._observers.append(callback)

    def committed(self, events: list[Event]) -> None:
        """Take the events of a commit (called by the writer, in the event loop, in commit order)."""
        if not self._store.exclusive and self._recent and events[0].offset != self._recent[-1].offset + 1:
            self._recent.clear()
        self._recent.extend(events)
        self._head = max(self._head, events[-1].offset)
        for observer in self._observers:
            try:
                observer(events)
            except Exception:
                _log.exception("journal.observer_failed")
        self._wake()

    def forget(self, subjects: set[str]) -> None:
        """Drop the personal fields of erased payloads from memory."""
        for event in self._recent:
            if event.subject in subjects:
                event.personal = None

    def _wake(self) -> None:
        for watcher in tuple(self._watchers):
            try:
                watcher()
            except Exception:
                _log.exception("journal.watcher_failed")
