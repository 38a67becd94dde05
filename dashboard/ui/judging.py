"""A person's judgement of a decision: right, or wrong and which rule would have been right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard import data
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, icon
from waqtor.contracts.learning import LabelView
from waqtor.contracts.views import HistoryView

NONE = ""
"""Stands for "no rule": the bot should have stayed silent."""


def told(label: LabelView) -> str:
    """The judgement in a few words."""
    if label.right:
        return t("judge.is_right")
    return t("judge.should_be", rule=label.rule_id) if label.rule_id else t("judge.should_be_none")


def card(
    entry: HistoryView,
    label: LabelView | None,
    rules: Sequence[str],
    carry_out: Callable[[partial[None], str], None],
) -> None:
    """What was judged, with the way back; else the buttons to judge. ``carry_out`` is called from a button."""
    trace = entry.trace_id
    if label is not None:
        tone, symbol = ("success", "check_circle") if label.right else ("danger", "cancel")
        st.html(f'<p class="tone-{tone}"><span style="color:var(--tone)">{icon(symbol)}</span> {esc(told(label))}</p>')
        if label.note:
            st.html(f'<p class="wq-small wq-muted wq-text">{esc(label.note, 500)}</p>')
        st.button(
            t("judge.undo"),
            key=f"unjudge_{trace}",
            icon=":material/undo:",
            on_click=carry_out,
            args=(partial(data.unjudge, trace), "judge.undone"),
        )
        return
    st.button(
        t("judge.right"),
        key=f"judge_right_{trace}",
        icon=":material/check:",
        width="stretch",
        on_click=carry_out,
        args=(partial(data.judge, trace, right=True, rule_id=entry.rule_id), "judge.saved"),
    )
    # Staying silent was wrong only if some rule should have answered; an answer may have been one too many.
    answered = entry.decision not in ("silent", "clarify")
    choices = [NONE] if answered or entry.decision == "clarify" else []
    choices += [rule for rule in rules if not (answered and rule == entry.rule_id)]
    chosen = st.selectbox(
        t("judge.which"),
        choices,
        index=None,
        key=f"judge_rule_{trace}",
        placeholder=t("judge.choose"),
        format_func=lambda rule: rule or t("judge.none"),
    )
    st.button(
        t("judge.wrong"),
        key=f"judge_wrong_{trace}",
        icon=":material/close:",
        width="stretch",
        disabled=chosen is None,
        help=t("judge.wrong.help") if chosen is None else None,
        on_click=carry_out,
        args=(partial(data.judge, trace, right=False, rule_id=chosen or None), "judge.saved"),
    )
