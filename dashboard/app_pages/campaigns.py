"""Campaigns: the list, live progress with controls, and the wizard from a file to a scheduled campaign."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import campaign_data as work
from dashboard.ui import grids, reasons, times, trouble, wizard
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import Tone, badge, esc
from dashboard.ui.trouble import guard
from waqtor.contracts.campaigns import CampaignView
from waqtor.errors import WaqtorError

TONES: dict[str, Tone] = {
    "draft": "muted", "scheduled": "info", "running": "success", "held": "warning", "paused": "warning",
    "completed": "primary", "failed": "danger", "cancelled": "muted",
}  # fmt: skip
ACTIONS = {
    "draft": ("execute", "cancel"), "scheduled": ("pause", "cancel"), "running": ("pause", "cancel"),
    "held": ("resume", "pause", "cancel"), "paused": ("resume", "cancel"), "completed": ("retry_failed", "clone"),
    "failed": ("clone",), "cancelled": ("clone",),
}  # fmt: skip
MOVING = frozenset({"scheduled", "running", "held"})
SYMBOLS = {
    "execute": "play_arrow", "pause": "pause", "resume": "play_arrow", "cancel": "stop", "retry_failed": "replay",
    "clone": "content_copy",
}  # fmt: skip


def act(campaign_id: str, action: str) -> None:
    try:
        work.act(campaign_id, action)
    except WaqtorError as error:
        st.session_state["campaign_error"] = error


def listed(found: list[CampaignView]) -> CampaignView | None:
    frame = pd.DataFrame(
        {
            t("campaigns.name"): [c.name for c in found],
            t("campaigns.status"): [known(f"campaign.{c.status}", c.status) for c in found],
            t("campaigns.total"): [c.counts.total for c in found],
            t("campaigns.sent"): [c.counts.sent for c in found],
            t("campaigns.read"): [c.counts.read for c in found],
            t("campaigns.failed"): [c.counts.failed for c in found],
            t("campaigns.created"): [times.full(c.created) for c in found],
        }
    )
    place = grids.select(frame, key="campaigns_table", alt=t("page.campaigns"), rows=len(found))
    if place is not None and place < len(found):
        st.session_state["campaign_id"] = found[place].id
    chosen = st.session_state.get("campaign_id")
    return next((c for c in found if c.id == chosen), found[0] if found else None)


def live(campaign_id: str, known_as: str) -> None:
    """Progress and controls, drawn again on a beat; the whole page is, once the campaign is over."""
    with guard():
        view = work.campaign(campaign_id)
        if known_as in MOVING and view.status not in MOVING:
            st.rerun()
        with st.container(border=True, key="card_campaign"):
            state = badge(
                known(f"campaign.{view.status}", view.status), TONES[view.status], live=view.status == "running"
            )
            st.html(f'<h3 style="padding:0">{esc(view.name, 120)}</h3>{state}')
            if view.reason:
                st.html(f'<p class="wq-text wq-muted">{esc(reasons.said(view.reason), 400)}</p>')
            counts = view.counts
            done = counts.done / counts.total if counts.total else 0.0
            moving = view.status == "running" and view.speed
            # Isolated: a unit after a number would stand before it in a line of Arabic.
            eta = f"\u2066{times.duration(view.eta * 1000)}\u2069" if moving and view.eta is not None else "–"
            speed = t("campaigns.per_second", n=view.speed) if moving else "–"
            text = t("campaigns.progress", done=f"{counts.done:,}", total=f"{counts.total:,}", speed=speed, eta=eta)
            st.progress(min(1.0, done), text=text)
            with st.grid(6, min_column_width=110, gap="small"):
                for name in ("sent", "delivered", "read", "failed", "skipped", "in_doubt"):
                    st.metric(t(f"campaigns.{name}"), f"{getattr(counts, name):,}", border=True)
            with st.container(horizontal=True):
                for action in ACTIONS[view.status]:
                    if action == "retry_failed" and not counts.failed:
                        continue
                    st.button(
                        t(f"campaigns.do.{action}"), key=f"campaign_{action}", icon=f":material/{SYMBOLS[action]}:",
                        type="primary" if action in ("execute", "resume") else "secondary",
                        on_click=partial(act, view.id, action),
                    )  # fmt: skip
                if view.started and st.button(
                    t("campaigns.report"), key="campaign_report_open", icon=":material/monitoring:"
                ):
                    st.session_state["report_id"] = view.id
                    st.switch_page("app_pages/campaign_report.py")


problem = st.session_state.pop("campaign_error", None)
if problem is not None:
    trouble.box(problem)
with guard():
    everything = work.campaigns()
    with st.expander(t("wizard.title"), expanded=not everything, icon=":material/add:", key="wizard"), guard():
        wizard.draw(act)
    if not everything:
        with st.container(border=True, key="card_campaigns_empty"):
            trouble.empty("campaign", t("campaigns.empty"), t("campaigns.empty.hint"))
    else:
        chosen = listed(everything)
        if chosen is not None:
            # What is over changes by late receipts alone; a second's beat would cut into the report's being opened.
            st.fragment(live, run_every=1 if chosen.status in MOVING else 15)(chosen.id, chosen.status)
