"""The learning loop: suggestions made of unanswered messages, and decisions that people judged."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query as QueryParameters
from pydantic import Field, StrictBool
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, cursor_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import Cursor, Limit, Query
from waqtor.contracts import learning as c
from waqtor.contracts.base import Model
from waqtor.contracts.rules import Language, Phrase, RuleIdText
from waqtor.contracts.views import Page, View

routes = Routes("suggestions")
_PATH = "/smartbot/suggestions"


def _body(example: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


class SuggestionQuery(Query):
    """Which suggestions."""

    status: c.SuggestionStatus | None = None


class SuggestionList(View):
    """Suggestions, those that serve most customers first; three messages of evidence each."""

    suggestions: tuple[c.SuggestionView, ...]


class LabelQuery(Query):
    """A page of labels."""

    limit: Limit = 50
    cursor: Cursor | None = None


class LabelPage(Page):
    """Decisions that people judged, the latest first."""

    labels: tuple[c.LabelView, ...]


class EditBody(Model):
    """What changes; the rest stays."""

    rule_id: RuleIdText | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    action: Annotated[str, Field(pattern="^(reply|handoff|ignore)$")] | None = None
    examples: dict[Language, tuple[Phrase, ...]] | None = None
    replies: dict[Language, Annotated[str, Field(max_length=4096)]] | None = None


class AcceptBody(Model):
    """How to accept."""

    revision: Annotated[str, Field(max_length=128)] | None = None
    commit: StrictBool = False
    message: Annotated[str, Field(max_length=2000)] = ""
    force: StrictBool = False
    evaluate: StrictBool = True


class ReasonBody(Model):
    """Why."""

    reason: c.Reason = ""


class SnoozeBody(Model):
    """For how long, and why."""

    days: Annotated[float, Field(gt=0, le=366)] = 7.0
    reason: c.Reason = ""


class LabelBody(Model):
    """Whether the decision was right, and which rule would have been."""

    right: StrictBool
    rule_id: RuleIdText | None = None
    note: c.Reason = ""


@routes.add("GET", _PATH, "smartbot:read", SuggestionList)
async def list_suggestions(request: Request, query: Annotated[SuggestionQuery, QueryParameters()]) -> Response:
    """What the bot could learn from the messages that it did not answer."""
    return answer(request, SuggestionList(suggestions=tuple(await engine_of(request).suggestions.listed(query.status))))


@routes.add(
    "POST",
    f"{_PATH}/refresh",
    "smartbot:write",
    dict[str, Any],
    errors=(404, 409),
    extra=_body({"days": 30, "least": 5}),
)
async def refresh_suggestions(request: Request, body: c.RefreshSuggestions | None = None) -> Response:
    """Look at the messages of the last days again."""
    return answer(request, await _do(request, body or c.RefreshSuggestions()))


@routes.add("GET", f"{_PATH}/{{suggestion_id}}", "smartbot:read", c.SuggestionView, errors=(404,))
async def get_suggestion(request: Request, suggestion_id: str) -> Response:
    """One suggestion with its evidence."""
    return answer(request, await engine_of(request).suggestions.get(suggestion_id))


@routes.add("GET", f"{_PATH}/{{suggestion_id}}/diff", "smartbot:read", c.SuggestionDiff, errors=(404, 409))
async def suggestion_diff(request: Request, suggestion_id: str) -> Response:
    """What accepting it would write; its `revision` goes into accept."""
    return answer(request, await engine_of(request).suggestions.diff(suggestion_id))


@routes.add(
    "PATCH",
    f"{_PATH}/{{suggestion_id}}",
    "smartbot:write",
    c.SuggestionView,
    errors=(404, 409),
    extra=_body({"rule_id": "gift_wrap", "replies": {"en": "We wrap gifts for free."}}),
)
async def edit_suggestion(request: Request, suggestion_id: str, body: EditBody) -> Response:
    """Change a suggestion before it is accepted."""
    command = c.EditSuggestion(suggestion_id=suggestion_id, **body.model_dump(exclude_unset=True))
    return answer(request, await _do(request, command))


@routes.add(
    "POST",
    f"{_PATH}/{{suggestion_id}}/accept",
    "smartbot:write",
    c.CheckReport,
    errors=(403, 404, 409),
    extra=_body({"commit": True, "message": "Answer questions about gifts"}),
)
async def accept_suggestion(request: Request, suggestion_id: str, body: AcceptBody | None = None) -> Response:
    """Write it into the rules after checks, tests and a quick evaluation; 409 when the file changed underneath."""
    command = c.AcceptSuggestion(suggestion_id=suggestion_id, **(body or AcceptBody()).model_dump())
    return answer(request, await _do(request, command))


@routes.add(
    "POST",
    f"{_PATH}/{{suggestion_id}}/reject",
    "smartbot:write",
    c.SuggestionView,
    errors=(404, 409),
    extra=_body({"reason": "not ours"}),
)
async def reject_suggestion(request: Request, suggestion_id: str, body: ReasonBody | None = None) -> Response:
    """Reject it; it does not come back."""
    command = c.RejectSuggestion(suggestion_id=suggestion_id, reason=body.reason if body else "")
    return answer(request, await _do(request, command))


@routes.add(
    "POST",
    f"{_PATH}/{{suggestion_id}}/snooze",
    "smartbot:write",
    c.SuggestionView,
    errors=(404, 409),
    extra=_body({"days": 7}),
)
async def snooze_suggestion(request: Request, suggestion_id: str, body: SnoozeBody | None = None) -> Response:
    """Put it aside for some days."""
    command = c.SnoozeSuggestion(suggestion_id=suggestion_id, **(body or SnoozeBody()).model_dump())
    return answer(request, await _do(request, command))


@routes.add("POST", f"{_PATH}/{{suggestion_id}}/reopen", "smartbot:write", c.SuggestionView, errors=(404, 409))
async def reopen_suggestion(request: Request, suggestion_id: str) -> Response:
    """Take a rejection or a snooze back."""
    return answer(request, await _do(request, c.ReopenSuggestion(suggestion_id=suggestion_id)))


@routes.add("GET", "/smartbot/labels", "smartbot:read", LabelPage)
async def list_labels(request: Request, query: Annotated[LabelQuery, QueryParameters()]) -> Response:
    """Decisions that people judged: labelled traffic."""
    found = await engine_of(request).suggestions.labels(cursor_of(query.cursor), query.limit + 1)
    page = found[: query.limit]
    cursor = page[-1].trace_id if len(found) > query.limit else None
    return answer(request, LabelPage(labels=tuple(page), next_cursor=cursor))


@routes.add(
    "PUT",
    "/smartbot/labels/{trace_id}",
    "smartbot:write",
    c.LabelView,
    errors=(404,),
    extra=_body({"right": False, "rule_id": "payment"}),
)
async def label_decision(request: Request, trace_id: str, body: LabelBody) -> Response:
    """Say whether a decision was right."""
    return answer(request, await _do(request, c.LabelDecision(trace_id=_short(trace_id), **body.model_dump())))


@routes.add("DELETE", "/smartbot/labels/{trace_id}", "smartbot:write", dict[str, Any], errors=(404,))
async def unlabel_decision(request: Request, trace_id: str) -> Response:
    """Take a judgement back."""
    return answer(request, await _do(request, c.UnlabelDecision(trace_id=_short(trace_id))))


def _short(trace_id: str) -> str:
    return trace_id[:64]


async def _do(request: Request, command: Any) -> Any:
    return await engine_of(request).dispatch(command, principal=caller_of(request))
