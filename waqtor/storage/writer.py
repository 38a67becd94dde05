"""The group-commit writer: one thread, one connection; everybody who waits shares a commit.

Two ways in. :meth:`Writer.write` takes a function of the transaction. :meth:`Writer.submit` takes an item for a
*batch operation*, a function of the transaction and all items that wait for the same operation: the hot path,
where one Python call serves many waiters. Functions hold their own checks and may run twice. Best they raise before
they write: an error after a write makes the writer roll back and run the whole group again, one by one.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg
import structlog

from waqtor.contracts.events import Event, check
from waqtor.errors import StorageFailed, WaqtorError
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.storage.driver import ConnectionLost, Driver, append_events
from waqtor.storage.transaction import Tx, unveiled

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")
BatchOperation = Callable[[Tx, Sequence[A]], Sequence[R | BaseException]]

_log = structlog.get_logger(__name__)
_MAX_GROUP = 512


class _Work:
    """Something that waits: an operation, its item, and who wants to know."""

    __slots__ = ("future", "item", "operation")

    def __init__(self, operation: BatchOperation[Any, Any], item: Any, future: asyncio.Future[Any]) -> None:
        self.operation = operation
        self.item = item
        self.future = future


def _call(tx: Tx, functions: Sequence[Callable[[Tx], Any]]) -> Sequence[Any]:
    results: list[Any] = []
    for function in functions:
        events, writes = len(tx.events), tx.writes
        try:
            results.append(function(tx))
        except WaqtorError as error:
            if tx.writes > writes:
                raise  # its writes must go too: the writer rolls back and runs the group one by one
            del tx.events[events:]
            results.append(error)
    return results


class Writer:
    """Runs writes in its own thread and resolves their futures once per commit.

    Args:
        driver: The database.
        clock: Where ``tx.now`` comes from.
        owner: Boot id of this engine, stamped on what it claims.
        on_commit: Called in the event loop with the events of each commit, before the waiters wake.
        on_failure: Called once, from the thread, when the database refuses for good.
        strict: Refuse an event that does not fit its model (tests), before it is committed.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        owner: str,
        *,
        on_commit: Callable[[list[Event]], None],
        on_failure: Callable[[StorageFailed], None],
        telemetry: Telemetry | None = None,
        strict: bool = False,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._owner = owner
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._telemetry = telemetry
        self._strict = strict
        self._urgent: deque[_Work] = deque()
        self._ordinary: deque[_Work] = deque()
        self._wake = threading.Event()
        self.salt = 0
        self.veil: Callable[[str], str] = unveiled
        self._closing = False
        self._failed: StorageFailed | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the thread; ``loop`` is where ``on_commit`` runs."""
        self._loop = loop
        self._thread.start()

    def write(self, function: Callable[[Tx], T], *, urgent: bool = False) -> asyncio.Future[T]:
        """Run a function in the next group; the future resolves after the commit."""
        return self.submit(_call, function, urgent=urgent)

    def submit(self, operation: BatchOperation[Any, Any], item: Any, *, urgent: bool = False) -> asyncio.Future[Any]:
        """Add an item to a batch operation of the next group."""
        if self._loop is None:
            raise StorageFailed("The store is not open.")
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._failed is not None or self._closing:
            future.set_exception(self._failed or StorageFailed("The store is closed."))
            return future
        (self._urgent if urgent else self._ordinary).append(_Work(operation, item, future))
        if not self._wake.is_set():  # a look is cheaper than the lock behind set()
            self._wake.set()
        return future

    def refuse(self) -> None:
        """Take nothing more. Call it in the event loop, like :meth:`submit`, so that nothing slips in behind."""
        self._closing = True

    def stop(self, timeout: float = 30.0) -> None:
        """Finish what waits, then end the thread."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while group := self._take():
                self._serve(group)
            if self._closing and not self._urgent and not self._ordinary:
                return

    def _take(self) -> list[_Work]:
        group: list[_Work] = []
        for queue in (self._urgent, self._ordinary):
            while queue and len(group) < _MAX_GROUP:
                group.append(queue.popleft())
        return group

    def _serve(self, group: list[_Work]) -> None:
        if self._failed is not None:
            self._resolve(group, [self._failed] * len(group), [])
            return
        started = time.perf_counter()
        try:
            results, events = self._commit(group)
        except Exception as error:
            failure = error if isinstance(error, StorageFailed) else StorageFailed(f"The writer broke: {error!r}")
            self._fail(failure)
            results, events = [failure] * len(group), []
        if self._telemetry is not None:
            self._telemetry.commits.inc()
            self._telemetry.writes.inc(len(group))
            self._telemetry.commit_seconds.observe(time.perf_counter() - started)
        self._resolve(group, results, events)

    def _commit(self, group: list[_Work]) -> tuple[list[Any], list[Event]]:
        for attempt in (1, 2, 3):
            try:
                return self._transaction(group)
            except Exception as error:
                if self._driver.lost(error):
                    # Nothing of it was committed (see _transaction), so the whole group runs again.
                    _log.warning("store.connection_lost", attempt=attempt, error=str(error))
                    self._driver.reconnect()
                    continue
                self._driver.rollback()
                if is_disk_failure(error):
                    raise StorageFailed(f"The database refused a write: {error}") from error
                if len(group) == 1:
                    return [error], []
                return self._one_by_one(group)
        raise StorageFailed("The database connection was lost three times in one commit.")

    def _one_by_one(self, group: list[_Work]) -> tuple[list[Any], list[Event]]:
        results: list[Any] = []
        events: list[Event] = []
        for place, work in enumerate(group):
            try:
                result, fresh = self._commit([work])
            except StorageFailed as error:  # what was committed before it stands
                self._fail(error)
                return results + [error] * (len(group) - place), events
            results.extend(result)
            events.extend(fresh)
        return results, events

    def _transaction(self, group: list[_Work]) -> tuple[list[Any], list[Event]]:
        tx = self._driver.begin(self._clock.now_us(), self._owner)
        tx.salt, tx.veil = self.salt, self.veil
        by_operation: dict[BatchOperation[Any, Any], list[int]] = {}
        for index, work in enumerate(group):
            by_operation.setdefault(work.operation, []).append(index)
        results: list[Any] = [None] * len(group)
        for operation, places in by_operation.items():
            answers = operation(tx, [group[place].item for place in places])
            for place, answer in zip(places, answers, strict=True):
                results[place] = answer
        fresh = append_events(self._driver, tx)
        if self._strict:
            for event in fresh:
                check(event)
        try:
            self._driver.commit()
        except ConnectionLost:
            if not self._driver.committed():
                raise
            _log.warning("store.commit_answer_lost", waiting=len(group))
        return results, fresh

    def _resolve(self, group: list[_Work], results: list[Any], events: list[Event]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return

        def finish() -> None:
            try:
                if events:
                    self._on_commit(events)
            except Exception:
                _log.exception("store.on_commit_failed", events=len(events))
            for work, result in zip(group, results, strict=True):
                if work.future.done():
                    continue
                if isinstance(result, BaseException):
                    work.future.set_exception(result)
                else:
                    work.future.set_result(result)

        try:
            loop.call_soon_threadsafe(finish)
        except RuntimeError:
            _log.warning("store.loop_closed", waiting=len(group))

    def _fail(self, error: StorageFailed) -> None:
        self._failed = error
        _log.critical("store.failed", error=error.message)
        try:
            self._on_failure(error)
        except Exception:
            _log.exception("store.on_failure_failed")


_SQLITE_FATAL = frozenset(
    {
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN,
    }
)  # fmt: skip
# Disk full, I/O error, data or index corrupted, the server turned read-only.
_POSTGRES_FATAL = frozenset({"53100", "58030", "XX001", "XX002", "25006"})


def is_disk_failure(error: BaseException) -> bool:
    """Whether the disk or server refused for a reason that trying again will not cure.

    Told by the code, never by the text: texts may quote what a stranger wrote.
    """
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_FATAL
    return isinstance(error, psycopg.Error) and error.sqlstate in _POSTGRES_FATAL
