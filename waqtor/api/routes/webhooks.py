"""Webhooks: register, change, test, rotate; their deliveries, statistics and replay."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query as QueryParameters
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import cursor_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import Cursor, Deleted, Limit, Query
from waqtor.contracts import webhooks as w
from waqtor.webhooks.ports import LogQuery

routes = Routes("webhooks")
_SCOPE = "webhooks:manage"


def _example(body: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


class DeliveryQuery(Query):
    """Which deliveries."""

    state: w.DeliveryState | None = None
    event: Annotated[str, Field(max_length=64)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class StatsQuery(Query):
    """Over which time."""

    hours: Annotated[int, Field(ge=1, le=720)] = 24


@routes.add("GET", "/webhooks", _SCOPE, w.WebhookList)
async def list_webhooks(request: Request) -> Response:
    """All webhooks, oldest first, without their secrets."""
    return answer(request, w.WebhookList(webhooks=tuple(await engine_of(request).webhooks.all())))


@routes.add(
    "POST",
    "/webhooks",
    _SCOPE,
    w.WebhookMade,
    status=201,
    extra=_example({"url": "https://crm.example.com/hooks/waqtor", "events": ["message_received"]}),
)
async def create_webhook(request: Request, body: w.CreateWebhook) -> Response:
    """Register a webhook; its secret is in this answer and never again."""
    made = await engine_of(request).webhooks.create(body)
    return answer(request, w.WebhookMade(webhook=made), status=201)


@routes.add("GET", "/webhooks/{webhook_id}", _SCOPE, w.WebhookMade, errors=(404,))
async def get_webhook(request: Request, webhook_id: str) -> Response:
    """One webhook."""
    return answer(request, w.WebhookMade(webhook=await engine_of(request).webhooks.get(webhook_id)))


@routes.add("PATCH", "/webhooks/{webhook_id}", _SCOPE, w.WebhookMade, errors=(404,), extra=_example({"enabled": False}))
async def update_webhook(request: Request, webhook_id: str, body: w.UpdateWebhook) -> Response:
    """Change a webhook; what is left out stays, the secret too."""
    changed = await engine_of(request).webhooks.update(webhook_id, body)
    return answer(request, w.WebhookMade(webhook=changed))


@routes.add("DELETE", "/webhooks/{webhook_id}", _SCOPE, Deleted, errors=(404,))
async def delete_webhook(request: Request, webhook_id: str) -> Response:
    """Remove a webhook with its log."""
    await engine_of(request).webhooks.delete(webhook_id)
    return answer(request, Deleted(id=webhook_id))


@routes.add(
    "POST", "/webhooks/{webhook_id}/test", _SCOPE, w.DeliveryDetail, errors=(404,), extra=_example({"event": "test"})
)
async def try_webhook(request: Request, webhook_id: str, body: w.TestWebhook | None = None) -> Response:
    """Send one test delivery to this webhook, now, and tell how it went."""
    return answer(request, await engine_of(request).webhooks.test(webhook_id, body or w.TestWebhook()))


@routes.add("POST", "/webhooks/{webhook_id}/rotate", _SCOPE, w.WebhookMade, errors=(404,), extra=_example({}))
async def rotate_webhook(request: Request, webhook_id: str, body: w.RotateWebhook | None = None) -> Response:
    """Give a webhook a new secret, shown here once; the old one signs along for 24 hours."""
    changed = await engine_of(request).webhooks.rotate(webhook_id, body or w.RotateWebhook())
    return answer(request, w.WebhookMade(webhook=changed))


@routes.add(
    "POST", "/webhooks/{webhook_id}/replay", _SCOPE, w.Replayed, errors=(404,), extra=_example({"status": "dead"})
)
async def replay_webhook(request: Request, webhook_id: str, body: w.ReplayWebhook | None = None) -> Response:
    """Deliver again: one delivery, the dead ones, or a range of time. Ids stay the same."""
    return answer(request, await engine_of(request).webhooks.replay(webhook_id, body or w.ReplayWebhook()))


@routes.add("GET", "/webhooks/{webhook_id}/logs", _SCOPE, w.DeliveryPage, errors=(404,))
async def list_deliveries(
    request: Request, webhook_id: str, query: Annotated[DeliveryQuery, QueryParameters()]
) -> Response:
    """The deliveries of a webhook, newest first."""
    asked = LogQuery(webhook_id, query.state, query.event, cursor_of(query.cursor), query.limit + 1)
    found = await engine_of(request).webhooks.deliveries(asked)
    page = found[: query.limit]
    cursor = page[-1].id if len(found) > query.limit else None
    return answer(request, w.DeliveryPage(logs=tuple(page), next_cursor=cursor))


@routes.add("GET", "/webhooks/{webhook_id}/logs/{delivery_id}", _SCOPE, w.DeliveryDetail, errors=(404,))
async def get_delivery(request: Request, webhook_id: str, delivery_id: str) -> Response:
    """One delivery with every attempt, the first 2 KB of each answer, and its body."""
    return answer(request, await engine_of(request).webhooks.delivery(webhook_id, delivery_id))


@routes.add("GET", "/webhooks/{webhook_id}/stats", _SCOPE, w.WebhookStats, errors=(404,))
async def webhook_stats(request: Request, webhook_id: str, query: Annotated[StatsQuery, QueryParameters()]) -> Response:
    """Attempts of the last hours: success rate, p50 and p95, by event and by hour."""
    return answer(request, await engine_of(request).webhooks.stats(webhook_id, query.hours))
