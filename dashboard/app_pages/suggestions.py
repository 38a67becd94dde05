"""Suggestions: what the bot could learn from messages that it did not answer, reviewed and written into the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import data
from dashboard.ui import grids, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import chips, definitions, esc, icon, number, percent
from dashboard.ui.trouble import guard
from waqtor.contracts.learning import CheckReport, SuggestionView
from waqtor.errors import WaqtorError

STATUSES = ("open", "snoozed", "rejected", "accepted")
LANGUAGES = ("ar", "en", "arabizi")
ACTIONS = ("reply", "handoff", "ignore")


def do(work: Callable[[], Any], done: str) -> None:
    """Carry out a command; what goes wrong is shown on the next draw."""
    try:
        st.session_state["suggestion_done"] = (done, work())
    except WaqtorError as error:
        st.session_state["suggestion_error"] = error


# A callback runs before the page is drawn: what was typed just before the click is in the session's state alone.
def accept(suggestion_id: str, revision: str) -> None:
    """Write the suggestion that was looked at into the rules."""
    typed = st.session_state
    commit, message = bool(typed.get(f"commit_{suggestion_id}")), str(typed.get(f"message_{suggestion_id}") or "")
    work = partial(data.accept_suggestion, suggestion_id, revision=revision, commit=commit, message=message)
    do(work, t("suggestions.accepted"))


def put_away(how: Callable[[str, str], None], suggestion_id: str, done: str) -> None:
    """Reject or snooze, with the reason that was typed."""
    do(partial(how, suggestion_id, str(st.session_state.get(f"reason_{suggestion_id}") or "")), done)


def told(report: CheckReport) -> None:
    """What accepting did: file, tests, accuracy, commit."""
    counted = t("suggestions.tests.count", n=report.tests_passed, bad=report.tests_failed)
    pairs = [
        (esc(t("rules.file")), number(report.file)),
        (esc(t("bench.rule")), number(report.rule_id)),
        (esc(t("suggestions.tests")), esc(counted)),
    ]
    if report.accuracy_before is not None and report.accuracy_after is not None:
        pair = f"{percent(report.accuracy_before)} → {percent(report.accuracy_after)}"
        pairs.append((esc(t("suggestions.accuracy")), number(pair)))
    if report.commit:
        pairs.append((esc(t("suggestions.commit")), number(report.commit[:12])))
    with st.container(border=True, key="card_accepted"):
        st.html(f'<p class="wq-title">{icon("check_circle")} {esc(t("suggestions.accepted"))}</p>{definitions(pairs)}')


def gain(s: SuggestionView) -> str:
    return f"{100 * s.effect.change:+.1f}" if s.effect else "–"


def table(found: Sequence[SuggestionView]) -> SuggestionView | None:
    frame = pd.DataFrame(
        {
            t("suggestions.title"): [s.title for s in found],
            t("suggestions.kind"): [t(f"suggestions.kind.{s.kind}") for s in found],
            t("bench.rule"): [s.rule_id for s in found],
            t("suggestions.customers"): [s.customers for s in found],
            t("suggestions.messages"): [s.messages for s in found],
            t("suggestions.gain"): [gain(s) for s in found],
            t("bench.language"): [known(f"lang.{s.language}", s.language) for s in found],
        }
    )
    wide = {t("suggestions.title"): "large", t("bench.rule"): "medium"}
    place = grids.select(frame, key="suggestions_table", widths=wide, alt=t("page.suggestions"), rows=len(found))
    return found[place] if place is not None and place < len(found) else None


def facts(s: SuggestionView) -> None:
    pairs = [
        (esc(t("suggestions.kind")), esc(t(f"suggestions.kind.{s.kind}"))),
        (esc(t("suggestions.customers")), number(s.customers)),
        (esc(t("suggestions.messages")), number(s.messages)),
    ]
    if s.effect:
        told = t("suggestions.effect", share=percent(s.effect.answered), gain=gain(s), lost=s.effect.lost)
        pairs.append((esc(t("suggestions.expected")), esc(told)))
    if s.nearest:
        near = ", ".join(f"{n.rule_id} {percent(n.confidence)}" for n in s.nearest)
        pairs.append((esc(t("suggestions.nearest")), number(near)))
    if s.reason:
        pairs.append((esc(t("suggestions.reason")), esc(s.reason)))
    if s.snoozed_until:
        pairs.append((esc(t("suggestions.until")), esc(times.full(s.snoozed_until))))
    if s.commit:
        pairs.append((esc(t("suggestions.commit")), number(s.commit[:12])))
    st.html(definitions(pairs))
    texts = [f"{e.text}" + (f" ×{e.times}" if e.times > 1 else "") for e in s.evidence if e.text is not None]
    st.html(f'<p class="wq-title">{esc(t("suggestions.evidence"))}</p>{chips(texts)}')


def editor(s: SuggestionView) -> None:
    """The form: saving writes the suggestion, not the rules."""
    with st.form(f"suggestion_form_{s.id}", border=False):
        rule_id = st.text_input(
            t("suggestions.rule_id"), s.rule_id, key=f"rule_{s.id}", help=t("suggestions.rule_id.help")
        )
        names = {known(f"action.{name}", name): name for name in ACTIONS}
        chosen = st.radio(
            t("rules.action"),
            list(names),
            ACTIONS.index(s.action),
            key=f"action_{s.id}",
            horizontal=True,
            disabled=s.kind == "extend",
        )
        action = names.get(chosen or "", s.action)
        examples = {}
        for language in [name for name in LANGUAGES if s.examples.get(name)]:
            examples[language] = st.text_area(
                t("suggestions.examples", language=known(f"lang.{language}", language)),
                "\n".join(s.examples[language]),
                key=f"examples_{language}_{s.id}",
                height=180,
            )
        replies = {}
        if s.kind == "new_rule":
            for language, column in zip(("ar", "en"), st.columns(2), strict=True):
                replies[language] = column.text_area(
                    t("suggestions.reply", language=known(f"lang.{language}", language)),
                    s.replies.get(language, ""),
                    key=f"reply_{language}_{s.id}",
                    height=90,
                )
        if st.form_submit_button(t("suggestions.save"), key=f"save_{s.id}", icon=":material/save:"):
            given: dict[str, Any] = {
                "rule_id": rule_id.strip(),
                "action": action,
                "examples": {k: [p.strip() for p in v.splitlines() if p.strip()] for k, v in examples.items()},
            }
            if s.kind == "new_rule":
                given["replies"] = {k: v for k, v in replies.items() if v.strip()}
            do(partial(data.edit_suggestion, s.id, **given), t("suggestions.saved"))
            st.rerun()


def deciding(s: SuggestionView) -> None:
    """The change that accepting writes, and the buttons."""
    try:
        change = data.suggestion_diff(s.id)
    except WaqtorError as error:
        if error.code not in ("invalid_input", "conflict", "rules.invalid"):
            raise
        st.info(error.message, icon=":material/edit_note:")
        change = None
    if change is not None:
        st.html(f'<p class="wq-title">{esc(t("suggestions.diff"))} {number(change.file)}</p>')
        st.code(change.diff, language="diff")
        commit = st.checkbox(t("suggestions.commit_too"), key=f"commit_{s.id}")
        st.text_input(t("suggestions.message"), key=f"message_{s.id}", disabled=not commit)
        st.button(
            t("suggestions.accept"),
            key=f"accept_{s.id}",
            type="primary",
            icon=":material/check:",
            on_click=partial(accept, s.id, change.revision),
        )
    st.text_input(t("suggestions.reason"), key=f"reason_{s.id}")
    with st.container(horizontal=True):
        st.button(
            t("suggestions.reject"),
            key=f"reject_{s.id}",
            icon=":material/close:",
            on_click=partial(put_away, data.reject_suggestion, s.id, t("suggestions.rejected")),
        )
        st.button(
            t("suggestions.snooze"),
            key=f"snooze_{s.id}",
            icon=":material/snooze:",
            on_click=partial(put_away, data.snooze_suggestion, s.id, t("suggestions.snoozed")),
        )


def opened(s: SuggestionView) -> None:
    seen, work = st.columns([2, 3], gap="medium")
    with seen.container(border=True, key="card_evidence"):
        facts(s)
    with work.container(border=True, key="card_review"):
        if s.status == "accepted":
            st.caption(t("suggestions.done"))
            return
        if s.status != "open":
            st.button(
                t("suggestions.reopen"),
                key=f"reopen_{s.id}",
                on_click=lambda: do(partial(data.reopen_suggestion, s.id), t("suggestions.saved")),
            )
            return
        editor(s)
        deciding(s)


problem = st.session_state.pop("suggestion_error", None)
if problem is not None:
    trouble.box(problem)
done = st.session_state.pop("suggestion_done", None)
if done is not None:
    st.toast(done[0], icon=":material/check_circle:")
    if isinstance(done[1], CheckReport):
        told(done[1])
st.caption(t("suggestions.intro"))
with guard():
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        status = st.segmented_control(
            t("suggestions.status"),
            STATUSES,
            default="open",
            key="suggestions_status",
            format_func=lambda name: t(f"suggestions.status.{name}"),
            label_visibility="collapsed",
        )
        st.button(
            t("suggestions.refresh"),
            key="suggestions_refresh",
            icon=":material/refresh:",
            help=t("suggestions.refresh.help"),
            on_click=lambda: do(data.refresh_suggestions, t("suggestions.refreshed")),
        )
    found = data.suggestions(status or "open")
    if not found:
        with st.container(border=True, key="card_suggestions_empty"):
            trouble.empty("lightbulb", t("suggestions.empty"), t("suggestions.empty.hint"))
    else:
        chosen = table(found)
        if chosen is None:
            st.caption(t("suggestions.choose"))
        else:
            opened(data.suggestion(chosen.id))
