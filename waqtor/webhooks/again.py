"""What waits for another attempt: the nearest in memory, the later ones in the store until their time comes."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from waqtor.webhooks.ports import Delivery

AGAIN = 500
"""Deliveries of one endpoint that wait in memory for another attempt."""


class Again:
    """Further attempts of one endpoint, by their time (monotonic seconds throughout).

    Args:
        most: How many are kept in memory; ``None``: all (an ordered webhook has one per chat lane).

    Attributes:
        stored: From when on the store may hold one that is not here; ``None``: it holds none.
    """

    def __init__(self, most: int | None = AGAIN) -> None:
        self.stored: float | None = 0.0
        self._most = most
        self._ready: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._ready) + len(self._later)

    @property
    def limit(self) -> int:
        """How many are read from the store at a time."""
        return self._most or 4 * AGAIN

    def wants(self, now: float) -> bool:
        """Whether the store should be looked into."""
        return self.stored is not None and self.stored <= now and len(self) < self.limit // 2

    def put(self, delivery: Delivery, at: float) -> list[Delivery]:
        """Let one wait until ``at``; returns those that are left to the store for it, the farthest ones."""
        self._count += 1
        heapq.heappush(self._later, (at, self._count, delivery))
        if self._most is None or len(self) <= self._most:
            return []
        self._later.sort()  # a sorted list is a heap
        keep = max(0, self._most // 2 - len(self._ready))
        left, self._later = self._later[keep:], self._later[:keep]
        self.left(left[0][0])
        return [delivery for _, _, delivery in left]

    def left(self, at: float) -> None:
        """The store holds one for ``at`` that is not here."""
        self.stored = at if self.stored is None else min(self.stored, at)

    def ready(self, now: float) -> bool:
        """Whether the time of one has come."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        return bool(self._ready)

    def take(self) -> Delivery:
        """The next one whose time has come; only after :meth:`ready` said so."""
        return self._ready.popleft()

    def next_at(self) -> float | None:
        """When :meth:`ready` or :meth:`wants` may become true without news; ``None``: never."""
        times: list[float] = [self._later[0][0]] if self._later else []
        if self.stored is not None and len(self) < self.limit // 2:
            times.append(self.stored)
        return min(times, default=None)

    def drop(self, replace_key: str) -> Sequence[Delivery]:
        """Forget those under this key, and return them."""
        gone = [d for d in self._ready if d.replace_key == replace_key]
        gone += [entry[2] for entry in self._later if entry[2].replace_key == replace_key]
        if gone:
            self._ready = deque(d for d in self._ready if d.replace_key != replace_key)
            self._later = [entry for entry in self._later if entry[2].replace_key != replace_key]
            heapq.heapify(self._later)
        return gone
