"""Analytics: what came in, what was decided and when, over a period; and a box for SQL of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import reports
from dashboard.ui import charts, i18n, theme, times, trouble
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc
from dashboard.ui.trouble import guard
from waqtor import plots
from waqtor.analytics.catalog import named
from waqtor.errors import QueryRefused

DRAWN: dict[str, Callable[..., Any]] = {
    "traffic": plots.traffic,
    "answer_rate": plots.answer_rate,
    "decisions": plots.decisions,
    "languages": plots.languages,
    "top_rules": plots.top_rules,
    "heat_map": plots.heat_map,
}

EXAMPLE = "SELECT language, count(*) AS n FROM decisions WHERE created >= $since::TIMESTAMPTZ GROUP BY ALL"


def card(name: str, period: str, zone: str) -> None:
    with st.container(border=True, key=f"card_{name}", height="stretch"), guard():
        frame = reports.report(name, period, zone)
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


def take_saved() -> None:
    name = st.session_state.get("analytics_saved")
    if name:
        st.session_state["analytics_sql"] = named(name).sql


def run() -> None:
    st.session_state["analytics_asked"] = st.session_state.get("analytics_sql", "").strip()
    reports.ask.clear()


@st.fragment
def sql_box(period: str, zone: str) -> None:
    with st.container(border=True, key="card_sql"):
        st.subheader(t("analytics.sql"), anchor=False)
        st.caption(t("analytics.sql.hint", views="messages, decisions, sends, send_changes, events"))
        labels = {name: t(f"analytics.saved.{name}") for name in reports.SAVED}
        st.selectbox(
            t("analytics.saved"),
            reports.SAVED,
            index=None,
            key="analytics_saved",
            placeholder=t("analytics.saved.choose"),
            format_func=lambda name: labels[name],
            on_change=take_saved,
            width=340,
        )
        st.text_area(
            t("analytics.sql.text"),
            key="analytics_sql",
            height=200,
            max_chars=100_000,
            placeholder=EXAMPLE,
        )
        # Not a caption: Markdown would read two dollar signs as a formula.
        st.html(f'<p class="wq-small wq-muted">{esc(t("analytics.sql.places"))}</p>')
        st.button(t("analytics.run"), key="analytics_run", icon=":material/play_arrow:", type="primary", on_click=run)
        asked = st.session_state.get("analytics_asked", "")
        if not asked:
            trouble.empty("table_view", t("analytics.sql.empty"), t("analytics.sql.empty.hint"))
            return
        with guard():
            found(asked, period, zone)


def found(asked: str, period: str, zone: str) -> None:
    try:
        with st.spinner(t("analytics.running")):
            result = reports.ask(asked, period, zone)
    except QueryRefused as error:
        said = f'<p class="wq-text">{esc(error.message, 600)}</p>'
        trouble.note(t("analytics.refused"), f"{said}<p>{t('analytics.refused.advice')}</p>", "danger")
        return
    took = times.duration(result.elapsed_ms)
    st.caption(t("analytics.rows", n=f"{len(result.rows):,}", took=took))
    if result.truncated:
        trouble.note(t("analytics.truncated"), f"<p>{t('analytics.truncated.advice')}</p>", "warning")
    if not result.rows:
        trouble.empty("table_view", t("analytics.no_rows"), t("analytics.no_rows.hint"))
        return
    st.dataframe(reports.grid(result), key="analytics_grid", hide_index=True, alt=t("analytics.sql"))
    st.download_button(
        t("analytics.csv"),
        data=lambda: reports.as_csv(result),
        file_name="waqtor-query.csv",
        mime="text/csv",
        key="analytics_csv",
        icon=":material/download:",
        on_click="ignore",
    )


spans = {name: t(f"span.{name}") for name in reports.PERIODS}
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
st.caption(t("analytics.zone", zone=zone))
with st.spinner(t("analytics.reading")):
    card("traffic", period, zone)
    for pair in (("answer_rate", "decisions"), ("languages", "top_rules")):
        with st.grid(2, min_column_width=320, gap="small"):
            for name in pair:
                card(name, period, zone)
    card("heat_map", period, zone)
sql_box(period, zone)
