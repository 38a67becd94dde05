"""A campaign's report: funnel, speed, failures by reason, responses, hours, and every recipient."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import campaign_data as work
from dashboard.ui import times, trouble
from dashboard.ui.charts import CONFIG
from dashboard.ui.i18n import known, language, t
from dashboard.ui.marks import esc, number, percent
from dashboard.ui.trouble import guard
from waqtor.contracts.campaigns import CampaignReport
from waqtor.plots import campaigns as figures

STATES = ("sent", "delivered", "read", "replied", "failed", "skipped", "in_doubt", "queued", "planned", "cancelled")


def heads(report: CampaignReport) -> None:
    counts = report.campaign.counts
    wait = "–" if report.reply_median_s is None else times.duration(report.reply_median_s * 1000)
    rate = "–" if report.reply_rate is None else percent(report.reply_rate)
    with st.grid(6, min_column_width=120, gap="small"):
        for name in ("sent", "read", "failed", "skipped"):
            st.metric(t(f"campaigns.{name}"), f"{getattr(counts, name):,}", border=True)
        st.metric(t("report.reply_rate"), rate, border=True)
        st.metric(t("report.reply_wait"), wait, border=True)


def charts(report: CampaignReport) -> None:
    theme = "dark" if st.context.theme.type == "dark" else "light"
    drawn = {
        "funnel": figures.funnel(report, language=language(), theme=theme),
        "speed": figures.speed(report, language=language(), theme=theme),
        "failures": figures.failures(report, language=language(), theme=theme),
        "variants": figures.variants(report, language=language(), theme=theme),
    }
    left, right = st.columns(2, gap="medium")
    for place, (name, figure) in enumerate(drawn.items()):
        with (left, right)[place % 2], st.container(border=True, key=f"card_{name}"):
            st.plotly_chart(figure, key=f"report_{name}", config=CONFIG)
            if name == "variants":
                contrast(report)
    with st.container(border=True, key="card_hours"):
        hours = figures.hours(report, language=language(), theme=theme)
        st.plotly_chart(hours, key="report_hours", config=CONFIG)


def contrast(report: CampaignReport) -> None:
    """The A/B test in one sentence: the difference, its interval, and whether it proves anything."""
    found = report.difference
    if found is None:
        return
    value, low, high = (f"{100 * found[name]:+.1f}" for name in ("value", "low", "high"))
    label = "report.contrast.clear" if found["low"] > 0 or found["high"] < 0 else "report.contrast.open"
    st.html(
        f'<p class="wq-text">{esc(t(label, one=found["variant"], other=found["against"]))} '
        f"{number(f'{value} % ({low} … {high})')}</p>"
    )


def failures(report: CampaignReport) -> None:
    if report.failures:
        frame = pd.DataFrame(
            {
                t("campaigns.status"): [known(f"status.{row['status']}", row["status"]) for row in report.failures],
                t("report.code"): [known(f"skip.{row['code']}", row["code"]) for row in report.failures],
                t("wizard.why"): [row["reason"] for row in report.failures],
                t("report.count"): [row["count"] for row in report.failures],
            }
        )
        st.dataframe(frame, key="report_failures", hide_index=True)


def show_more(asked: tuple[str, str | None, str]) -> None:
    shown = st.session_state.get("report_pages", {})
    st.session_state["report_pages"] = {asked: shown.get(asked, 1) + 1}


def people(campaign_id: str) -> None:
    st.subheader(t("campaigns.total"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox(
            t("campaigns.status"), [None, *STATES], key="report_status",
            format_func=lambda name: t("report.all") if name is None else known(f"status.{name}", name),
        )  # fmt: skip
        search = st.text_input(t("report.search"), key="report_search", icon=":material/search:")
        st.download_button(
            t("report.download"), lambda: work.export(campaign_id, wanted, search),
            file_name=f"campaign-{wanted or 'all'}.csv", mime="text/csv",
            key="report_download", icon=":material/download:",
        )  # fmt: skip
    asked = (campaign_id, wanted, search)
    pages = st.session_state.get("report_pages", {}).get(asked, 1)
    rows, more = work.recipients(campaign_id, wanted, search, pages)
    frame = pd.DataFrame(
        {
            t("report.contact"): [row.contact for row in rows],
            t("report.variant"): [row.variant for row in rows],
            t("campaigns.status"): [known(f"status.{row.status}", row.status) for row in rows],
            t("wizard.why"): [row.reason or "" for row in rows],
            t("report.replied"): [
                "" if row.replied_after_s is None else times.duration(row.replied_after_s * 1000) for row in rows
            ],
        }
    )
    st.dataframe(frame, key="report_people", hide_index=True)
    if more:
        st.button(t("report.more"), key="report_more", icon=":material/expand_more:", on_click=show_more, args=(asked,))


with guard():
    found = [campaign for campaign in work.campaigns() if campaign.started]
    if not found:
        with st.container(border=True, key="card_report_empty"):
            trouble.empty("monitoring", t("report.empty"), t("campaigns.empty.hint"))
    else:
        ids = [campaign.id for campaign in found]
        names = {campaign.id: campaign.name for campaign in found}
        if st.session_state.get("report_id") not in ids:
            st.session_state["report_id"] = ids[0]
        chosen = st.selectbox(t("report.choose"), ids, format_func=lambda one: names[one], key="report_id")
        shown = work.report(chosen)
        heads(shown)
        charts(shown)
        failures(shown)
        with guard():
            people(chosen)
