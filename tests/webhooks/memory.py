"""A webhook service on memory, whose receivers take everything: for tests of the API and the SDK."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from waqtor.contracts.webhooks import AttemptView, DeliveryView, WebhookStats
from waqtor.contracts.wire import iso
from waqtor.webhooks.guard import Guard
from waqtor.webhooks.ports import Attempt, Delivery, Hook, LogQuery
from waqtor.webhooks.post import Answer
from waqtor.webhooks.service import Defaults, WebhookService


class MemoryStore:
    def __init__(self) -> None:
        self.hooks: dict[str, Hook] = {}
        self.waiting: dict[str, Delivery] = {}
        self.attempts: dict[str, list[Attempt]] = {}

    async def all(self) -> list[Hook]:
        return list(self.hooks.values())

    async def add(self, hook: Hook) -> None:
        self.hooks[hook.id] = hook

    async def change(self, hook: Hook) -> None:
        self.hooks[hook.id] = hook

    async def remove(self, webhook_id: str) -> bool:
        return self.hooks.pop(webhook_id, None) is not None

    async def disable(self, hook: Hook, reason: str) -> bool:
        self.hooks[hook.id] = replace(hook, enabled=False, disabled_reason=reason)
        return True

    async def enqueue(self, deliveries: Any, position: Any = None) -> None:
        for delivery in deliveries:
            self.waiting.setdefault(delivery.id, delivery)

    async def record(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            self.attempts.setdefault(attempt.delivery_id, []).append(attempt)

    async def counts(self) -> dict[str, int]:
        return {}

    async def replay(self, webhook_id: str, span: Any) -> int:
        return sum(1 for d in self.waiting.values() if d.id == span.delivery_id and d.webhook_id == webhook_id)

    async def deliveries(self, query: LogQuery) -> list[DeliveryView]:
        found = [self._view(d) for d in self.waiting.values() if d.webhook_id == query.webhook_id]
        kept = [v for v in found if query.state in (None, v.state) and query.event in (None, v.event)]
        newest = sorted(kept, key=lambda v: v.id, reverse=True)
        return [v for v in newest if query.before is None or v.id < query.before][: query.limit]

    async def delivery(self, delivery_id: str) -> Any:
        delivery = self.waiting.get(delivery_id)
        if delivery is None:
            return None
        views = [
            AttemptView(attempt=a.number, at=iso(a.at), status="success", status_code=a.status_code,
                        response_time_ms=a.ms, response=a.response)
            for a in self.attempts.get(delivery_id, [])
        ]  # fmt: skip
        return delivery, self._view(delivery), views

    async def stats(self, webhook_id: str, hours: int) -> WebhookStats:
        return WebhookStats(
            webhook_id=webhook_id, hours=hours, attempts=0, success=0, failed=0, dead=0, success_rate=None,
            p50_ms=None, p95_ms=None, pending=0, by_event=(), by_hour=(),
        )  # fmt: skip

    def _view(self, d: Delivery) -> DeliveryView:
        tried = self.attempts.get(d.id, [])
        return DeliveryView(
            id=d.id, webhook_id=d.webhook_id, event=d.name, event_type=d.type, offset=d.seq, attempts=len(tried),
            state=tried[-1].state if tried else "pending", created=iso(d.created), updated=iso(d.created), test=d.test,
        )  # fmt: skip


class _Journal:
    epoch, head = "e", 0

    async def first(self) -> int:
        return 0

    async def read(self, after: int, limit: int) -> list[Any]:
        return []


class _Poster:
    async def post(self, *args: Any) -> Answer:
        return Answer(204, 1.5)


def memory_webhooks(clock: Any) -> WebhookService:
    store: Any = MemoryStore()
    journal: Any = _Journal()
    poster: Any = _Poster()
    return WebhookService(store, store, store, journal, store, clock, Guard(), Defaults(), poster=poster)
