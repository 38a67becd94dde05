"""The group-commit writer: one thread, one connection; everybody who waits shares a commit.

Two ways in. :meth:`Writer.write` takes a function of the transaction. :meth:`Writer.submit` takes an item for a
*batch operation*, a function of the transaction and all items that wait for the same operation: the hot path,
where one Python call serves many waiters. Functions hold their own checks, may run twice, and must raise before
they write: an error in one makes the writer roll back and run the whole group again, one by one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog

from waqtor.contracts.events import Event
from waqtor.errors import StorageFailed, WaqtorError
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.storage.driver import Driver, append_events
from waqtor.storage.transaction import Tx

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
        before = len(tx.events)
        try:
            results.append(function(tx))
        except WaqtorError as error:
            # The rule is to raise before writing, so only the events need to be taken back.
            del tx.events[before:]
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
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._owner = owner
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._telemetry = telemetry
        self._urgent: deque[_Work] = deque()
        self._ordinary: deque[_Work] = deque()
        self._wake = threading.Event()
        self.salt = 0
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
        except StorageFailed as error:
            self._fail(error)
            results, events = [error] * len(group), []
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
                    # Whether the commit arrived is unknown; the operations recognise their own rows.
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
        for work in group:
            result, fresh = self._commit([work])
            results.extend(result)
            events.extend(fresh)
        return results, events

    def _transaction(self, group: list[_Work]) -> tuple[list[Any], list[Event]]:
        tx = self._driver.begin(self._clock.now_us(), self._owner)
        tx.salt = self.salt
        by_operation: dict[BatchOperation[Any, Any], list[int]] = {}
        for index, work in enumerate(group):
            by_operation.setdefault(work.operation, []).append(index)
        results: list[Any] = [None] * len(group)
        for operation, places in by_operation.items():
            answers = operation(tx, [group[place].item for place in places])
            for place, answer in zip(places, answers, strict=True):
                results[place] = answer
        fresh = append_events(self._driver, tx)
        self._driver.commit()
        return results, fresh

    def _resolve(self, group: list[_Work], results: list[Any], events: list[Event]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return

        def finish() -> None:
            if events:
                self._on_commit(events)
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
        self._on_failure(error)


def is_disk_failure(error: BaseException) -> bool:
    """Whether the disk or server refused for a reason that trying again will not cure."""
    text = str(error).lower()
    signs = (
        "disk i/o error",
        "disk is full",
        "malformed",
        "no space left",
        "readonly database",
        "could not extend file",
    )
    return any(sign in text for sign in signs)
