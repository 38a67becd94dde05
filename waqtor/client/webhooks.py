"""Webhooks: builders of the calls, and :func:`verify` for those who receive them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from waqtor.client.calls import (
    Answer,
    AsyncResource,
    BlockingResource,
    Call,
    awaiting,
    blocking,
    body_of,
    many,
    nothing,
    one,
    read,
    segment,
)
from waqtor.client.pages import Listing
from waqtor.client.verification import Received, WebhookRefused, verify
from waqtor.contracts import webhooks as w

__all__ = ["AsyncWebhooks", "Received", "WebhookRefused", "Webhooks", "verify"]


def _made(answer: Answer) -> w.WebhookView:
    return read(w.WebhookMade, answer.body).webhook


def _path(webhook_id: str, *more: str) -> str:
    return "/".join(["/webhooks", segment(webhook_id), *more])


def webhooks() -> Call[Listing[w.WebhookView]]:
    """All webhooks, without their secrets."""
    return Call("GET", "/webhooks", many(w.WebhookView))


def webhook(webhook_id: str) -> Call[w.WebhookView]:
    """One webhook."""
    return Call("GET", _path(webhook_id), _made)


def create(url: str, events: Sequence[str] = ("*",), **options: Any) -> Call[w.WebhookView]:
    """Register a webhook; ``secret`` is in the answer, this once.

    Args:
        url: Where to deliver.
        events: Names such as ``message_received``; ``*`` for all journaled ones.
        options: ``name``, ``secret``, ``enabled``, ``filters``, ``headers``, ``attempts``, ``delay_ms``,
            ``timeout_ms``, ``schedule`` (``default``, ``long`` or seconds), ``ordered``, ``concurrency``.
    """
    body = body_of(w.CreateWebhook, url=url, events=tuple(events), **options)
    return Call("POST", "/webhooks", _made, json=body)


def update(webhook_id: str, **changes: Any) -> Call[w.WebhookView]:
    """Change what is given; the rest stays, the secret too."""
    return Call("PATCH", _path(webhook_id), _made, json=body_of(w.UpdateWebhook, **changes))


def delete(webhook_id: str) -> Call[None]:
    """Remove a webhook with its log."""
    return Call("DELETE", _path(webhook_id), nothing)


def try_out(webhook_id: str, *, event: str = "test") -> Call[w.DeliveryDetail]:
    """Send one test delivery now and tell how it went."""
    return Call("POST", _path(webhook_id, "test"), one(w.DeliveryDetail), json={"event": event})


def rotate(webhook_id: str, *, secret: str | None = None) -> Call[w.WebhookView]:
    """Give it a new secret, in the answer this once; the old one signs along for 24 hours."""
    return Call("POST", _path(webhook_id, "rotate"), _made, json=body_of(w.RotateWebhook, secret=secret))


def replay(
    webhook_id: str,
    *,
    delivery_id: str | None = None,
    status: str | None = None,
    since: str | None = None,
    until: str | None = None,
    missing: bool | None = None,
) -> Call[w.Replayed]:
    """Deliver again: one delivery, or the dead (``status="all"``: all) ones of a range of time."""
    body = body_of(w.ReplayWebhook, delivery_id=delivery_id, status=status, since=since, until=until, missing=missing)
    return Call("POST", _path(webhook_id, "replay"), one(w.Replayed), json=body)


def logs(
    webhook_id: str,
    *,
    state: str | None = None,
    event: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Listing[w.DeliveryView]]:
    """The deliveries of a webhook, newest first."""
    params = {"state": state, "event": event, "cursor": cursor, "limit": limit}
    return Call("GET", _path(webhook_id, "logs"), many(w.DeliveryView), params=params)


def delivery(webhook_id: str, delivery_id: str) -> Call[w.DeliveryDetail]:
    """One delivery with its attempts and its body."""
    return Call("GET", _path(webhook_id, "logs", segment(delivery_id)), one(w.DeliveryDetail))


def stats(webhook_id: str, *, hours: int = 24) -> Call[w.WebhookStats]:
    """Attempts of the last hours."""
    return Call("GET", _path(webhook_id, "stats"), one(w.WebhookStats), params={"hours": hours})


class Webhooks(BlockingResource):
    """Webhooks, their deliveries and logs."""

    list = blocking(webhooks)
    get = blocking(webhook)
    create = blocking(create)
    update = blocking(update)
    delete = blocking(delete)
    test = blocking(try_out)
    rotate = blocking(rotate)
    replay = blocking(replay)
    logs = blocking(logs)
    delivery = blocking(delivery)
    stats = blocking(stats)


class AsyncWebhooks(AsyncResource):
    """Webhooks, their deliveries and logs."""

    list = awaiting(webhooks)
    get = awaiting(webhook)
    create = awaiting(create)
    update = awaiting(update)
    delete = awaiting(delete)
    test = awaiting(try_out)
    rotate = awaiting(rotate)
    replay = awaiting(replay)
    logs = awaiting(logs)
    delivery = awaiting(delivery)
    stats = awaiting(stats)
