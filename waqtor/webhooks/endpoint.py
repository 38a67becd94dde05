"""One endpoint at work: its waiting deliveries in memory, how many may be under way, and in which order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from waqtor.webhooks.again import Again
from waqtor.webhooks.policy import Breaker
from waqtor.webhooks.ports import Delivery, Hook

WINDOW = 1000
"""Deliveries of one endpoint held in memory before their first attempt; the others wait in the store."""

HELD = WINDOW // 2
"""Of these, how many may wait for another one of their chat (ordered webhooks)."""


class Endpoint:
    """The queue of one webhook. Not thread-safe; lives in the event loop.

    First attempts and further ones wait apart, and neither can hold the other back: where both wait, further attempts
    get every other turn and a quarter of the slots; where only they wait, a quarter of the slots stays free.

    Attributes:
        again: What waits for another attempt.
        ended: Deliveries that ended (or were left to the store) while the store was being read.
        behind: The store may hold first attempts that are not in memory.
        missed: Lowest place of what came while the store was being read: it may not be in what was read.
        not_before: Monotonic time before which the receiver asked to be left alone.
    """

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.breaker = Breaker()
        self.again = Again(None) if hook.ordered else Again()
        self.behind = True
        self.loaded_to = 0
        self.not_before = 0.0
        self.active = 0
        self.loading = False
        self.missed: int | None = None
        self.ended: set[str] = set()
        self._ready: deque[Delivery] = deque()
        self._held: dict[int, deque[Delivery]] = {}
        self._holding = 0
        self._lanes: set[int] = set()
        self._passed: dict[int, int] = {}
        self._ids: set[str] = set()
        self._retries: set[str] = set()
        self._turn = False

    def __len__(self) -> int:
        """Deliveries in memory before or at their first attempt."""
        return len(self._ids) - len(self._retries)

    @property
    def passed(self) -> Sequence[int]:
        """Lanes whose deliveries are left in the store until what is under way in them has ended."""
        return tuple(self._passed)

    def has(self, delivery_id: str) -> bool:
        """Whether it is in memory, waiting or under way."""
        return delivery_id in self._ids

    def wants(self, now: float) -> bool:
        """Whether the store should be read."""
        return not self.loading and (self.wants_first or self.again.wants(now))

    @property
    def wants_first(self) -> bool:
        """Whether there is room for further first attempts that are in the store."""
        return self.behind and len(self) < WINDOW // 2

    def offer(self, deliveries: Iterable[Delivery], now: float, now_us: int) -> None:
        """Take deliveries in order, as many as there is room for."""
        for delivery in deliveries:
            if delivery.id in self._ids:
                continue
            if delivery.due_at:
                self._ids.add(delivery.id)
                self._postpone(delivery, now + (delivery.due_at - now_us) / 1e6)
            elif len(self) >= WINDOW:
                self.leave(delivery.seq)
            else:
                self.loaded_to = max(self.loaded_to, delivery.seq)
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
        lane = delivery.lane
        if self.hook.ordered:
            if lane in self._passed or (lane in self._lanes and self._holding >= HELD):
                # Too much waits for this chat: let other chats have the room.
                self._passed[lane] = min(delivery.seq, self._passed.get(lane, delivery.seq))
                return
            if lane in self._lanes:
                self._ids.add(delivery.id)
                self._held.setdefault(lane, deque()).append(delivery)
                self._holding += 1
                return
            self._lanes.add(lane)
        self._ids.add(delivery.id)
        self._ready.append(delivery)

    def _postpone(self, delivery: Delivery, at: float) -> None:
        if self.hook.ordered:
            self._lanes.add(delivery.lane)  # what comes after it in its chat waits for it
        self._retries.add(delivery.id)
        for left in self.again.put(delivery, at):
            self._forget(left)

    def _forget(self, delivery: Delivery) -> None:
        self._ids.discard(delivery.id)
        self._retries.discard(delivery.id)
        if self.loading:  # what is being read may still show it as it was
            self.ended.add(delivery.id)

    def take(self, now: float) -> Delivery | None:
        """The next delivery to send now."""
        again = self._again_may_go(now)
        if now < self.not_before or not (self._ready or again) or self.breaker.wait(now) > 0:
            return None
        self.breaker.started()
        self._turn = again and not (self._ready and self._turn)
        return self.again.take() if self._turn else self._ready.popleft()

    def _again_may_go(self, now: float) -> bool:
        """Whether a further attempt is due and leaves room enough for first ones."""
        if not self.again.ready(now):
            return False
        most, quarter = self.hook.concurrency, self.hook.concurrency // 4
        return len(self._retries) - len(self.again) < max(1, quarter if self._ready else most - quarter)

    def wake_in(self, now: float) -> float | None:
        """Seconds until :meth:`take` or :meth:`wants` may have something; ``None`` when only news can change that."""
        times: list[float] = []
        if (self._ready or self._again_may_go(now)) and self.breaker.state != "probing":
            times.append(max(self.not_before - now, self.breaker.wait(now)))
        next_at = self.again.next_at()
        if next_at is not None and not self.loading:
            times.append(next_at - now)
        return max(0.0, min(times)) if times else None

    def retry(self, delivery: Delivery, at: float) -> None:
        """It failed and is tried again at ``at`` (monotonic); its lane stays closed."""
        self._retries.discard(delivery.id)
        self._postpone(delivery, at)

    def done(self, delivery: Delivery) -> None:
        """It ended; the next of its chat may go."""
        self._forget(delivery)
        if not self.hook.ordered:
            return
        lane = delivery.lane
        held = self._held.get(lane)
        if held:
            self._ready.append(held.popleft())
            self._holding -= 1
            if not held:
                del self._held[lane]
            return
        self._lanes.discard(lane)
        if lane in self._passed:
            self.leave(self._passed.pop(lane))

    def drop(self, replace_key: str) -> None:
        """Forget what waits under this key: something newer replaces it."""
        for lane, held in tuple(self._held.items()):
            kept = deque(d for d in held if d.replace_key != replace_key)
            for delivery in held:
                if delivery.replace_key == replace_key:
                    self._forget(delivery)
            self._holding -= len(held) - len(kept)
            if kept:
                self._held[lane] = kept
            else:
                del self._held[lane]
        gone = [d for d in self._ready if d.replace_key == replace_key]
        if gone:
            self._ready = deque(d for d in self._ready if d.replace_key != replace_key)
        for delivery in [*gone, *self.again.drop(replace_key)]:
            self.done(delivery)
