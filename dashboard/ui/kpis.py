"""The row of key figures."""

from __future__ import annotations

import streamlit as st

from dashboard.figures import Figures
from dashboard.ui import times
from dashboard.ui.i18n import t
from dashboard.ui.marks import percent


def row(figures: Figures, in_doubt: int) -> None:
    """Six figures with their course over the span; the last is about now."""
    rate, trends = figures.answer_rate, figures.trends
    with st.grid(6, min_column_width=132, gap="small"):
        figure("received", f"{figures.received:,}", trends["received"])
        figure("sent", f"{figures.sent:,}", trends["sent"])
        figure("rate", "–" if rate is None else percent(rate), trends["answered"])
        figure("reply", "–" if figures.reply_ms is None else times.duration(figures.reply_ms), trends["reply"])
        figure("unmatched", f"{figures.unmatched:,}", trends["unmatched"])
        figure("in_doubt", f"{in_doubt:,}", trends["in_doubt"])


def figure(name: str, value: str, course: list[float]) -> None:
    """One figure: its label, value and course."""
    st.metric(
        t(f"kpi.{name}"),
        value,
        help=t(f"kpi.{name}.help"),
        border=True,
        height="stretch",
        chart_data=course,
        chart_type="area" if name in ("received", "reply") else "bar",
    )
