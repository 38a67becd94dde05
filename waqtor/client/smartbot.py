"""Builders of the calls about the bot: test, history, rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from waqtor.client.calls import (
    AsyncExecutor,
    AsyncResource,
    BlockingExecutor,
    BlockingResource,
    Call,
    awaiting,
    blocking,
    body_of,
    many,
    nothing,
    one,
    segment,
    whole,
)
from waqtor.client.pages import Listing
from waqtor.contracts import commands as c
from waqtor.contracts.rules import Rule
from waqtor.contracts.views import HistoryView, RuleView, Trace


def try_out(text: str, *, session: str | None = None, contact: Mapping[str, str] | None = None) -> Call[Trace]:
    """What the bot would answer, step by step; nothing is sent or stored."""
    body = body_of(c.TestMessage, text=text, session=session, contact=dict(contact) if contact else None)
    return Call("POST", "/smartbot/test", one(Trace), json=body, safe=True)


def history(
    *,
    session: str | None = None,
    decision: str | None = None,
    rule_id: str | None = None,
    chat_id: str | None = None,
    language: str | None = None,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Listing[HistoryView]]:
    """The bot's decisions, newest first; a page may be short although ``next_cursor`` says that there are more."""
    params = {
        "session": session, "decision": decision, "rule_id": rule_id, "chat_id": chat_id, "language": language,
        "min_confidence": min_confidence, "max_confidence": max_confidence, "search": search, "cursor": cursor,
        "since": since.isoformat() if since is not None else None,
        "until": until.isoformat() if until is not None else None, "limit": limit,
    }  # fmt: skip
    return Call("GET", "/smartbot/history", many(HistoryView), params=params)


def trace(trace_id: str) -> Call[Trace]:
    """The stored trace of a past decision."""
    return Call("GET", f"/smartbot/history/{segment(trace_id)}", one(Trace))


def status() -> Call[dict[str, Any]]:
    """Rules, revision, encoder and index of the bot."""
    return Call("GET", "/smartbot/status", whole)


def rebuild() -> Call[dict[str, Any]]:
    """Read the rules again and rebuild the index."""
    return Call("POST", "/smartbot/rebuild", whole, json={}, safe=True)


def rules() -> Call[Listing[RuleView]]:
    """All rules."""
    return Call("GET", "/smartbot/rules", many(RuleView))


def rule(rule_id: str) -> Call[RuleView]:
    """One rule."""
    return Call("GET", f"/smartbot/rules/{segment(rule_id)}", one(RuleView))


def create_rule(rule: Rule | Mapping[str, Any]) -> Call[RuleView]:
    """Add a rule to ``rules/custom.yaml``."""
    return Call("POST", "/smartbot/rules", one(RuleView), json=_rule(rule))


def update_rule(rule_id: str, rule: Rule | Mapping[str, Any], *, revision: str | None = None) -> Call[RuleView]:
    """Replace a rule in the file that holds it; with ``revision`` only if it did not change since."""
    return Call(
        "PUT", f"/smartbot/rules/{segment(rule_id)}", one(RuleView), json=_rule(rule), headers=_if_match(revision)
    )


def delete_rule(rule_id: str, *, revision: str | None = None) -> Call[None]:
    """Remove a rule; with ``revision`` only if it did not change since."""
    return Call("DELETE", f"/smartbot/rules/{segment(rule_id)}", nothing, headers=_if_match(revision))


def _rule(rule: Rule | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(rule, Rule):
        return rule.model_dump(mode="json", exclude_defaults=True)
    return dict(rule)


def _if_match(revision: str | None) -> dict[str, str]:
    return {"If-Match": f'"{revision.strip(chr(34))}"'} if revision else {}


class Rules(BlockingResource):
    """The rules of the bot."""

    list = blocking(rules)
    get = blocking(rule)
    create = blocking(create_rule)
    update = blocking(update_rule)
    delete = blocking(delete_rule)


class AsyncRules(AsyncResource):
    """The rules of the bot."""

    list = awaiting(rules)
    get = awaiting(rule)
    create = awaiting(create_rule)
    update = awaiting(update_rule)
    delete = awaiting(delete_rule)


class Smartbot(BlockingResource):
    """The bot: test, history, rules."""

    def __init__(self, executor: BlockingExecutor) -> None:
        super().__init__(executor)
        self.rules = Rules(executor)

    test = blocking(try_out)
    history = blocking(history)
    trace = blocking(trace)
    status = blocking(status)
    rebuild = blocking(rebuild)


class AsyncSmartbot(AsyncResource):
    """The bot: test, history, rules."""

    def __init__(self, executor: AsyncExecutor) -> None:
        super().__init__(executor)
        self.rules = AsyncRules(executor)

    test = awaiting(try_out)
    history = awaiting(history)
    trace = awaiting(trace)
    status = awaiting(status)
    rebuild = awaiting(rebuild)
