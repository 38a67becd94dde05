"""The bot: try it, read its decisions, change its rules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import chat_of, cursor_of, engine_of, expected_revision
from waqtor.api.routing import Routes
from waqtor.api.shapes import Deleted, HistoryPage, HistoryQuery, RuleList
from waqtor.contracts.commands import TestMessage
from waqtor.contracts.rules import Rule
from waqtor.contracts.views import HistoryFilter, RuleView, Trace
from waqtor.errors import InvalidInput, NotFound

routes = Routes("smartbot")

_RULE = {
    "id": "opening_hours",
    "examples": {"en": ["when are you open?"], "ar": ["متى تفتحون؟"]},
    "replies": {"en": [{"text": "Daily from 9 to 22."}], "ar": [{"text": "يومياً من ٩ إلى ١٠ مساءً."}]},
}
_RULE_BODY = {"requestBody": {"content": {"application/json": {"example": _RULE}}}}
_TEST_BODY = {"requestBody": {"content": {"application/json": {"example": {"text": "متى تفتحون؟"}}}}}
_IF_MATCH = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "Act only while the rule is at this revision (its ETag), else 409.",
            "schema": {"type": "string", "pattern": '^"[!#-~]{1,128}"$'},
            "example": '"3f2a9c"',
        }
    ]
}


@routes.add("POST", "/smartbot/test", "smartbot:read", Trace, errors=(404,), extra=_TEST_BODY)
async def test_message(request: Request, body: TestMessage) -> Response:
    """What the bot would answer, in all its steps; nothing is sent or stored."""
    trace = await engine_of(request).bot.test(body.text, session=body.session, contact=dict(body.contact))
    return answer(request, trace)


@routes.add("GET", "/smartbot/history", "smartbot:read", HistoryPage)
async def list_history(request: Request, query: Annotated[HistoryQuery, Query()]) -> Response:
    """The bot's decisions, newest first. A page may be short although `next_cursor` says that there are more."""
    which = HistoryFilter(
        session=query.session, decision=query.decision, rule_id=query.rule_id,
        chat_id=chat_of(query.chat_id) if query.chat_id is not None else None, language=query.language,
        least=query.min_confidence, most=query.max_confidence, since=_ms(query.since), until=_ms(query.until),
        search=query.search or None,
    )  # fmt: skip
    page, cursor = await engine_of(request).archive.history_page(which, cursor_of(query.cursor), query.limit)
    return answer(request, HistoryPage(history=tuple(page), next_cursor=cursor))


def _ms(when: datetime | None) -> int | None:
    return int(when.timestamp() * 1000) if when is not None else None


@routes.add("GET", "/smartbot/history/{trace_id}", "smartbot:read", Trace, errors=(404,))
async def get_trace(request: Request, trace_id: str) -> Response:
    """The stored trace of a decision."""
    trace = await engine_of(request).archive.trace(trace_id)
    if trace is None:
        raise NotFound("There is no such decision, or its text was erased.")
    return answer(request, trace)


@routes.add("GET", "/smartbot/status", "smartbot:read", dict[str, Any])
async def bot_status(request: Request) -> Response:
    """Rules, revision, encoder and index of the bot."""
    return answer(request, engine_of(request).bot.status())


@routes.add("POST", "/smartbot/rebuild", "smartbot:write", dict[str, Any])
async def rebuild(request: Request) -> Response:
    """Read the rules again and build the index anew."""
    return answer(request, await engine_of(request).bot.rebuild())


@routes.add("GET", "/smartbot/rules", "smartbot:read", RuleList)
async def list_rules(request: Request) -> Response:
    """All rules in the order of their files."""
    bot = engine_of(request).bot
    return answer(request, RuleList(rules=tuple(bot.list_rules()), revision=bot.revision))


@routes.add("POST", "/smartbot/rules", "smartbot:write", RuleView, status=201, errors=(403, 409), extra=_RULE_BODY)
async def create_rule(request: Request, rule: Rule) -> Response:
    """Add a rule; it goes to `custom.yaml`."""
    return _rule(request, await engine_of(request).bot.create_rule(rule), status=201)


@routes.add("GET", "/smartbot/rules/{rule_id}", "smartbot:read", RuleView, errors=(404,))
async def get_rule(request: Request, rule_id: str) -> Response:
    """One rule; its `ETag` is the revision."""
    return _rule(request, engine_of(request).bot.get_rule(rule_id))


@routes.add(
    "PUT",
    "/smartbot/rules/{rule_id}",
    "smartbot:write",
    RuleView,
    errors=(404, 409),
    extra={**_RULE_BODY, **_IF_MATCH},
)
async def update_rule(request: Request, rule_id: str, rule: Rule) -> Response:
    """Replace a rule in the file that holds it; comments there stay."""
    if rule.id != rule_id:
        issue = {"in": "body", "field": "id", "message": "differs from the id in the path", "type": "mismatch"}
        raise InvalidInput("id: differs from the id in the path; a rule keeps its id.", issues=[issue])
    view = await engine_of(request).bot.update_rule(rule_id, rule, revision=expected_revision(request))
    return _rule(request, view)


@routes.add("DELETE", "/smartbot/rules/{rule_id}", "smartbot:write", Deleted, errors=(404, 409), extra=_IF_MATCH)
async def delete_rule(request: Request, rule_id: str) -> Response:
    """Remove a rule from its file."""
    await engine_of(request).bot.delete_rule(rule_id, revision=expected_revision(request))
    return answer(request, Deleted(id=rule_id))


def _rule(request: Request, view: RuleView, status: int = 200) -> Response:
    return answer(request, view, status=status, headers={"ETag": f'"{view.revision}"'})
