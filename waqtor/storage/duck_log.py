"""The traffic log: the journal's first reader, which writes it to DuckDB exactly once, and the queries on it.

The cursor is stored in the DuckDB file in the same transaction as the rows, so a ``kill -9`` at any moment loses and
doubles nothing. One process owns the file. A file that is locked or damaged never stops the engine: the log says so
in :meth:`DuckLog.status`, keeps trying, and catches up from the journal afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso
from waqtor.errors import ConfigurationError, Timeout, Unavailable
from waqtor.kernel.clock import Clock
from waqtor.kernel.ports import Journal, Position
from waqtor.privacy.traces import Traces
from waqtor.storage.duck_file import DuckFile
from waqtor.storage.duck_reads import LogReads
from waqtor.storage.duck_retention import Retention
from waqtor.storage.duck_rows import Rows, moment
from waqtor.storage.duck_status import LogState, LogStatus
from waqtor.storage.duck_tally import Tally

_log = structlog.get_logger(__name__)

_TRIM_S = 3600.0
_BREATH_S = 0.02
"""Between two stretches of an old log that are counted."""
_CATCH_UP = 4
"""While behind, batches grow to this many times ``flush_rows``: fewer commits, the same bound on what is unwritten."""


class DuckLog(LogReads):
    """Writes the journal to a DuckDB file and answers queries on it.

    Args:
        path: The file; made when missing.
        journal: What is read.
        memory: DuckDB's memory limit.
        flush_ms: Longest wait before what came in is committed, ms.
        flush_rows: Events that trigger a commit earlier.
        query_timeout: Longest query, seconds.
        query_max_rows: Most rows a query returns.
        retry_s: First wait before a file that cannot be used is tried again, seconds; doubles up to 20 times that.
    """

    def __init__(
        self,
        path: Path | str,
        journal: Journal,
        *,
        memory: str = "1GB",
        flush_ms: int = 500,
        flush_rows: int = 1000,
        query_timeout: float = 10.0,
        query_max_rows: int = 100_000,
        retry_s: float = 0.5,
    ) -> None:
        super().__init__(DuckFile(Path(path), memory), query_timeout, query_max_rows)
        self._journal = journal
        self._flush_s = flush_ms / 1000
        self._flush_rows = flush_rows
        self._retry_s = retry_s
        self.tally = Tally()
        self._state: LogState = "starting"
        self._events = self._flushes = self._gaps = 0
        self._last_flush: int | None = None
        self._stopping = False
        self._ending = asyncio.Event()
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._moved = asyncio.Condition()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer = ThreadPoolExecutor(1, "traffic-log")

    async def run(self) -> None:
        """Read the journal and write it, until :meth:`stop`; to be supervised. Returns early when it must halt."""
        self._idle.clear()
        unwatch = self._journal.watch(self._committed)
        try:
            while not self._stopping and self._state != "halted":
                if await self._opened():
                    await self._follow()
        finally:
            unwatch()
            self._idle.set()

    async def stop(self, timeout: float = 10.0) -> None:
        """Write what the journal holds, end the queries and close the file. Safe to call twice."""
        deadline = time.monotonic() + timeout
        self._stopping = True
        for event in (self._ending, self._wake, self._full):
            event.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)
        if self._file.is_open and self._state == "running":
            with contextlib.suppress(Unavailable):
                took = 0.0
                while (began := time.monotonic()) + took < deadline and await self._step(self._flush_rows):
                    took = time.monotonic() - began  # a step cannot be stopped: begin none that will not end in time
                await self._in_thread(lambda: self._write([], None, None))
        await asyncio.get_running_loop().run_in_executor(None, self._shut)
        if self._state != "halted":
            self._state, self._reason = "stopped", "The traffic log was stopped."
        await self._announce()

    def _shut(self) -> None:
        self.end_queries()
        with contextlib.suppress(RuntimeError):  # stopped twice
            self._writer.submit(self._file.close).result()
        self._writer.shutdown(wait=True)

    async def trim(self, retention: Retention, now_us: int) -> int:
        """Drop what is past its time; returns how many rows. A file that cannot be used now is left for the next time.

        Args:
            retention: How long each table is kept.
            now_us: UTC microseconds.
        """
        dropped = 0
        while self._state == "running" and not self._stopping:
            try:
                count = await self._in_thread(lambda: self._file.trim(retention, moment(now_us)))
            except Unavailable as error:
                _log.warning("log.trim_failed", reason=error.message)
                break
            if count is None:
                break
            dropped += count
        if dropped:
            _log.info("log.trimmed", rows=dropped)
        return dropped

    async def keep_trimmed(self, retention: Retention, clock: Clock) -> None:
        """Trim soon and then once an hour, for ever; to be supervised."""
        await clock.sleep(_TRIM_S / 60)
        while True:
            await self.trim(retention, clock.now_us())
            await clock.sleep(_TRIM_S)

    async def erase(
        self, erasures: Mapping[str, Sequence[str]], traces: Traces | None, now_us: int, timeout: float = 30.0
    ) -> int:
        """Take people out of the log and rewrite its file; queries wait meanwhile. Returns the number of rows.

        Everything that is in the journal now is written first: what the journal gave up can then not follow.

        Args:
            erasures: Ids of what is a person's, by erasure.
            traces: The person's number, while it is known.
            now_us: Rows written later (UTC microseconds) are a new person's.
            timeout: Longest wait for the log to catch up, seconds.

        Raises:
            Unavailable: The log cannot be used now; try again.
        """
        await self.flush(timeout)
        if self._state != "running":
            raise Unavailable(self._reason or "The traffic log is not running.")
        await self._alone()
        try:
            count = await self._in_thread(lambda: self._file.erase(erasures, traces, moment(now_us)))
        finally:
            self._free.set()
        _log.info("log.erased", erasures=len(erasures), rows=count)
        return int(count)

    async def erased(self) -> frozenset[str]:
        """Ids of the erasures that were done here.

        Raises:
            Unavailable: The log cannot be used now.
        """
        found: frozenset[str] = await self._in_thread(self._file.erased)
        return found

    async def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything that is in the journal now is in the file.

        Raises:
            Timeout: It is not, after ``timeout`` seconds; the reason is in the message.
        """
        target = self._journal.head
        self._full.set()
        self._wake.set()
        try:
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(lambda: self._offset >= target or self._state in ("halted", "stopped"))
        except TimeoutError:
            pass
        if self._offset < target:
            raise Timeout(f"The traffic log is at {self._offset} of {target}. {self._reason}".strip())

    async def settled(self, timeout: float = 10.0) -> LogStatus:
        """Wait until the file was opened, or could not be; returns the status then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(lambda: self._state != "starting")
        return self.status()

    @property
    def _offset(self) -> int:
        position = self._file.position
        return 0 if position is None else position.offset

    def _committed(self) -> None:
        """Called after every commit of the journal."""
        self._wake.set()
        if self._journal.head - self._offset >= self._flush_rows:
            self._full.set()

    async def _opened(self) -> bool:
        """Open the file, trying again while that fails; false when stopping or halted."""
        delay = self._retry_s
        while not self._stopping:
            try:
                await self._in_thread(self._file.open)
                return await self._placed()
            except Unavailable as error:
                await self._waiting(error.message)
            except ConfigurationError as error:
                await self._halt(error.message)
                return False
            await self._pause(delay)
            delay = min(delay * 2, self._retry_s * 20)
        return False

    async def _placed(self) -> bool:
        """Compare the file's cursor with the journal."""
        position, epoch, head = self._file.position, self._journal.epoch, self._journal.head
        if position is None:
            await self._in_thread(lambda: self._file.start_at(Position(epoch, 0)))
        elif position.epoch != epoch:
            await self._halt(
                "The traffic log belongs to another history of the store (was a backup restored?)."
                f" Move {self._file.path} away to begin a new one."
            )
            return False
        elif position.offset > head:
            await self._halt(
                f"The traffic log is ahead of the journal ({position.offset} > {head}): the store lost events."
                f" Move {self._file.path} away to begin a new one."
            )
            return False
        if self._state != "running":
            _log.info("log.running", path=str(self._file.path), offset=self._offset, head=head)
        self._state, self._reason = "running", ""
        await self._announce()
        return True

    async def _follow(self) -> None:
        """Write batches until the file fails or the log is stopped."""
        while not self._stopping:
            self._wake.clear()
            self._full.clear()
            try:
                moved = await self._step()
                counted = await self._in_thread(self._file.count)
            except Unavailable as error:
                await self._waiting(error.message)
                await self._pause(self._retry_s)
                return
            backlog = self._journal.head - self._offset
            if moved and backlog >= self._flush_rows:
                continue
            if counted:
                await self._pause(_BREATH_S, self._full)
                continue
            if not backlog and not self._stopping:
                # Another node's commits do not wake us: look once in a while.
                await self._pause(max(1.0, self._flush_s), self._wake)
            await self._pause(self._flush_s, self._full)

    async def _step(self, most: int | None = None) -> bool:
        """Write one batch, of ``most`` events; false when there was nothing."""
        position = self._file.position
        if position is None:
            return False
        behind = self._journal.head - position.offset
        limit = most or self._flush_rows * (_CATCH_UP if behind > self._flush_rows else 1)
        events = await self._journal.read(position.offset, limit)
        gap = await self._gap(position.offset, events)
        if not events and gap is None:
            if rows := self.tally.take():
                await self._in_thread(lambda: self._write([], rows, None))
            return False
        extra = self.tally.take()
        target = None
        if gap is not None:
            first, last = gap
            words = "The journal was trimmed before the log had read this."
            extra["gaps"] = [(moment(time.time_ns() // 1000), "", first, last, words)]
            target = Position(position.epoch, events[-1].offset if events else last)
            self._gaps += 1
            _log.error("log.gap", first=first, last=last)
        await self._in_thread(lambda: self._write(events, extra, target))
        await self._announce()
        return True

    async def _gap(self, after: int, events: Sequence[Event]) -> tuple[int, int] | None:
        """Offsets that may have been trimmed unread. A hole below the oldest event counts as trimmed."""
        if events and events[0].offset == after + 1:
            return None
        first = await self._journal.first()
        if events:
            return (after + 1, first - 1) if first > after + 1 else None
        head = self._journal.head
        return (after + 1, head) if first == 0 and head > after else None

    def _write(self, events: Sequence[Event], extra: Rows | None, position: Position | None) -> None:
        """In the logger thread."""
        rows = extra if extra is not None else self.tally.take()
        if not events and not rows and position is None:
            return
        try:
            self._events += self._file.write(events, rows, position)
        except Unavailable:
            self.tally.give_back(rows)
            raise
        self._flushes += 1
        self._last_flush = time.time_ns() // 1000

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        """Run in the logger's thread; a cancelled caller does not tear a write apart."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._writer, call))

    async def _pause(self, seconds: float, until: asyncio.Event | None = None) -> None:
        """Wait, at most until ``until`` (default: until stopped)."""
        if self._stopping:
            return
        event = until if until is not None else self._ending
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

    async def _announce(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _waiting(self, reason: str) -> None:
        if self._state != "waiting" or self._reason != reason:
            _log.error("log.waiting", reason=reason)
        self._state, self._reason = "waiting", reason
        await self._announce()

    async def _halt(self, reason: str) -> None:
        _log.critical("log.halted", reason=reason)
        self._state, self._reason = "halted", reason
        await self._announce()

    def status(self) -> LogStatus:
        """How the log is doing."""
        return LogStatus(
            state=self._state,
            reason=self._reason,
            path=str(self._file.path),
            offset=self._offset,
            lag=max(0, self._journal.head - self._offset),
            events=self._events,
            flushes=self._flushes,
            last_flush=None if self._last_flush is None else iso(self._last_flush),
            gaps=self._gaps,
        )
