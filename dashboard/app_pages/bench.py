"""Test bench: what the bot would do with a message, and why. Nothing is sent or stored."""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.ui import bubbles, decision, trouble
from dashboard.ui.i18n import t
from dashboard.ui.trouble import guard

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


st.caption(t("bench.intro"))
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

asked = st.session_state.get("bench_asked", "")
if not asked:
    with st.container(border=True, key="card_bench_empty"):
        trouble.empty("science", t("bench.empty"), t("bench.empty.hint"))
    st.stop()

with guard(), st.spinner(t("bench.thinking")):
    trace = data.test(asked)
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
    with st.container(border=True, key="card_trace"):
        st.subheader(t("bench.steps"), anchor=False, help=t("bench.steps.help"))
        st.html(decision.steps(trace))
