"""Builders of the calls about the learning loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from waqtor.client.calls import AsyncResource, BlockingResource, Call, awaiting, blocking, many, one, segment, whole
from waqtor.client.pages import Listing
from waqtor.contracts import learning as c

_PATH = "/smartbot/suggestions"
LONG_S = 600.0
"""Looking again and accepting fit the rules several times: seconds for dozens of rules, minutes for hundreds."""


def list_suggestions(status: c.SuggestionStatus | None = None) -> Call[Listing[c.SuggestionView]]:
    """Suggestions, those that serve most customers first."""
    return Call("GET", _PATH, many(c.SuggestionView), params={"status": status})


def get_suggestion(suggestion_id: str) -> Call[c.SuggestionView]:
    """One suggestion with its evidence."""
    return Call("GET", f"{_PATH}/{segment(suggestion_id)}", one(c.SuggestionView))


def diff(suggestion_id: str) -> Call[c.SuggestionDiff]:
    """What accepting it would write, and the revision to pass to accept."""
    return Call("GET", f"{_PATH}/{segment(suggestion_id)}/diff", one(c.SuggestionDiff))


def refresh(*, days: float | None = None, least: int | None = None) -> Call[dict[str, Any]]:
    """Look at the messages of the last days again."""
    return Call("POST", f"{_PATH}/refresh", whole, json=_given(days=days, least=least), timeout=LONG_S)


def edit(
    suggestion_id: str,
    *,
    rule_id: str | None = None,
    description: str | None = None,
    action: Literal["reply", "handoff", "ignore"] | None = None,
    examples: Mapping[str, Sequence[str]] | None = None,
    replies: Mapping[str, str] | None = None,
) -> Call[c.SuggestionView]:
    """Change a suggestion before it is accepted."""
    body = _given(rule_id=rule_id, description=description, action=action, examples=examples, replies=replies)
    return Call("PATCH", f"{_PATH}/{segment(suggestion_id)}", one(c.SuggestionView), json=body)


def accept(
    suggestion_id: str,
    *,
    revision: str | None = None,
    commit: bool = False,
    message: str = "",
    force: bool = False,
    evaluate: bool = True,
) -> Call[c.CheckReport]:
    """Write it into the rules after checks, tests and a quick evaluation; ``commit`` commits the file to git."""
    body = _given(revision=revision, commit=commit, message=message, force=force, evaluate=evaluate)
    return Call("POST", f"{_PATH}/{segment(suggestion_id)}/accept", one(c.CheckReport), json=body, timeout=LONG_S)


def reject(suggestion_id: str, *, reason: str = "") -> Call[c.SuggestionView]:
    """Reject it; it does not come back."""
    return Call("POST", f"{_PATH}/{segment(suggestion_id)}/reject", one(c.SuggestionView), json={"reason": reason})


def snooze(suggestion_id: str, *, days: float = 7.0, reason: str = "") -> Call[c.SuggestionView]:
    """Put it aside for some days."""
    body = {"days": days, "reason": reason}
    return Call("POST", f"{_PATH}/{segment(suggestion_id)}/snooze", one(c.SuggestionView), json=body)


def reopen(suggestion_id: str) -> Call[c.SuggestionView]:
    """Take a rejection or a snooze back."""
    return Call("POST", f"{_PATH}/{segment(suggestion_id)}/reopen", one(c.SuggestionView), json={})


def label(trace_id: str, *, right: bool, rule_id: str | None = None, note: str = "") -> Call[c.LabelView]:
    """Say whether a past decision was right, and which rule would have been."""
    body = _given(right=right, rule_id=rule_id, note=note)
    return Call("PUT", f"/smartbot/labels/{segment(trace_id)}", one(c.LabelView), json=body, safe=True)


def unlabel(trace_id: str) -> Call[dict[str, Any]]:
    """Take a judgement back."""
    return Call("DELETE", f"/smartbot/labels/{segment(trace_id)}", whole)


def labels(*, cursor: str | None = None, limit: int | None = None) -> Call[Listing[c.LabelView]]:
    """Decisions that people judged: labelled traffic."""
    return Call("GET", "/smartbot/labels", many(c.LabelView), params={"cursor": cursor, "limit": limit})


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class Suggestions(BlockingResource):
    """The learning loop: suggestions and labels."""

    list = blocking(list_suggestions)
    get = blocking(get_suggestion)
    diff = blocking(diff)
    refresh = blocking(refresh)
    edit = blocking(edit)
    accept = blocking(accept)
    reject = blocking(reject)
    snooze = blocking(snooze)
    reopen = blocking(reopen)
    label = blocking(label)
    unlabel = blocking(unlabel)
    labels = blocking(labels)


class AsyncSuggestions(AsyncResource):
    """The learning loop: suggestions and labels."""

    list = awaiting(list_suggestions)
    get = awaiting(get_suggestion)
    diff = awaiting(diff)
    refresh = awaiting(refresh)
    edit = awaiting(edit)
    accept = awaiting(accept)
    reject = awaiting(reject)
    snooze = awaiting(snooze)
    reopen = awaiting(reopen)
    label = awaiting(label)
    unlabel = awaiting(unlabel)
    labels = awaiting(labels)
