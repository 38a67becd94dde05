"""What webhooks are made of, and what they need from storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from waqtor.contracts.events import Event
from waqtor.contracts.webhooks import (
    AttemptView,
    DeliveryState,
    DeliveryView,
    Filters,
    Schedule,
    WebhookStats,
)
from waqtor.kernel.ports import Position

LONG = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Waits of the long schedule, seconds: Standard Webhooks' example, ten attempts over three days."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered webhook, its secrets in clear (in memory only).

    Attributes:
        since: Events with a greater offset are delivered.
        old_until: UTC microseconds until which ``old_secret`` signs along.
        failing_since: UTC microseconds of the first failure with no success after it.
    """

    id: str
    url: str
    name: str
    events: tuple[str, ...]
    filters: Filters
    enabled: bool
    secret: str
    headers: Mapping[str, str]
    attempts: int
    delay_ms: int
    timeout_ms: int
    schedule: Schedule
    ordered: bool
    concurrency: int
    since: int
    created: int
    updated: int
    old_secret: str | None = None
    old_until: int = 0
    failing_since: int | None = None
    disabled_reason: str | None = None

    @property
    def tag(self) -> str:
        """What tells its delivery ids from those of other webhooks."""
        return self.id[-10:]

    @property
    def waits(self) -> tuple[float, ...] | None:
        """Seconds between attempts when a schedule fixes them; ``None``: doubling from ``delay_ms``."""
        if self.schedule == "long":
            return LONG
        return self.schedule if isinstance(self.schedule, tuple) else None

    @property
    def max_attempts(self) -> int:
        """Attempts before a delivery is given up."""
        waits = self.waits
        return len(waits) + 1 if waits is not None else self.attempts


@dataclass(slots=True)
class Delivery:
    """One event for one webhook.

    Attributes:
        id: Stays the same over attempts, restarts and replays.
        name: Public name of the event.
        seq: Offset of the event, or of the head when it is ephemeral: the order of deliveries.
        lane: 0–1023, equal for all events of one chat.
        attempts: How many were made.
        due_at: UTC microseconds before which nothing is sent.
        body: Ready body of an event that is not in the journal; ``None``: made of ``source``.
        replace_key: A newer delivery with the same key replaces this one while it waits.
        source: The event, when it is at hand.
    """

    id: str
    webhook_id: str
    name: str
    type: str
    seq: int
    lane: int
    session: str
    created: int
    attempts: int = 0
    due_at: int = 0
    body: bytes | None = None
    replace_key: str | None = None
    test: bool = False
    source: Event | None = None


class Attempt(NamedTuple):
    """What came of one attempt, as it is recorded.

    Attributes:
        state: Of the delivery afterwards: ``pending`` when it will be tried again at ``due_at``.
    """

    delivery_id: str
    webhook_id: str
    name: str
    session: str
    number: int
    at: int
    ok: bool
    state: DeliveryState
    ms: float
    status_code: int | None = None
    error: str | None = None
    response: str = ""
    due_at: int = 0


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which deliveries of a log."""

    webhook_id: str | None = None
    state: DeliveryState | None = None
    event: str | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Span:
    """Deliveries to replay: one, or those of a time span (UTC microseconds of their events)."""

    delivery_id: str | None = None
    dead_only: bool = True
    since: int = 0
    until: int = field(default=2**62)
    limit: int = 10_000


class Subscriptions(Protocol):
    """The registered webhooks, their secrets encrypted at rest."""

    async def all(self) -> list[Hook]:
        """All of them, oldest first."""
        ...

    async def add(self, hook: Hook) -> None:
        """Store a new one."""
        ...

    async def change(self, hook: Hook) -> None:
        """Store what changed."""
        ...

    async def remove(self, webhook_id: str) -> bool:
        """Remove it with its log; false when there was none."""
        ...

    async def mark_failing(self, webhook_id: str, since: int | None) -> None:
        """Note since when it fails without a success; ``None`` after a success."""
        ...

    async def disable(self, hook: Hook, reason: str) -> bool:
        """Switch it off and journal ``webhook.disabled``; false when it was off already."""
        ...

    async def revision(self) -> int:
        """A number that changes with every change, by whatever engine."""
        ...


class Outbox(Protocol):
    """The deliveries that wait, and what became of each."""

    async def enqueue(self, deliveries: Sequence[Delivery], position: Position | None = None) -> None:
        """Store new deliveries and, in the same commit, how far the journal has been read; known ids are left alone.

        A delivery with a ``replace_key`` replaces those with the same key that still wait.
        """
        ...

    async def record(self, attempts: Sequence[Attempt]) -> None:
        """Store what came of attempts, and journal ``webhook.delivery`` for each, in one commit."""
        ...

    async def pending(self, webhook_id: str, after: int, limit: int, skip: Sequence[int] = ()) -> list[Delivery]:
        """Deliveries that wait for a first attempt (or were replayed), in order, their events attached.

        Those from ``seq >= after`` on, without those of the lanes ``skip``.
        """
        ...

    async def again(self, webhook_id: str, limit: int) -> list[Delivery]:
        """Deliveries that wait for another attempt, by its time, their events attached."""
        ...

    async def counts(self) -> dict[str, int]:
        """Waiting deliveries by webhook."""
        ...

    async def replay(self, webhook_id: str, span: Span) -> int:
        """Let deliveries that ended wait again; returns how many."""
        ...

    async def trim(self, before: int) -> int:
        """Drop ended deliveries of events older than ``before`` (UTC microseconds), a chunk; returns how many."""
        ...


class Log(Protocol):
    """Reading what was delivered."""

    async def deliveries(self, query: LogQuery) -> list[DeliveryView]:
        """Deliveries, newest first."""
        ...

    async def delivery(self, delivery_id: str) -> tuple[Delivery, DeliveryView, list[AttemptView]] | None:
        """One with its attempts."""
        ...

    async def stats(self, webhook_id: str, hours: int) -> WebhookStats:
        """Attempts of the last hours."""
        ...
