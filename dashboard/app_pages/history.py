"""History: what the bot decided, with filters and the stored trace of each decision."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import data
from dashboard.ui import bubbles, decision, grids, handover, items, judging, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.trouble import guard
from waqtor.contracts.learning import LabelView
from waqtor.contracts.views import HistoryView
from waqtor.errors import WaqtorError

DECISIONS = ("answer", "clarify", "handoff", "silent", "opt_out", "opt_in")
LANGUAGES = ("ar", "en", "arabizi", "other")
SPANS = {"hour": 60, "day": 1440, "week": 10_080, "month": 43_200}
MOST_PAGES = 20


def carry_out(command: partial[None], done: str) -> None:
    """Carry out a command from a button; how it went is said on the next draw."""
    try:
        command()
    except WaqtorError as error:
        st.session_state["history_error"] = error
    else:
        st.session_state["history_done"] = t(done)


def table(found: list[HistoryView], labels: dict[str, LabelView]) -> HistoryView | None:
    frame = pd.DataFrame(
        {
            t("history.when"): [times.full(entry.created) for entry in found],
            t("history.decision"): [known(f"decision.{entry.decision}", entry.decision) for entry in found],
            t("judge.column"): [_judged(labels.get(entry.trace_id)) for entry in found],
            t("history.said"): [_clip(entry.trigger) for entry in found],
            t("history.answered"): [_clip(entry.response) for entry in found],
            t("bench.rule"): [entry.rule_id or "–" for entry in found],
            t("bench.confidence"): [f"{entry.confidence:.0%}" for entry in found],
            t("bench.language"): [known(f"lang.{entry.language}", entry.language) for entry in found],
            t("history.chat"): [items.shown_number(entry.chat_id or "–") for entry in found],
        }
    )
    wide = {t("history.said"): "large", t("history.answered"): "medium"}
    place = grids.select(frame, key="history_table", widths=wide, alt=t("page.history"), rows=len(found))
    return found[place] if place is not None and place < len(found) else None


def _judged(label: LabelView | None) -> str:
    if label is None:
        return "–"
    return "✓" if label.right else f"✗ {label.rule_id or ''}".rstrip()


def _clip(text: str | None) -> str:
    return "–" if text is None else text[:300]


def opened(entry: HistoryView, label: LabelView | None) -> None:
    with guard():
        trace = data.trace(entry.trace_id)
        names = {rule.id: rule.description for rule in data.rules()}
        story, seen = st.columns([3, 2], gap="medium")
        with story:
            with st.container(border=True, key="card_decision"):
                st.html(decision.card(trace))
            with st.container(border=True, key="card_candidates"):
                st.subheader(t("bench.candidates"), anchor=False)
                st.html(decision.candidates(trace, names)) if trace.candidates else st.caption(t("bench.no_candidates"))
            with st.container(border=True, key="card_trace"):
                st.subheader(t("bench.steps"), anchor=False)
                st.html(decision.steps(trace))
        with seen:
            with st.container(border=True, key="card_judge"):
                st.subheader(t("judge.title"), anchor=False)
                judging.card(entry, label, sorted(names), carry_out)
            chat = data.chat(entry.chat_id, entry.session) if entry.chat_id else None
            if chat is not None:
                with st.container(border=True, key="card_chat"):
                    st.subheader(t("history.handover"), anchor=False)
                    st.caption(handover.why_quiet(chat) if chat.bot_paused else t("history.bot_answers"))
                    handover.control(chat, carry_out, "history_")
            with st.container(border=True, key="card_reply"):
                st.subheader(t("bench.reply"), anchor=False)
                session = data.connection().session
                name = session.client_info.name if session and session.client_info else "WaQtor"
                st.html(bubbles.phone(name, trace.text, trace.replies, t("bench.no_reply")))


def more(cursor: str | None, pages: int) -> None:
    """The way to older decisions; a filtered page looks through so many and no more."""
    if cursor and pages < MOST_PAGES:
        st.button(
            t("history.more"),
            key="history_more",
            on_click=lambda: st.session_state.update(history_pages=pages + 1),
        )


@st.fragment(key="history_board")
def board() -> None:
    """The filters and what they leave; a choice draws nothing else anew."""
    problem = st.session_state.pop("history_error", None)
    if problem is not None:
        trouble.box(problem)
    done = st.session_state.pop("history_done", None)
    if done is not None:
        st.toast(done, icon=":material/check_circle:")
    with guard():
        with st.container(horizontal=True, vertical_alignment="bottom", key="history_filters"):
            kind = st.selectbox(
                t("history.decision"),
                DECISIONS,
                index=None,
                key="history_decision",
                placeholder=t("filter.all"),
                width=190,
                format_func=lambda name: t(f"decision.{name}"),
            )
            rule = st.selectbox(
                t("bench.rule"),
                sorted(r.id for r in data.rules()),
                index=None,
                key="history_rule",
                placeholder=t("filter.all"),
                width=220,
            )
            language = st.selectbox(
                t("bench.language"),
                LANGUAGES,
                index=None,
                key="history_language",
                placeholder=t("filter.all"),
                width=170,
                format_func=lambda name: t(f"lang.{name}"),
            )
            span = st.selectbox(
                t("history.period"),
                list(SPANS),
                index=None,
                key="history_span",
                placeholder=t("filter.all"),
                width=150,
                format_func=lambda name: t(f"span.{name}"),
            )
            wanted = st.text_input(t("history.search"), key="history_search", type="search", icon=":material/search:")
            least, most = st.slider(
                t("bench.confidence"), 0, 100, (0, 100), 5, format="%d%%", key="history_confidence", width=220
            )
        which = data.Which(
            decision=kind,
            rule_id=rule,
            language=language,
            minutes=SPANS[span] if span else None,
            least=least / 100 if least else None,
            most=most / 100 if most < 100 else None,
            search=wanted.strip() or None,
        )
        if st.session_state.get("history_which") != which:
            st.session_state.update(history_which=which, history_pages=1)
        pages = st.session_state.get("history_pages", 1)
        page = data.history(which, pages)
        found = list(page)
        st.caption(t("history.count", n=len(found)))
        if found:
            labels: dict[str, LabelView] = {}
            with guard():
                labels = data.labels(min(entry.trace_id for entry in found))
            selected = table(found, labels)
            more(page.next_cursor, pages)
            if selected is None:
                st.caption(t("history.choose"))
            else:
                opened(selected, labels.get(selected.trace_id))
        else:
            filtered = which.narrow
            with st.container(border=True, key="card_history_empty"):
                trouble.empty(
                    "history",
                    t("history.none" if filtered else "history.empty"),
                    t("history.none.hint" if filtered else "history.empty.hint"),
                )
                more(page.next_cursor, pages)


board()
