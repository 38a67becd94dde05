"""Overview: the session, key figures, live traffic, the latest messages."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import data, figures
from dashboard.ui import charts, i18n, items, kpis, qr, reasons, times, trouble
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, icon, number
from dashboard.ui.trouble import guard
from waqtor.contracts.views import SessionView

SPANS = {"hour": 60, "day": 1440, "week": 10_080}


def names_of_chats() -> dict[str, str]:
    return {chat.chat_id: items.title_of(chat) for chat in data.chats()}


def session_card(session: SessionView) -> None:
    """A session that is not ready: the QR to scan, or what is the matter."""
    with st.container(border=True, key=f"card_session_{session.session}"):
        told, drawn = st.columns([3, 2], vertical_alignment="center")
        with told:
            st.subheader(t(f"session.{session.status}"), anchor=False)
            steps = "".join(f"<li><span>{esc(t(f'qr.step{n}'))}</span></li>" for n in (1, 2, 3)) if session.qr else ""
            said = f'<p class="wq-text">{esc(reasons.said(session.reason), 300)}</p>' if session.reason else ""
            st.html(f"<p>{esc(t(f'session.{session.status}.hint'))}</p>{said}<ol class='wq-steps'>{steps}</ol>")
        with drawn:
            if session.qr:
                try:
                    st.html(f'<div class="wq-qr"><img alt="{esc(t("qr.alt"))}" src="{qr.data_uri(session.qr)}"></div>')
                except ValueError:
                    st.caption(t("qr.too_long"))
            else:
                st.html(f'<div class="wq-empty">{icon("phonelink_off")}</div>')


def session_line(session: SessionView) -> None:
    info = session.client_info
    pairs = [
        (esc(t("session.transport")), number(session.transport)),
        (esc(t("session.since")), esc(times.ago(session.since))),
    ]
    if info:
        pairs.insert(0, (esc(t("session.number")), f"<b>{esc(info.name, 60)}</b> {number('+' + info.phone_number)}"))
    if session.queued:
        pairs.append((esc(t("session.queued")), number(session.queued)))
    st.html(
        '<div class="wq-facts" style="border:0;margin:0;padding:0">'
        + "".join(f"<span>{a} {b}</span>" for a, b in pairs)
        + "</div>"
    )


@st.fragment(run_every=4, key="overview_live")
def board() -> None:
    """Everything that the span or the time changes; a choice draws this and nothing else anew."""
    sessions = data.connection().sessions
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="content"):
            for session in sessions:
                if session.status == "ready":
                    session_line(session)
        span = st.segmented_control(
            t("overview.span"),
            list(SPANS),
            format_func=lambda name: t(f"span.{name}"),
            default="day",
            key="overview_span",
            required=True,
            label_visibility="collapsed",
        )
    minutes = SPANS[span or "day"]
    course, hour, top = figures.figures.ahead(minutes), figures.traffic.ahead(), figures.top_rules.ahead(minutes)
    for session in sessions:
        if session.status != "ready":
            session_card(session)
    with guard():
        kpis.row(course(), sum(s.in_doubt for s in sessions))
    chart, latest = st.columns([3, 2], gap="small")
    with chart.container(border=True, key="card_traffic", height="stretch"), guard():
        traffic_card(hour())
    with latest.container(border=True, key="card_latest", height="stretch"), guard():
        latest_card()
    with st.container(border=True, key="card_rules"), guard():
        rules_card(top())


def traffic_card(rows: list[dict[str, Any]]) -> None:
    st.subheader(t("overview.traffic"), anchor=False)
    if any(row["received"] or row["replied"] or row["other"] for row in rows):
        labels = {name: t(f"overview.series.{name}") for name in ("received", "replied", "other")}
        figure = charts.traffic(rows, labels, times.zone(), rtl=i18n.is_rtl())
        total = sum(row["received"] for row in rows)
        st.plotly_chart(figure, key="traffic", config=charts.CONFIG, alt=t("overview.traffic.alt", n=total))
    else:
        trouble.empty("ssid_chart", t("overview.quiet"), t("overview.quiet.hint"))


def latest_card() -> None:
    st.subheader(t("overview.latest"), anchor=False)
    found = data.messages(limit=5)
    if len(found):
        st.html(items.messages(found, names_of_chats()))
    else:
        trouble.empty("inbox", t("overview.no_messages"), t("overview.no_messages.hint"))


def rules_card(rows: list[dict[str, Any]]) -> None:
    st.subheader(t("overview.top_rules"), anchor=False)
    if rows:
        names = {rule.id: rule.description for rule in data.rules()}
        half = (len(rows) + 1) // 2
        for column, part in zip(st.columns(2, gap="medium"), filter(None, (rows[:half], rows[half:])), strict=False):
            column.html(items.rules(part, names, rows[0]["answers"]))
    else:
        trouble.empty("rule", t("overview.no_answers"), t("overview.no_answers.hint"))


board()
