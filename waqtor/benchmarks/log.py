"""``waqtor bench log``: rows per second from a journal into DuckDB, beside the raw Appender in the same run.

Both sides commit 1,000 rows at a time to a file on the same disk. The peer appends ready-made ``messages`` rows and
does nothing else; the log reads the journal, makes the rows, appends them to two or more tables and moves its cursor
in the same transaction. Rows are counted in the files afterwards.
"""

from __future__ import annotations

import asyncio
import bisect
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from waqtor.analytics.sample import sample_events
from waqtor.contracts.events import Event
from waqtor.kernel.ports import Position
from waqtor.storage.duck_file import DuckFile
from waqtor.storage.duck_log import DuckLog
from waqtor.storage.duck_rows import RowMaker, moment
from waqtor.storage.duck_schema import arrow_schema

FLOOR = 0.6
_BATCH = 1000
_ROUNDS = 3


class MemoryJournal:
    """A journal in a list, for measuring and testing its readers."""

    def __init__(self, events: Sequence[Event] = (), epoch: str = "memory") -> None:
        self.epoch = epoch
        self._events = list(events)
        self._watchers: list[Callable[[], None]] = []

    @property
    def head(self) -> int:
        """Offset of the newest event."""
        return self._events[-1].offset if self._events else 0

    async def first(self) -> int:
        """Offset of the oldest event."""
        return self._events[0].offset if self._events else 0

    async def append(self, events: Sequence[Event]) -> None:
        """Append; offsets follow the head."""
        for event in events:
            event.offset = self.head + 1
            self._events.append(event)
        for watcher in tuple(self._watchers):
            watcher()

    async def read(self, after: int, limit: int) -> list[Event]:
        """Events after an offset."""
        start = bisect.bisect_right(self._events, after, key=lambda event: event.offset)
        return self._events[start : start + limit]

    def trim(self, below: int) -> None:
        """Forget events with smaller offsets."""
        self._events = [event for event in self._events if event.offset >= below]

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call after every append."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)


def run(rows: int = 100_000, keep: Path | None = None) -> list[dict[str, Any]]:
    """Measure; best of three rounds each, taken in turns.

    Args:
        rows: Rows written by each side in a round, about.
        keep: Folder to leave the last round's two DuckDB files in.

    Returns:
        One result: value and peer_value in rows per second, their ratio, and whether it reached the floor.
    """
    # A message of the sample makes about 4.6 events and twice as many rows.
    events = list(sample_events(max(10, rows // 9)))
    folder = Path(tempfile.mkdtemp(prefix="waqtor-bench-log-"))
    try:
        ours: list[float] = []
        event_rates: list[float] = []
        peers: list[float] = []
        for number in range(_ROUNDS):
            peer = folder / f"appender-{number}.duckdb"
            peers.append(_peer(peer, rows))
            log = folder / f"log-{number}.duckdb"
            rate, event_rate = asyncio.run(_ours(log, events))
            ours.append(rate)
            event_rates.append(event_rate)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / f"log-{_ROUNDS - 1}.duckdb", keep / "traffic.duckdb")
            shutil.copy(folder / f"appender-{_ROUNDS - 1}.duckdb", keep / "appender.duckdb")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    value, peer_value = max(ours), max(peers)
    ratio = value / peer_value
    return [
        {
            "name": "log",
            "value": round(value),
            "unit": "rows/s",
            "peer": f"raw DuckDB Appender, {_BATCH} rows a commit",
            "peer_value": round(peer_value),
            "ratio": round(ratio, 3),
            "floor": FLOOR,
            "ok": ratio >= FLOOR,
            "events_per_s": round(max(event_rates)),
            "median": round(statistics.median(ours)),
            "peer_median": round(statistics.median(peers)),
            "rows": rows,
        }
    ]


def _peer(path: Path, rows: int) -> float:
    """Rows per second of the bare Appender on ready-made rows."""
    import duckdb

    received = (event for event in sample_events(5000) if event.type == "message.received")
    times = [i for i, field in enumerate(arrow_schema("messages")) if str(field.type).startswith("timestamp")]
    ready = [_with_moments(row, times) for row in RowMaker(b"bench").rows(received)["messages"]]
    batches = [[ready[(start + n) % len(ready)] for n in range(_BATCH)] for start in range(0, rows, _BATCH)]
    DuckFile(path).open_once()
    connection = duckdb.connect(str(path), config={"threads": 1})
    try:
        appender = connection.appender("log.messages")
        started = time.perf_counter()
        for batch in batches:
            connection.begin()
            appender.append_rows(batch)
            appender.flush()
            connection.commit()
        seconds = time.perf_counter() - started
        written = connection.execute("SELECT count(*) FROM log.messages").fetchall()[0][0]
    finally:
        connection.close()
    return float(written / seconds)


def _with_moments(row: tuple[Any, ...], times: Sequence[int]) -> tuple[Any, ...]:
    """The row as the Appender wants it: times as datetimes instead of microseconds."""
    values = list(row)
    for place in times:
        values[place] = moment(values[place]) if values[place] is not None else None
    return tuple(values)


async def _ours(path: Path, events: Sequence[Event]) -> tuple[float, float]:
    """Rows per second and events per second of the log, from an existing file to the last commit."""
    journal = MemoryJournal(events)
    file = DuckFile(path)
    file.open()
    file.start_at(Position(journal.epoch, 0))
    file.close()
    log = DuckLog(path, journal, flush_rows=_BATCH)
    task = asyncio.create_task(log.run())
    await log.settled()
    started = time.perf_counter()
    await log.flush(600)
    seconds = time.perf_counter() - started
    found = await log.query(
        "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM messages)"
        " + (SELECT count(*) FROM send_changes) + (SELECT count(*) FROM decisions), (SELECT count(*) FROM events)"
    )
    await log.stop()
    await task
    rows, count = found.rows[0]
    if count != len(events):
        raise RuntimeError(f"{count} events in the log, {len(events)} in the journal")
    return rows / seconds, count / seconds
