"""Webhooks as the engine and the API use them: register, change, test, replay, read the log; and the work behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from waqtor.contracts import webhooks as w
from waqtor.contracts.events import Event
from waqtor.contracts.ids import new_ulid
from waqtor.errors import NotFound
from waqtor.kernel.clock import Clock
from waqtor.kernel.ports import Cursors, Journal
from waqtor.webhooks.body import body, body_of
from waqtor.webhooks.dispatcher import Dispatcher
from waqtor.webhooks.feed import Feed, delivery_of
from waqtor.webhooks.given import moment_of, secret_of
from waqtor.webhooks.guard import Guard
from waqtor.webhooks.ports import Delivery, Hook, Log, LogQuery, Outbox, Span, Subscriptions
from waqtor.webhooks.post import Poster
from waqtor.webhooks.views import view_of

_log = structlog.get_logger(__name__)
_ROTATION_US = 24 * 3_600_000_000
_DAY_US = 86_400_000_000
_TICK_S = 10.0
_REPLAY_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a webhook has that does not say otherwise, and how the service behaves."""

    attempts: int = 3
    delay_ms: int = 1000
    timeout_ms: int = 10_000
    concurrency: int = 16
    disable_after_days: float = 5.0
    log_days: int = 30


class WebhookService:
    """All webhooks of an engine.

    Args:
        lease: Tells whether this engine delivers (several engines on one store: one of them does).
        shared: Other engines may write to the same store.
    """

    def __init__(
        self, subscriptions: Subscriptions, outbox: Outbox, log: Log, journal: Journal, cursors: Cursors,
        clock: Clock, guard: Guard, defaults: Defaults, *, agent: str = "WaQtor-Webhook",
        lease: Callable[[], Awaitable[bool]] | None = None,
        shared: bool = False, poster: Poster | None = None,
    ) -> None:  # fmt: skip
        self._subscriptions = subscriptions
        self._outbox = outbox
        self._log = log
        self._journal = journal
        self._cursors = cursors
        self._clock = clock
        self._guard = guard
        self._defaults = defaults
        self._lease = lease
        self._shared = shared
        self._hooks: dict[str, Hook] = {}
        self._poster = poster or Poster(guard)
        self._ticks: dict[str, tuple[float, Event | None]] = {}
        self._stale = asyncio.Event()
        self.dispatcher = Dispatcher(
            outbox, subscriptions, self._poster, clock, disable_after_days=defaults.disable_after_days,
            changed=self._stale.set, agent=agent,
        )  # fmt: skip
        self.feed = Feed(journal, cursors, outbox, self.dispatcher, self._hooks)

    # --- life

    async def start(self) -> None:
        """Read the registered webhooks and open the connection pools."""
        await self._reload()
        await self._poster.start()

    async def stop(self) -> None:
        """Close the connections (the tasks of :meth:`run` are cancelled by who started them)."""
        await self._poster.stop()

    async def run(self) -> None:
        """Deliver while this engine holds the lease; stand by else."""
        while True:
            if self._lease is not None and not await self._lease():
                await asyncio.sleep(1.0)
                continue
            await self._reload()
            await self._work()

    async def _work(self) -> None:
        self.dispatcher.start(list(self._hooks.values()))
        assert self.dispatcher.failure is not None
        parts = [asyncio.create_task(self.feed.run()), asyncio.create_task(self._keep_house())]
        try:
            done, _ = await asyncio.wait([*parts, self.dispatcher.failure], return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self.dispatcher.stop()

    async def _keep_house(self) -> None:
        """Renew the lease, notice changes, send ticks that are due, drop what is old; ends when the lease is lost."""
        revision, turn = await self._subscriptions.revision(), 0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stale.wait(), 1.0)
            turn += 1
            if self._stale.is_set() or (self._shared and await self._subscriptions.revision() != revision):
                self._stale.clear()
                await self._reload()
                revision = await self._subscriptions.revision()
            await self._send_ticks()
            if self._shared and turn % 2 == 0:
                self.dispatcher.reload()
            if turn % 4 == 0 and self._lease is not None and not await self._lease():
                return
            if turn % 600 == 1:
                before = self._clock.now_us() - self._defaults.log_days * _DAY_US
                while await self._outbox.trim(before):  # noqa: ASYNC110 - in chunks, to let others write between
                    await asyncio.sleep(0.05)

    async def _reload(self) -> None:
        found = {hook.id: hook for hook in await self._subscriptions.all()}
        self._hooks.clear()
        self._hooks.update(found)
        self.dispatcher.set_hooks(list(found.values()))

    # --- events outside the journal

    async def on_event(self, event: Event) -> None:
        """A QR code or a progress tick from the bus; ticks of a campaign go out at most every ten seconds."""
        if not any(hook.enabled for hook in self._hooks.values()):
            return
        if event.type == "campaign.progress":
            key, now = str(event.data.get("campaign_id")), self._clock.monotonic()
            sent, _ = self._ticks.get(key, (-_TICK_S, None))
            if now - sent < _TICK_S:
                self._ticks[key] = (sent, event)
                return
            self._ticks[key] = (now, None)
        await self._enqueue_now(event)

    async def _send_ticks(self) -> None:
        now = self._clock.monotonic()
        for key, (sent, waiting) in list(self._ticks.items()):
            if now - sent >= _TICK_S:
                if waiting is None:
                    del self._ticks[key]
                else:
                    self._ticks[key] = (now, None)
                    await self._enqueue_now(waiting)

    async def _enqueue_now(self, event: Event) -> None:
        if not event.created:
            event.created = self._clock.now_us()
        made = [delivery_of(hook, event, self._journal.head) for hook in self._hooks.values() if hook.enabled]
        found = [delivery for delivery in made if delivery is not None]
        if found:
            await self._outbox.enqueue(found)
            self.dispatcher.offer(found)

    # --- registering

    async def all(self) -> list[w.WebhookView]:
        """All webhooks, oldest first."""
        await self._refresh()
        counts = await self._outbox.counts()
        return [self._view(hook, counts.get(hook.id, 0)) for hook in self._hooks.values()]

    async def get(self, webhook_id: str) -> w.WebhookView:
        """One webhook.

        Raises:
            NotFound: No such webhook.
        """
        await self._refresh()
        return self._view(self._hook(webhook_id), (await self._outbox.counts()).get(webhook_id, 0))

    async def create(self, command: w.CreateWebhook) -> w.WebhookView:
        """Register one; the answer holds the secret, this once.

        Raises:
            InvalidInput: The URL leads nowhere public, or the secret is no secret.
        """
        self._guard.check_url(command.url)
        secret, now, d = secret_of(command.secret), self._clock.now_us(), self._defaults
        hook = Hook(
            id=new_ulid(), url=command.url, name=command.name, events=command.events, filters=command.filters,
            enabled=command.enabled, secret=secret, headers=command.headers,
            attempts=command.attempts or d.attempts,
            delay_ms=d.delay_ms if command.delay_ms is None else command.delay_ms,
            timeout_ms=command.timeout_ms or d.timeout_ms, schedule=command.schedule, ordered=command.ordered,
            concurrency=command.concurrency or d.concurrency, since=self._journal.head, created=now, updated=now,
        )  # fmt: skip
        await self._subscriptions.add(hook)
        await self._reload()
        return self._view(hook, 0).model_copy(update={"secret": secret})

    async def update(self, webhook_id: str, command: w.UpdateWebhook) -> w.WebhookView:
        """Change one; what is not given stays. Enabling starts with the events from now on."""
        await self._refresh()
        hook = self._hook(webhook_id)
        given: dict[str, Any] = {
            name: getattr(command, name) for name in command.model_fields_set if getattr(command, name) is not None
        }
        if "url" in given:
            self._guard.check_url(given["url"])
        if "secret" in given:
            given["secret"] = secret_of(given["secret"])
        if given.get("enabled") and not hook.enabled:
            given.update(since=self._journal.head, failing_since=None, disabled_reason=None)
        changed = replace(hook, **given, updated=max(self._clock.now_us(), hook.updated + 1))
        await self._subscriptions.change(changed)
        await self._reload()
        return await self.get(webhook_id)

    async def delete(self, webhook_id: str) -> None:
        """Remove one with its log.

        Raises:
            NotFound: No such webhook.
        """
        if not await self._subscriptions.remove(webhook_id):
            raise NotFound("There is no such webhook.")
        await self._reload()

    async def rotate(self, webhook_id: str, command: w.RotateWebhook) -> w.WebhookView:
        """Give it a new secret; the old one signs along for 24 hours."""
        await self._refresh()
        hook, now = self._hook(webhook_id), self._clock.now_us()
        secret = secret_of(command.secret)
        changed = replace(
            hook, secret=secret, old_secret=hook.secret, old_until=now + _ROTATION_US,
            updated=max(now, hook.updated + 1),
        )  # fmt: skip
        await self._subscriptions.change(changed)
        await self._reload()
        return (await self.get(webhook_id)).model_copy(update={"secret": secret})

    # --- delivering by hand

    async def test(self, webhook_id: str, command: w.TestWebhook) -> w.DeliveryDetail:
        """Send a test to this webhook only, once and now, also when it is disabled."""
        await self._refresh()
        hook, now = self._hook(webhook_id), self._clock.now_us()
        text = body(command.event, now, {"webhookId": hook.id, "message": "A test from WaQtor.", "test": True})
        delivery = Delivery(
            f"{new_ulid()}-{hook.tag}", hook.id, command.event, "test", self._journal.head, 0, "", now, body=text,
            test=True,
        )  # fmt: skip
        await self._outbox.enqueue([delivery])
        answer = await self.dispatcher.attempt(hook, delivery)
        await self.dispatcher.record(hook, delivery, answer, "delivered" if answer.ok else "dead")
        return await self.delivery(webhook_id, delivery.id)

    async def replay(self, webhook_id: str, command: w.ReplayWebhook) -> w.Replayed:
        """Deliver again; ids stay the same.

        Raises:
            InvalidInput: Neither a delivery nor a range nor the failed ones, or a time that is none.
            NotFound: No such webhook or delivery.
        """
        await self._refresh()
        hook = self._hook(webhook_id)
        if command.delivery_id is not None:
            count = await self._outbox.replay(hook.id, Span(command.delivery_id))
            if not count:
                raise NotFound("There is no such delivery, or it still waits.")
            self.dispatcher.reload(hook.id)
            return w.Replayed(webhook_id=hook.id, replayed=count)
        since = moment_of("since", command.since) if command.since else 0
        until = moment_of("until", command.until) if command.until else self._clock.now_us()
        span = Span(None, command.status == "dead", since, until, _REPLAY_MOST)
        count = await self._outbox.replay(hook.id, span)
        created = await self._make_missing(hook, since, until) if command.missing else 0
        self.dispatcher.reload(hook.id)
        return w.Replayed(
            webhook_id=hook.id, replayed=count, created=created, truncated=max(count, created) >= _REPLAY_MOST
        )

    async def _make_missing(self, hook: Hook, since: int, until: int) -> int:
        """Deliveries for the events of the span that had none; known ids are left alone."""
        made, after = 0, max(0, await self._journal.first() - 1)
        while made < _REPLAY_MOST:
            events = await self._journal.read(after, 500)
            if not events:
                break
            after = events[-1].offset
            found = [
                delivery_of(hook, e) for e in events if since <= e.created < until and e.type != "webhook.delivery"
            ]
            wanted = [delivery for delivery in found if delivery is not None]
            if wanted:
                await self._outbox.enqueue(wanted)
                made += len(wanted)
        return made

    # --- reading

    async def deliveries(self, query: LogQuery) -> list[w.DeliveryView]:
        """Deliveries, newest first.

        Raises:
            NotFound: No such webhook.
        """
        if query.webhook_id is not None:
            await self._refresh()
            self._hook(query.webhook_id)
        return await self._log.deliveries(query)

    async def delivery(self, webhook_id: str, delivery_id: str) -> w.DeliveryDetail:
        """One delivery with its attempts and its body.

        Raises:
            NotFound: No such delivery of this webhook.
        """
        found = await self._log.delivery(delivery_id)
        if found is None or found[1].webhook_id != webhook_id:
            raise NotFound("There is no such delivery.")
        delivery, view, attempts = found
        text: bytes | None = delivery.body
        if text is None and delivery.source is not None:
            text = body_of(delivery.name, delivery.source)
        secret = delivery.type == "session.qr"
        return w.DeliveryDetail(
            delivery=view, attempts=tuple(attempts), body=text.decode() if text and not secret else None
        )

    async def stats(self, webhook_id: str, hours: int = 24) -> w.WebhookStats:
        """Attempts of the last hours.

        Raises:
            NotFound: No such webhook.
        """
        await self._refresh()
        self._hook(webhook_id)
        return await self._log.stats(webhook_id, hours)

    async def _refresh(self) -> None:
        if self._shared:
            await self._reload()

    def _hook(self, webhook_id: str) -> Hook:
        hook = self._hooks.get(webhook_id)
        if hook is None:
            raise NotFound("There is no such webhook.")
        return hook

    def _view(self, hook: Hook, pending: int) -> w.WebhookView:
        return view_of(hook, self.dispatcher.endpoints.get(hook.id), pending, self._clock.now_us())
