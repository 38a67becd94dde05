"""Test bench: what the bot would do with one message or many, why, and at which thresholds. Nothing is sent."""

from __future__ import annotations

import streamlit as st

from dashboard import data, workbench
from dashboard.ui import bubbles, decision, evidence, trouble, trymany, tuning, versions
from dashboard.ui.i18n import t
from dashboard.ui.trouble import guard
from waqtor.contracts.views import Trace
from waqtor.contracts.workbench import Explanation

VIEWS = ("one", "many", "tune")
# Arabic, English, Arabic in Latin letters, and one that no rule answers.
SAMPLES = (
    "كم سعر التوصيل؟",
    "وين طلبي",
    "أبي أرجع المنتج",
    "where are your branches",
    "do you take mada",
    "wain talabi",
    "agent please",
    "اكتب لي قصيدة عن القمر",
)


def take_sample() -> None:
    sample = st.session_state.get("bench_sample")
    if sample:
        st.session_state["bench_text"] = sample
        st.session_state["bench_asked"] = sample


def ask() -> None:
    st.session_state["bench_sample"] = None
    st.session_state["bench_asked"] = st.session_state.get("bench_text", "").strip()


def rule_names() -> dict[str, str]:
    with guard():
        return {rule.id: rule.description for rule in data.rules()}
    return {}


def shop_name() -> str:
    session = data.connection().session
    return session.client_info.name if session and session.client_info else "WaQtor"


def form() -> None:
    with st.container(border=True, key="card_ask"):
        with st.form("bench_form", border=False):
            st.text_area(
                t("bench.message"),
                key="bench_text",
                placeholder=t("bench.placeholder"),
                height=80,
                max_chars=65_536,
            )
            st.form_submit_button(
                t("bench.try"),
                key="bench_go",
                type="primary",
                icon=":material/science:",
                on_click=ask,
            )
        st.pills(t("bench.samples"), SAMPLES, key="bench_sample", on_change=take_sample)


def one() -> None:
    form()
    asked = st.session_state.get("bench_asked", "")
    if not asked:
        with st.container(border=True, key="card_bench_empty"):
            trouble.empty("science", t("bench.empty"), t("bench.empty.hint"))
        return
    with guard(), st.spinner(t("bench.thinking")):
        found = workbench.explain(asked)
        decided(found.trace)
        rests_on(found)
    compared(asked)


def decided(trace: Trace) -> None:
    story, seen = st.columns([3, 2], gap="medium")
    with story:
        with st.container(border=True, key="card_decision"):
            st.html(decision.card(trace))
        with st.container(border=True, key="card_candidates"):
            st.subheader(t("bench.candidates"), anchor=False, help=t("bench.candidates.help"))
            if trace.candidates:
                st.html(decision.candidates(trace, rule_names()))
            else:
                st.caption(t("bench.no_candidates"))
    with seen.container(border=True, key="card_reply"):
        st.subheader(t("bench.reply"), anchor=False, help=t("bench.reply.help"))
        st.html(bubbles.phone(shop_name(), trace.text, trace.replies, t("bench.no_reply")))


def rests_on(found: Explanation) -> None:
    with st.container(border=True, key="card_evidence"):
        st.subheader(t("evidence.title"), anchor=False, help=t("evidence.help"))
        if found.examples:
            st.html(evidence.examples(found.examples))
        else:
            st.caption(t("evidence.none"))
        if found.words:
            st.subheader(t("evidence.words"), anchor=False, help=t("evidence.words.help"))
            st.html(evidence.words(found.words))
    with st.container(border=True, key="card_trace"):
        st.subheader(t("bench.steps"), anchor=False, help=t("bench.steps.help"))
        st.html(decision.steps(found.trace))
        st.subheader(t("evidence.latency"), anchor=False)
        st.html(evidence.latency(found.trace))


@st.fragment
def compared(asked: str) -> None:
    with st.container(border=True, key="card_compare"):
        source = versions.choose(
            "compare", t("bench.compare"), ("none", "files", "draft", "git", "folder", "upload"), "none"
        )
        if source is None:
            return
        with guard(), st.spinner(t("bench.thinking")):
            found = workbench.explain(asked, source)
            then = found.before
            if then is None:
                return
            same = (then.decision, then.rule_id, then.replies) == (
                found.trace.decision,
                found.trace.rule_id,
                found.trace.replies,
            )
            st.caption(t("bench.compare.same" if same else "bench.compare.differ"))
            kind = t(f"version.{st.session_state['compare_kind']}")
            sides = st.columns(2, gap="medium")
            titles = (t("bench.compare.then", version=kind), t("bench.compare.now"))
            for column, title, trace in zip(sides, titles, (then, found.trace), strict=True):
                with column:
                    st.subheader(title, anchor=False)
                    st.html(decision.card(trace))
                    st.html(decision.candidates(trace, {}))
                    st.html(bubbles.phone(shop_name(), trace.text, trace.replies, t("bench.no_reply")))


st.caption(t("bench.intro"))
views = {name: t(f"bench.view.{name}") for name in VIEWS}
view = st.segmented_control(
    t("bench.view"),
    VIEWS,
    default="one",
    key="bench_view",
    required=True,
    format_func=views.__getitem__,
    label_visibility="collapsed",
)
{"many": trymany.page, "tune": tuning.page}.get(view or "one", one)()
