"""What the workbench's pages read and do, through the SDK: tries, explanations, rule files, replays.

As :mod:`dashboard.data`: every function may raise :class:`waqtor.errors.WaqtorError`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import data
from waqtor.client import Listing
from waqtor.contracts.learning import LabelView
from waqtor.contracts.views import RuleView
from waqtor.contracts.workbench import (
    CasesReport,
    ChangeKind,
    Explanation,
    ReplayChange,
    ReplayView,
    RuleCommit,
    RuleFileInfo,
    RuleFileView,
    TriedMessage,
)

Source = dict[str, Any]
BATCH = 100
"""Messages tried in one call: small enough that progress is seen."""
LABELS = 2000
"""Judged decisions that are read."""
EXPORTED = 2000
_SLOW = 15.0


def explain(text: str, before: Source | None = None) -> Explanation:
    """A decision with what it rests on, and that of other rules."""
    return data.client().workbench.explain(text, before=before)


def try_many(
    texts: Sequence[str], rules: Source | None, progress: Callable[[int, float | None], None]
) -> list[TriedMessage]:
    """What the bot would do with each message; ``progress`` is told how many are done and the seconds left."""
    found: list[TriedMessage] = []
    began = time.monotonic()
    for begin in range(0, len(texts), BATCH):
        found += data.client().workbench.try_many(list(texts[begin : begin + BATCH]), rules=rules)
        left = (time.monotonic() - began) / len(found) * (len(texts) - len(found))
        progress(len(found), left)
    return found


def judged() -> list[LabelView]:
    """The latest judged decisions that still have their text."""
    found: list[LabelView] = []
    cursor = None
    while len(found) < LABELS:
        page = data.client().suggestions.labels(cursor=cursor, limit=200)
        found += [label for label in page if label.text]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


@st.cache_data(ttl=_SLOW, max_entries=2, show_spinner=False)
def files() -> Sequence[RuleFileInfo]:
    """The files of the rules folder."""
    return tuple(data.client().workbench.files())


def file(name: str) -> RuleFileView:
    """A rule file as text."""
    return data.client().workbench.file(name)


@st.cache_data(ttl=_SLOW, max_entries=16, show_spinner=False)
def checked(name: str, text: str) -> RuleFileView:
    """What is wrong with a file as it is being edited."""
    return data.client().workbench.check_file(name, text)


def save_file(name: str, text: str, *, revision: str, commit: bool, message: str) -> RuleFileView:
    """Write a file, and commit it when wanted."""
    saved = data.client().workbench.save_file(name, text, revision=revision, commit=commit, message=message)
    data.forget()
    return saved


def switch_rule(rule: RuleView, *, on: bool) -> None:
    """Enable or disable a rule; refused when it changed since it was read."""
    content = {**rule.rule, "enabled": on}
    if on:
        del content["enabled"]
    data.client().smartbot.rules.update(rule.id, content, revision=rule.revision)
    data.forget()


def delete_rule(rule: RuleView) -> None:
    """Remove a rule from its file; refused when it changed since it was read."""
    data.client().smartbot.rules.delete(rule.id, revision=rule.revision)
    data.forget()


@st.cache_data(ttl=_SLOW, max_entries=32, show_spinner=False)
def commits(name: str) -> Sequence[RuleCommit]:
    """Commits that touched a file, the latest first."""
    return tuple(data.client().workbench.commits(name, limit=50))


@st.cache_data(ttl=_SLOW, max_entries=32, show_spinner=False)
def changes(name: str, ref: str = "") -> str:
    """What a commit changed in a file; without ``ref`` what is not committed yet."""
    return data.client().workbench.changes(name, ref=ref or None)


def run_cases(rules: Source | None = None) -> CasesReport:
    """Run the test cases that stand beside the rules."""
    return data.client().workbench.run_cases(rules=rules)


def replays() -> Sequence[ReplayView]:
    """The last replays, the newest first."""
    return tuple(data.client().workbench.replays())


def start_replay(*, before: Source, after: Source, minutes: float, limit: int) -> ReplayView:
    """Run recorded messages through two versions of the rules."""
    return data.client().workbench.start_replay(before=before, after=after, minutes=minutes, limit=limit)


def replay(replay_id: str) -> ReplayView:
    """How far a replay is."""
    return data.client().workbench.replay(replay_id)


def cancel_replay(replay_id: str) -> None:
    """Stop a replay."""
    data.client().workbench.cancel_replay(replay_id)


def replay_changes(
    replay_id: str, kind: ChangeKind | None, search: str, pages: int, size: int = 100
) -> Listing[ReplayChange]:
    """The first pages of the answers that would change."""
    found: list[ReplayChange] = []
    cursor = None
    for _ in range(pages):
        page = data.client().workbench.replay_changes(
            replay_id, kind=kind, search=search or None, cursor=cursor, limit=size
        )
        found += page
        cursor = page.next_cursor
        if cursor is None:
            break
    return Listing(found, cursor)


def every_change(replay_id: str, kind: ChangeKind | None, search: str) -> list[ReplayChange]:
    """All answers that would change and are listed, for an export."""
    return list(replay_changes(replay_id, kind, search, pages=1000, size=EXPORTED))
