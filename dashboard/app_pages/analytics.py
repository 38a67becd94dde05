"""Analytics: what came in, what was decided and when, over a period; and a box for SQL of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import reports
from dashboard.ui import charts, i18n, sqlbox, theme, times, trouble
from dashboard.ui.i18n import t
from dashboard.ui.marks import percent
from dashboard.ui.trouble import guard
from waqtor import plots

DRAWN: dict[str, Callable[..., Any]] = {
    "traffic": plots.traffic,
    "answer_rate": plots.answer_rate,
    "decisions": plots.decisions,
    "languages": plots.languages,
    "top_rules": plots.top_rules,
    "heat_map": plots.heat_map,
}
Report = Callable[[], Any]


def card(name: str, period: str, report: Report) -> None:
    with st.container(border=True, key=f"card_{name}", height="stretch"), guard():
        frame = report()
        if frame.empty:
            trouble.empty("ssid_chart", t(f"analytics.{name}"), t("analytics.empty.hint"))
            return
        figure = DRAWN[name](frame, language=i18n.language(), theme="dark" if theme.is_dark() else "light")
        st.plotly_chart(
            charts.turned(figure, rtl=i18n.is_rtl()),
            key=f"plot_{name}",
            config=charts.CONFIG,
            theme=None,
            alt=t("analytics.alt", what=t(f"analytics.{name}"), period=t(f"span.{period}")),
        )


def totals(traffic: Report, decisions: Report) -> None:
    """The key figures of the period, out of what the charts show."""
    sums = traffic()[["received", "sent"]].sum()
    kinds = decisions().groupby("decision")["decided"].sum().to_dict()
    decided = sum(kinds.values())
    answered = decided - kinds.get("silent", 0) - kinds.get("handoff", 0)
    values = {
        "received": f"{int(sums['received']):,}",
        "sent": f"{int(sums['sent']):,}",
        "rate": percent(answered / decided) if decided else "–",
        "handed_over": f"{kinds.get('handoff', 0):,}",
        "unmatched": f"{kinds.get('silent', 0):,}",
    }
    with st.grid(len(values), min_column_width=132, gap="small"):
        for name, value in values.items():
            st.metric(t(f"kpi.{name}"), value, help=t(f"kpi.{name}.help"), border=True, height="stretch")


@st.fragment(key="analytics_board")
def board() -> None:
    """The period and its charts; choosing another one draws nothing else anew."""
    spans = {name: t(f"span.{name}") for name in reports.PERIODS}
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        period = (
            st.segmented_control(
                t("overview.span"),
                list(spans),
                format_func=lambda name: spans[name],
                default="week",
                key="analytics_period",
                required=True,
                label_visibility="collapsed",
            )
            or "week"
        )
        zone = str(times.zone())
        st.caption(t("analytics.zone", zone=zone), width="content")
    found = {name: reports.report.ahead(name, period, zone) for name in DRAWN}
    with guard():
        totals(found["traffic"], found["decisions"])
    card("traffic", period, found["traffic"])
    for pair in (("answer_rate", "decisions"), ("languages", "top_rules")):
        with st.grid(2, min_column_width=320, gap="small"):
            for name in pair:
                card(name, period, found[name])
    card("heat_map", period, found["heat_map"])


board()
sqlbox.box()
