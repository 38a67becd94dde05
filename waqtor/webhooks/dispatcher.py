"""The delivery workers: each endpoint has its own queue, slots, breaker and clock, so none delays another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from waqtor.contracts.webhooks import DeliveryState
from waqtor.kernel.clock import Clock
from waqtor.webhooks.body import body_of
from waqtor.webhooks.endpoint import WINDOW, Endpoint
from waqtor.webhooks.policy import THROTTLED, wait_after
from waqtor.webhooks.ports import Attempt, Delivery, Hook, Outbox, Subscriptions
from waqtor.webhooks.post import Answer, Poster, headers_of
from waqtor.webhooks.recorder import Recorder

_log = structlog.get_logger(__name__)
_DAY_US = 86_400_000_000


class Dispatcher:
    """Sends what waits, and records what came of it before a slot is free again.

    So after a crash at most ``concurrency`` deliveries of an endpoint go out twice, under the same id.

    Args:
        disable_after_days: An endpoint that only failed for so long is switched off; 0: never.
        changed: Called when a webhook was switched off here.
    """

    def __init__(
        self, outbox: Outbox, subscriptions: Subscriptions, poster: Poster, clock: Clock, *,
        disable_after_days: float = 5.0, agent: str = "WaQtor-Webhook", changed: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._recorder = Recorder(outbox)
        self._subscriptions = subscriptions
        self._poster = poster
        self._clock = clock
        self._disable_after_us = int(disable_after_days * _DAY_US)
        self._changed = changed
        self._agent = agent
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._running = False
        self.failure: asyncio.Future[None] | None = None

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """The endpoints at work, by webhook."""
        return self._endpoints

    def start(self, hooks: Sequence[Hook]) -> None:
        """Begin to deliver for these webhooks."""
        self._running = True
        self.failure = asyncio.get_running_loop().create_future()
        self.set_hooks(hooks)

    async def stop(self) -> None:
        """Stop at once and store what came back; what was still under way is sent again after the next start."""
        self._running = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._recorder.close()
        self._endpoints.clear()

    def set_hooks(self, hooks: Sequence[Hook]) -> None:
        """Take over the present list of webhooks; their queues stay."""
        wanted = {hook.id: hook for hook in hooks if hook.enabled}
        for gone in set(self._endpoints) - set(wanted):
            del self._endpoints[gone]
        for hook in wanted.values():
            endpoint = self._endpoints.get(hook.id)
            if endpoint is None or endpoint.hook.ordered != hook.ordered:
                self._endpoints[hook.id] = Endpoint(hook)
            else:
                if endpoint.hook.url != hook.url:
                    endpoint.breaker = type(endpoint.breaker)()
                    endpoint.not_before = 0.0
                endpoint.hook = replace(hook, failing_since=endpoint.hook.failing_since)
            self._pump(hook.id)

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        """Deliveries that have just been stored."""
        now, now_us = self._clock.monotonic(), self._clock.now_us()
        touched = set()
        for delivery in deliveries:
            endpoint = self._endpoints.get(delivery.webhook_id)
            if endpoint is None:
                continue
            if delivery.replace_key is not None:
                endpoint.drop(delivery.replace_key)
            if endpoint.behind:
                endpoint.leave(delivery.seq)  # older ones in the store go first
                continue
            endpoint.offer((delivery,), now, now_us)
            touched.add(delivery.webhook_id)
        for webhook_id in touched:
            self._pump(webhook_id)

    def reload(self, webhook_id: str | None = None) -> None:
        """Look into the store again, from the beginning (after a replay, or for what other engines stored)."""
        for endpoint in list(self._endpoints.values()):
            if webhook_id in (None, endpoint.hook.id):
                endpoint.leave(0)
                self._pump(endpoint.hook.id)

    def _pump(self, webhook_id: str) -> None:
        """Start as many sends as there is work and room for."""
        endpoint = self._endpoints.get(webhook_id)
        if endpoint is None or not self._running:
            return
        if endpoint.wants(self._clock.monotonic()):
            endpoint.loading = True
            self._spawn(self._load(endpoint))
        timer = self._timers.pop(webhook_id, None)
        if timer is not None:
            timer.cancel()
        while endpoint.active < endpoint.hook.concurrency:
            delivery = endpoint.take(self._clock.monotonic())
            if delivery is None:
                wait = endpoint.wake_in(self._clock.monotonic())
                if wait is not None:
                    loop = asyncio.get_running_loop()
                    self._timers[webhook_id] = loop.call_later(max(wait, 0.001), self._pump, webhook_id)
                return
            endpoint.active += 1
            self._spawn(self._work(endpoint, delivery))

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self.failure is not None and not self.failure.done():
            self.failure.set_exception(error)

    async def _load(self, endpoint: Endpoint) -> None:
        try:
            endpoint.ended.clear()
            if endpoint.again.wants(self._clock.monotonic()):
                await self._load_again(endpoint)
            if endpoint.wants_first:
                room = WINDOW - len(endpoint)
                found = await self._outbox.pending(endpoint.hook.id, endpoint.loaded_to, room, endpoint.passed)
                endpoint.behind = len(found) >= room
                if not self._offer_read(endpoint, found) and endpoint.behind:
                    endpoint.loaded_to = found[-1].seq + 1
        finally:
            endpoint.read()
        if self._endpoints.get(endpoint.hook.id) is endpoint:
            self._pump(endpoint.hook.id)

    async def _load_again(self, endpoint: Endpoint) -> None:
        """Read what waits for another attempt, before first attempts: an ordered chat waits for it."""
        limit, endpoint.again.stored = endpoint.again.limit, None
        found = await self._outbox.again(endpoint.hook.id, limit)
        self._offer_read(endpoint, found)
        if len(found) >= limit:
            endpoint.again.left(self._clock.monotonic() + (found[-1].due_at - self._clock.now_us()) / 1e6)

    def _offer_read(self, endpoint: Endpoint, found: Sequence[Delivery]) -> bool:
        """Hand over what was read; false when it was in memory all along."""
        fresh = [d for d in found if not endpoint.has(d.id) and d.id not in endpoint.ended]
        endpoint.offer(fresh, self._clock.monotonic(), self._clock.now_us())
        return bool(fresh)

    async def _work(self, endpoint: Endpoint, first: Delivery) -> None:
        """Send one delivery after the other in this slot."""
        delivery: Delivery | None = first
        try:
            while delivery is not None and self._running:
                await self._deliver(endpoint, delivery)
                if self._endpoints.get(endpoint.hook.id) is not endpoint:
                    return
                if endpoint.wants(self._clock.monotonic()):
                    break
                delivery = endpoint.take(self._clock.monotonic())
        finally:
            endpoint.active -= 1
        self._pump(endpoint.hook.id)

    async def _deliver(self, endpoint: Endpoint, delivery: Delivery) -> None:
        hook = endpoint.hook
        answer = await self.attempt(hook, delivery)
        now = self._clock.monotonic()
        endpoint.breaker.ended(answer.ok, now)
        state, wait = self._verdict(hook, delivery, answer)
        if answer.status in THROTTLED and answer.retry_after:
            endpoint.not_before = max(endpoint.not_before, now + wait)
        await self._recorder.record(self._outcome(hook, delivery, answer, state, wait), endpoint.active)
        if state == "pending":
            endpoint.retry(delivery, now + wait)
        else:
            endpoint.done(delivery)
        await self._judge(endpoint, answer)

    async def attempt(self, hook: Hook, delivery: Delivery) -> Answer:
        """Send once; never raises for what the receiver does."""
        body = delivery.body
        if body is None:
            if delivery.source is None:
                return Answer(None, 0.0, error="the journal no longer holds this event")
            body = body_of(delivery.name, delivery.source)
        now_us = self._clock.now_us()
        headers = headers_of(hook, delivery.id, delivery.name, body, now_us, self._agent)
        return await self._poster.post(hook.url, body, headers, hook.timeout_ms / 1000, now_us)

    def _verdict(self, hook: Hook, delivery: Delivery, answer: Answer) -> tuple[DeliveryState, float]:
        if answer.ok:
            return "delivered", 0.0
        gone = delivery.body is None and delivery.source is None
        if gone or (delivery.attempts + 1 >= hook.max_attempts and not _extra(hook, delivery)):
            return "dead", 0.0
        return "pending", wait_after(hook, delivery.attempts % hook.max_attempts + 1, answer.retry_after)

    async def record(
        self, hook: Hook, delivery: Delivery, answer: Answer, state: DeliveryState, wait: float = 0.0
    ) -> None:
        """Store what came of an attempt made by hand; returns when it is on disk."""
        await asyncio.shield(self._recorder.record(self._outcome(hook, delivery, answer, state, wait), 1))

    def _outcome(self, hook: Hook, delivery: Delivery, answer: Answer, state: DeliveryState, wait: float) -> Attempt:
        delivery.attempts += 1
        now_us = self._clock.now_us()
        return Attempt(
            delivery.id, hook.id, delivery.name, delivery.session, delivery.attempts, now_us, answer.ok,
            state, answer.ms, answer.status, answer.error, answer.response,
            now_us + int(wait * 1e6) if state == "pending" else 0,
        )  # fmt: skip

    async def _judge(self, endpoint: Endpoint, answer: Answer) -> None:
        """Remember since when the endpoint fails; switch it off when it is gone or failed for days."""
        hook, now_us = endpoint.hook, self._clock.now_us()
        if answer.ok:
            if hook.failing_since is not None:
                endpoint.hook = replace(hook, failing_since=None)
                await self._subscriptions.mark_failing(hook.id, None)
            return
        if hook.failing_since is None:
            endpoint.hook = hook = replace(hook, failing_since=now_us)
            await self._subscriptions.mark_failing(hook.id, now_us)
        reason = ""
        if answer.status == 410:
            reason = "the endpoint answered 410 Gone"
        elif self._disable_after_us and now_us - (hook.failing_since or now_us) >= self._disable_after_us:
            reason = f"nothing but failures for {self._disable_after_us / _DAY_US:g} days"
        if reason and self._endpoints.pop(hook.id, None) is not None:
            await self._subscriptions.disable(hook, reason)
            _log.warning("webhook.disabled", webhook=hook.id, reason=reason)
            self._changed()


def _extra(hook: Hook, delivery: Delivery) -> bool:
    """Whether a replayed delivery, whose attempts are counted on, still has attempts of its new round."""
    return (delivery.attempts + 1) % hook.max_attempts != 0
