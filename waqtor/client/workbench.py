"""Builders of the calls about the workbench: many messages, explanations, rule files as text, replays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    one,
    segment,
)
from waqtor.client.pages import Listing
from waqtor.contracts import workbench as c

_FILES = "/smartbot/files"
_REPLAYS = "/smartbot/replays"
Source = c.RuleSource | Mapping[str, Any]


def try_many(texts: Sequence[str], *, rules: Source | None = None) -> Call[Listing[c.TriedMessage]]:
    """What the bot would do with up to 500 messages; ``rules``: a version other than the one that serves."""
    body = _given(texts=list(texts), rules=_source(rules))
    return Call("POST", "/smartbot/test-many", many(c.TriedMessage), json=body, safe=True)


def explain(text: str, *, before: Source | None = None) -> Call[c.Explanation]:
    """A decision with what it rests on; ``before``: other rules, whose decision is given beside."""
    return Call(
        "POST", "/smartbot/explain", one(c.Explanation), json=_given(text=text, before=_source(before)), safe=True
    )


def run_cases(*, rules: Source | None = None) -> Call[c.CasesReport]:
    """Run the test cases that stand beside the rules."""
    return Call("POST", "/smartbot/cases", one(c.CasesReport), json=_given(rules=_source(rules)), safe=True)


def files() -> Call[Listing[c.RuleFileInfo]]:
    """The files of the rules folder."""
    return Call("GET", _FILES, many(c.RuleFileInfo))


def file(name: str) -> Call[c.RuleFileView]:
    """A rule file as text, with its revision, its rules' places and its issues."""
    return Call("GET", f"{_FILES}/text", one(c.RuleFileView), params={"name": name})


def check_file(name: str, text: str) -> Call[c.RuleFileView]:
    """What is wrong with a file as it is being edited; nothing is written."""
    return Call("POST", f"{_FILES}/check", one(c.RuleFileView), json={"name": name, "text": text}, safe=True)


def save_file(
    name: str, text: str, *, revision: str | None = None, commit: bool = False, message: str = ""
) -> Call[c.RuleFileView]:
    """Replace a file after the checks; with ``revision`` only if it did not change since."""
    body = body_of(
        c.SaveRuleFile, name=name, text=text, revision=revision, commit=commit or None, message=message or None
    )
    return Call("PUT", _FILES, one(c.RuleFileView), json=body)


def commits(name: str, *, limit: int | None = None) -> Call[Listing[c.RuleCommit]]:
    """Commits that touched a file, the latest first."""
    return Call("GET", f"{_FILES}/log", many(c.RuleCommit), params={"name": name, "limit": limit})


def changes(name: str, *, ref: str | None = None) -> Call[str]:
    """What a commit changed in a file, as a diff; without ``ref`` what is not committed yet."""
    return Call("GET", f"{_FILES}/diff", _diff, params={"name": name, "ref": ref})


def start_replay(
    *, before: Source | None = None, after: Source | None = None, minutes: float | None = None, limit: int | None = None
) -> Call[c.ReplayView]:
    """Run recorded messages through two versions of the rules; by default git's HEAD and the files."""
    body = _given(before=_source(before), after=_source(after), minutes=minutes, limit=limit)
    return Call("POST", _REPLAYS, one(c.ReplayView), json=body)


def cancel_replay(replay_id: str) -> Call[c.ReplayView]:
    """Stop a replay; what it found so far stays."""
    return Call("POST", f"{_REPLAYS}/{segment(replay_id)}/cancel", one(c.ReplayView))


def replays() -> Call[Listing[c.ReplayView]]:
    """The last replays, the newest first."""
    return Call("GET", _REPLAYS, many(c.ReplayView))


def replay(replay_id: str) -> Call[c.ReplayView]:
    """How far a replay is, and how many answers would change."""
    return Call("GET", f"{_REPLAYS}/{segment(replay_id)}", one(c.ReplayView))


def replay_changes(
    replay_id: str,
    *,
    kind: c.ChangeKind | None = None,
    rule_id: str | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Listing[c.ReplayChange]]:
    """The answers that would change, in the order of the messages."""
    params = {"kind": kind, "rule_id": rule_id, "search": search, "cursor": cursor, "limit": limit}
    return Call("GET", f"{_REPLAYS}/{segment(replay_id)}/changes", many(c.ReplayChange), params=params)


def _source(source: Source | None) -> dict[str, Any] | None:
    if source is None:
        return None
    return source.model_dump(mode="json") if isinstance(source, c.RuleSource) else dict(source)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _diff(answer: Answer) -> str:
    return str(answer.body.get("diff", "")) if isinstance(answer.body, dict) else ""


class Workbench(BlockingResource):
    """Trying and changing rules: many messages, explanations, files as text, replays."""

    try_many = blocking(try_many)
    explain = blocking(explain)
    run_cases = blocking(run_cases)
    files = blocking(files)
    file = blocking(file)
    check_file = blocking(check_file)
    save_file = blocking(save_file)
    commits = blocking(commits)
    changes = blocking(changes)
    start_replay = blocking(start_replay)
    cancel_replay = blocking(cancel_replay)
    replays = blocking(replays)
    replay = blocking(replay)
    replay_changes = blocking(replay_changes)


class AsyncWorkbench(AsyncResource):
    """Trying and changing rules: many messages, explanations, files as text, replays."""

    try_many = awaiting(try_many)
    explain = awaiting(explain)
    run_cases = awaiting(run_cases)
    files = awaiting(files)
    file = awaiting(file)
    check_file = awaiting(check_file)
    save_file = awaiting(save_file)
    commits = awaiting(commits)
    changes = awaiting(changes)
    start_replay = awaiting(start_replay)
    cancel_replay = awaiting(cancel_replay)
    replays = awaiting(replays)
    replay = awaiting(replay)
    replay_changes = awaiting(replay_changes)
