"""One endpoint at work: its waiting deliveries in memory, how many may be under way, and in which order."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

from waqtor.webhooks.policy import Breaker
from waqtor.webhooks.ports import Delivery, Hook

WINDOW = 1000
"""Deliveries of one endpoint held in memory; the others wait in the store."""


class Endpoint:
    """The queue of one webhook. Not thread-safe; lives in the event loop.

    Attributes:
        ended: Deliveries that ended while the store was being read.
        behind: The store may hold more than is in memory.
        missed: Lowest place of what came while the store was being read: it may not be in what was read.
        not_before: Monotonic time before which the receiver asked to be left alone.
    """

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.breaker = Breaker()
        self.behind = True
        self.loaded_to = 0
        self.not_before = 0.0
        self.active = 0
        self.loading = False
        self.missed: int | None = None
        self.ended: set[str] = set()
        self._ready: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._held: dict[int, deque[Delivery]] = {}
        self._lanes: set[int] = set()
        self._ids: set[str] = set()
        self._count = 0

    def __len__(self) -> int:
        return len(self._ids)

    def has(self, delivery_id: str) -> bool:
        """Whether it is in memory, waiting or under way."""
        return delivery_id in self._ids

    def offer(self, deliveries: Iterable[Delivery], now: float, now_us: int) -> None:
        """Take deliveries in order, as many as there is room for."""
        for delivery in deliveries:
            if delivery.id in self._ids:
                continue
            if len(self._ids) >= WINDOW:
                self.leave(delivery.seq)
                continue
            self._ids.add(delivery.id)
            self.loaded_to = max(self.loaded_to, delivery.seq)
            wait = (delivery.due_at - now_us) / 1e6
            if wait > 0:
                self._postpone(delivery, now + wait)
            else:
                self._admit(delivery)

    def leave(self, seq: int) -> None:
        """Leave what is stored from this place on to a later reading; places need not come in order."""
        self.behind = True
        self.loaded_to = min(self.loaded_to, seq)
        if self.loading:
            self.missed = seq if self.missed is None else min(self.missed, seq)

    def read(self) -> None:
        """A reading has ended: what it may have missed is left to the next."""
        self.loading = False
        missed, self.missed = self.missed, None
        if missed is not None:
            self.leave(missed)

    def _admit(self, delivery: Delivery) -> None:
        if self.hook.ordered:
            if delivery.lane in self._lanes:
                self._held.setdefault(delivery.lane, deque()).append(delivery)
                return
            self._lanes.add(delivery.lane)
        self._ready.append(delivery)

    def _postpone(self, delivery: Delivery, at: float) -> None:
        if self.hook.ordered:
            self._lanes.add(delivery.lane)  # what comes after it in its chat waits for it
        self._count += 1
        heapq.heappush(self._later, (at, self._count, delivery))

    def take(self, now: float) -> Delivery | None:
        """The next delivery to send now."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        if now < self.not_before or not self._ready or self.breaker.wait(now) > 0:
            return None
        self.breaker.started()
        return self._ready.popleft()

    def wake_in(self, now: float) -> float | None:
        """Seconds until :meth:`take` may have something; ``None`` when only news can change that."""
        if self._ready:
            if self.breaker.state == "probing":
                return None
            return max(self.not_before - now, self.breaker.wait(now), 0.0)
        if self._later:
            return max(self._later[0][0] - now, self.not_before - now, 0.0)
        return None

    def retry(self, delivery: Delivery, at: float) -> None:
        """It failed and is tried again at ``at`` (monotonic); its lane stays closed."""
        self._postpone(delivery, at)

    def done(self, delivery: Delivery) -> None:
        """It ended; the next of its chat may go."""
        self._ids.discard(delivery.id)
        if self.loading:  # what is being read may still show it as waiting
            self.ended.add(delivery.id)
        if not self.hook.ordered:
            return
        held = self._held.get(delivery.lane)
        if held:
            self._ready.append(held.popleft())
            if not held:
                del self._held[delivery.lane]
        else:
            self._lanes.discard(delivery.lane)

    def drop(self, replace_key: str) -> None:
        """Forget what waits under this key: something newer replaces it."""
        gone = [d for d in self._ready if d.replace_key == replace_key]
        gone += [entry[2] for entry in self._later if entry[2].replace_key == replace_key]
        if gone:
            self._ready = deque(d for d in self._ready if d.replace_key != replace_key)
            self._later = [entry for entry in self._later if entry[2].replace_key != replace_key]
            heapq.heapify(self._later)
            for delivery in gone:
                self.done(delivery)
