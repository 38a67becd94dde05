"""At-least-once delivery to one session: a window of pushed entries, each redelivered until it is acknowledged."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_seqs = itertools.count(time.time_ns() // 1000)  # unique over restarts, so that a late ack never hits a new entry


@dataclass(slots=True, eq=False)
class Entry:
    """One delivery. ``size`` is in bytes, ``acked`` is called once at the first acknowledgement."""

    payload: Any
    size: int = 100
    acked: Callable[[], None] | None = None
    seq: int = 0
    pushed_at: float = 0.0
    pushes: int = 0


class Mailbox:
    """Entries waiting, in flight, and acknowledged.

    Args:
        window: Most entries in flight.
        window_bytes: Most bytes in flight (one entry may exceed it when it is alone).
        timeout: Seconds (monotonic) until an unacknowledged entry is pushed again; doubles up to 12 times that.
    """

    def __init__(self, *, window: int = 1024, window_bytes: int = 32 << 20, timeout: float = 5.0) -> None:
        self.window = window
        self.window_bytes = window_bytes
        self.timeout = timeout
        self._waiting: deque[Entry] = deque()
        self._flying: dict[int, Entry] = {}
        self._flying_bytes = 0
        self.acked = 0
        self.redelivered = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    @property
    def in_flight(self) -> int:
        """Entries pushed and not acknowledged."""
        return len(self._flying)

    def put(self, entry: Entry) -> None:
        """Queue an entry at the end."""
        entry.seq = next(_seqs)
        self._waiting.append(entry)

    def take(self, now: float, max_bytes: int = 1 << 20) -> list[Entry]:
        """The next entries to push, within the window and about ``max_bytes``; empty when there is no room."""
        taken: list[Entry] = []
        waiting, flying, size = self._waiting, self._flying, 0
        while waiting and len(flying) < self.window and size < max_bytes:
            entry = waiting[0]
            if flying and self._flying_bytes + entry.size > self.window_bytes:
                break
            waiting.popleft()
            if entry.pushes:
                self.redelivered += 1
            entry.pushes += 1
            entry.pushed_at = now
            flying[entry.seq] = entry
            self._flying_bytes += entry.size
            size += entry.size
            taken.append(entry)
        return taken

    def ack(self, seqs: Iterable[Any]) -> None:
        """Take acknowledgements; unknown ones are late repeats and ignored."""
        for seq in seqs:
            entry = self._flying.pop(seq, None) if type(seq) is int else None
            if entry is None:
                continue
            self._flying_bytes -= entry.size
            self.acked += 1
            if entry.acked is not None:
                entry.acked()

    def disconnected(self) -> None:
        """Nothing in flight will be acknowledged any more: all of it goes back to the front, in order."""
        self._return(list(self._flying.values()))

    def overdue(self, now: float) -> int:
        """Return what was not acknowledged in time to the front of the queue; returns how many."""
        late = [e for e in self._flying.values() if now - e.pushed_at >= self.timeout * min(12, 1 << (e.pushes - 1))]
        self._return(late)
        return len(late)

    def _return(self, entries: list[Entry]) -> None:
        for entry in entries:
            del self._flying[entry.seq]
            self._flying_bytes -= entry.size
        again = list(entries)
        while self._waiting and self._waiting[0].pushes:  # returned earlier and not pushed since
            again.append(self._waiting.popleft())
        self._waiting.extendleft(sorted(again, key=lambda e: e.seq, reverse=True))
