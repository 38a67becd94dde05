"""Campaigns: create, rehearse, run, look, export."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, cursor_of, engine_of, idempotency_key
from waqtor.api.routes.messages import IDEMPOTENCY
from waqtor.api.routing import Routes
from waqtor.api.shapes import Cursor, Limit, PageQuery
from waqtor.api.shapes import Query as QueryString
from waqtor.contracts.base import Model
from waqtor.contracts.campaigns import (
    CampaignAction,
    CampaignReport,
    CampaignView,
    CreateCampaign,
    DryRun,
    RecipientState,
    RecipientView,
    TestSend,
)
from waqtor.contracts.event_data import CampaignStatus
from waqtor.contracts.views import Page
from waqtor.errors import InvalidInput

routes = Routes("campaigns")
SCOPE = "campaigns:manage"
_SPEC = {
    "name": "New Year Sale",
    "recipients": [{"to": "+966501234567", "name": "Noura"}],
    "template": "{{name}}, {{discount}}% off today!",
    "variables": {"discount": 50},
    "fallbacks": {"name": "Dear customer"},
}
_BODY = {**IDEMPOTENCY, "requestBody": {"content": {"application/json": {"example": _SPEC}}}}
_REASON = {
    **IDEMPOTENCY,
    "requestBody": {"content": {"application/json": {"example": {"reason": "asked for by the shop"}}}},
}
_TEST = {
    **IDEMPOTENCY,
    "requestBody": {"content": {"application/json": {"example": {"recipients": ["+966501234567"]}}}},
}
_CSV = {"responses": {"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}}


class CampaignQuery(PageQuery):
    """Which campaigns."""

    status: CampaignStatus | None = None


class ExportQuery(QueryString):
    """Which recipients; all when nothing is said."""

    status: RecipientState | Literal["replied"] | None = None
    search: Annotated[str, Field(max_length=64, description="Part of the number.")] | None = None


class RecipientQuery(ExportQuery):
    """Which recipients."""

    limit: Limit = 50
    cursor: Cursor | None = None


class CampaignPage(Page):
    """Campaigns, newest first."""

    campaigns: tuple[CampaignView, ...]


class RecipientPage(Page):
    """Recipients, in the order of the plan."""

    recipients: tuple[RecipientView, ...]


class ActionBody(Model):
    """Why, for the record."""

    reason: Annotated[str, Field(max_length=200)] = ""


class TestSendBody(Model):
    """To whom the test goes, and which variant (default: each)."""

    __test__ = False
    recipients: Annotated[tuple[str, ...], Field(min_length=1, max_length=20, examples=[["+966501234567"]])]
    variant: Annotated[str, Field(max_length=32)] | None = None


async def create_campaign(request: Request, command: CreateCampaign) -> Response:
    """Make a draft: the texts are compiled and checked, the audience is read."""
    made = await engine_of(request).dispatch(command, key=idempotency_key(request), principal=caller_of(request))
    return answer(request, made, status=201)


routes.add("POST", "/campaigns/create", SCOPE, CampaignView, status=201, errors=(404, 409), extra=_BODY)(
    create_campaign
)


@routes.add("GET", "/campaigns", SCOPE, CampaignPage)
async def list_campaigns(request: Request, query: Annotated[CampaignQuery, Query()]) -> Response:
    """Campaigns, newest first."""
    before = cursor_of(query.cursor)
    found = await engine_of(request).campaigns.list(query.session, query.status, before, query.limit + 1)
    page = found[: query.limit]
    cursor = page[-1].id if len(found) > query.limit else None
    return answer(request, CampaignPage(campaigns=tuple(page), next_cursor=cursor))


def _action(name: str, path: str, shape: Any, words: str) -> None:
    async def act(request: Request, campaign_id: str, body: ActionBody | None = None) -> Response:
        command = CampaignAction.model_validate(
            {"campaign_id": campaign_id, "action": name, "reason": body.reason if body else ""}
        )
        found = await engine_of(request).dispatch(command, key=idempotency_key(request), principal=caller_of(request))
        return answer(request, found, status=201 if name == "clone" else 200)

    act.__name__ = f"{name}_campaign"
    act.__doc__ = words
    status = 201 if name == "clone" else 200
    endpoint: Callable[..., Awaitable[Response]] = act
    routes.add(
        "POST", f"/campaigns/{{campaign_id}}/{path}", SCOPE, shape, status=status, errors=(404, 409), extra=_REASON
    )(endpoint)


for _name, _path, _shape, _words in (
    ("execute", "execute", CampaignView, "Start it, or leave it to its schedule."),
    ("pause", "pause", CampaignView, "Stop at the next message; nothing is lost."),
    ("resume", "resume", CampaignView, "Go on where it stopped."),
    ("cancel", "cancel", CampaignView, "End it for good; what is queued is skipped."),
    ("retry_failed", "retry-failed", CampaignView, "Send again to those whose send failed, and to nobody else."),
    ("clone", "clone", CampaignView, "Make a new draft like it."),
    ("dry_run", "dry-run", DryRun, "Count, skip and render as if it ran; nothing is sent."),
):
    _action(_name, _path, _shape, _words)


@routes.add("POST", "/campaigns/{campaign_id}/test-send", SCOPE, dict[str, Any], errors=(404, 409), extra=_TEST)
async def test_send(request: Request, campaign_id: str, body: TestSendBody) -> Response:
    """Send the message to a few own numbers, filled in as for the first recipient."""
    command = TestSend(campaign_id=campaign_id, recipients=body.recipients, variant=body.variant)
    return answer(
        request, await engine_of(request).dispatch(command, key=idempotency_key(request), principal=caller_of(request))
    )


@routes.add("GET", "/campaigns/{campaign_id}", SCOPE, CampaignView, errors=(404,))
async def get_campaign(request: Request, campaign_id: str) -> Response:
    """One campaign."""
    return answer(request, await engine_of(request).campaigns.status(campaign_id))


@routes.add("GET", "/campaigns/{campaign_id}/status", SCOPE, CampaignView, errors=(404,))
async def campaign_status(request: Request, campaign_id: str) -> Response:
    """Where it stands: counts, speed, ETA."""
    return answer(request, await engine_of(request).campaigns.status(campaign_id))


@routes.add("GET", "/campaigns/{campaign_id}/report", SCOPE, CampaignReport, errors=(404,))
async def campaign_report(request: Request, campaign_id: str) -> Response:
    """Its figures: funnel, speed, failures, responses, the A/B test."""
    return answer(request, await engine_of(request).campaigns.report(campaign_id))


@routes.add("GET", "/campaigns/{campaign_id}/recipients", SCOPE, RecipientPage, errors=(404,))
async def campaign_recipients(
    request: Request, campaign_id: str, query: Annotated[RecipientQuery, Query()]
) -> Response:
    """Who got it, who did not, and why."""
    found = await engine_of(request).campaigns.recipients(
        campaign_id, status=query.status, search=query.search, after=after_place(query.cursor), limit=query.limit + 1
    )
    page = found[: query.limit]
    cursor = str(page[-1].place) if len(found) > query.limit else None
    return answer(request, RecipientPage(recipients=tuple(page), next_cursor=cursor))


@routes.add("GET", "/campaigns/{campaign_id}/recipients.csv", SCOPE, None, errors=(404,), extra=_CSV)
async def export_recipients(request: Request, campaign_id: str, query: Annotated[ExportQuery, Query()]) -> Response:
    """Recipients as CSV (UTF-8 with a mark, as spreadsheets like it)."""
    campaigns = engine_of(request).campaigns
    await campaigns.status(campaign_id)
    headers = {"content-disposition": f'attachment; filename="campaign-{campaign_id[:26]}.csv"'}
    return StreamingResponse(_csv(campaigns, campaign_id, query), media_type="text/csv; charset=utf-8", headers=headers)


async def _csv(campaigns: Any, campaign_id: str, query: ExportQuery) -> AsyncIterator[str]:
    columns = ("contact", "variant", "status", "attempt", "error", "reason", "updated", "replied_after_s")
    after, first = -1, True
    while True:
        rows: list[RecipientView] = await campaigns.recipients(
            campaign_id, status=query.status, search=query.search, after=after, limit=2000
        )
        text = io.StringIO()
        writer = csv.writer(text)
        if first:
            text.write("\ufeff")
            writer.writerow(columns)
            first = False
        writer.writerows([[_cell(getattr(row, name)) for name in columns] for row in rows])
        yield text.getvalue()
        if len(rows) < 2000:
            return
        after = rows[-1].place


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    # A spreadsheet would run what begins like a formula.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def after_place(cursor: str | None) -> int:
    """The place that a cursor stands for; -1 without one.

    Raises:
        InvalidInput: It is no cursor of ours.
    """
    if cursor is None:
        return -1
    if not cursor.isdigit() or len(cursor) > 12:
        issue = {"in": "query", "field": "cursor", "message": "is not a cursor", "type": "cursor"}
        raise InvalidInput("cursor: pass next_cursor of the previous page as it is.", issues=[issue])
    return int(cursor)
