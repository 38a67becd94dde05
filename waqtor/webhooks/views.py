"""Webhooks as the API shows them: never a secret, never a header's value."""

from __future__ import annotations

from typing import Literal

from waqtor.contracts.webhooks import WebhookView
from waqtor.contracts.wire import iso
from waqtor.webhooks.endpoint import Endpoint
from waqtor.webhooks.ports import Hook

Health = Literal["healthy", "failing", "open", "disabled"]


def view_of(hook: Hook, endpoint: Endpoint | None, pending: int, now_us: int) -> WebhookView:
    """A webhook as it is shown; ``endpoint`` is its work in this engine, if there is any."""
    failing = endpoint.hook.failing_since if endpoint is not None else hook.failing_since
    rotating = hook.old_secret is not None and hook.old_until > now_us
    return WebhookView(
        id=hook.id, url=hook.url, name=hook.name, events=hook.events, filters=hook.filters, enabled=hook.enabled,
        health=_health(hook, endpoint, failing), disabled_reason=hook.disabled_reason,
        failing_since=iso(failing) if failing else None, headers=tuple(hook.headers), attempts=hook.attempts,
        delay_ms=hook.delay_ms, timeout_ms=hook.timeout_ms, schedule=hook.schedule, ordered=hook.ordered,
        concurrency=hook.concurrency, pending=pending, old_secret_until=iso(hook.old_until) if rotating else None,
        created=iso(hook.created), updated=iso(hook.updated),
    )  # fmt: skip


def _health(hook: Hook, endpoint: Endpoint | None, failing: int | None) -> Health:
    if not hook.enabled:
        return "disabled"
    if endpoint is not None and endpoint.breaker.state != "closed":
        return "open"
    return "failing" if failing is not None else "healthy"
