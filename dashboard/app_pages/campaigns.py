"""Campaigns: the list, live progress with controls, and the wizard from a file to a scheduled campaign."""

from __future__ import annotations

import time
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import campaign_data as work
from dashboard.ui import bubbles, grids, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import Tone, badge, definitions, esc, number
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


@st.fragment(run_every=1)
def live(campaign_id: str) -> None:
    """Progress and controls; drawn again every second."""
    with guard():
        view = work.campaign(campaign_id)
        with st.container(border=True, key="card_campaign"):
            state = badge(
                known(f"campaign.{view.status}", view.status), TONES[view.status], live=view.status == "running"
            )
            st.html(f'<h3 style="padding:0">{esc(view.name, 120)}</h3>{state}')
            if view.reason:
                st.html(f'<p class="wq-text wq-muted">{esc(view.reason, 400)}</p>')
            counts = view.counts
            done = counts.done / counts.total if counts.total else 0.0
            moving = view.status == "running" and view.speed
            eta = times.duration(view.eta * 1000) if moving and view.eta is not None else "–"
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


def wizard() -> None:
    """Upload → map → write → rehearse → start."""
    file = st.file_uploader(
        t("wizard.file"), type=["csv", "txt", "xlsx"], key="wizard_file", help=t("wizard.file.help")
    )
    pasted = st.text_area(t("wizard.pasted"), key="wizard_pasted", height=80) if file is None else ""
    fields: list[str] = []
    phone = None
    if file is not None:
        if st.session_state.get("wizard_seen") != file.file_id:
            st.session_state["wizard_upload"] = work.upload(file.name, file.getvalue())
            st.session_state["wizard_seen"] = file.file_id
        found = st.session_state["wizard_upload"]
        columns = list(found.columns)
        st.dataframe(pd.DataFrame(found.sample, columns=columns[: len(found.sample[0])] if found.sample else columns),
                     key="wizard_sample", hide_index=True, height="auto")  # fmt: skip
        guess = columns.index(found.phone) if found.phone in columns else 0
        phone = st.selectbox(t("wizard.phone"), columns, index=guess, key="wizard_phone")
        fields = [column for column in columns if column != phone]
        if fields:
            st.caption(t("wizard.fields", names="، ".join(fields)))
    name = st.text_input(t("wizard.name"), key="wizard_name", max_chars=200)
    text = st.text_area(t("wizard.text"), key="wizard_text", height=120, max_chars=4096, help=t("wizard.text.help"))
    fallback = st.text_input(t("wizard.fallback"), key="wizard_fallback", help=t("wizard.fallback.help"))
    with st.container(horizontal=True):
        at = st.text_input(t("wizard.at"), key="wizard_at", placeholder="2026-12-31T09:00")
        quiet = st.text_input(t("wizard.quiet"), key="wizard_quiet", placeholder="21:00-08:00")
    ready = bool(name.strip() and text.strip() and (file is not None or pasted.strip()))
    if st.button(
        t("wizard.create"), key="wizard_create", type="primary", icon=":material/fact_check:", disabled=not ready
    ):
        made = audience_of(name, pasted, phone)
        if made is None:
            return
        schedule = {"at": at.strip() or None, "quiet_hours": quiet.strip()} if at.strip() or quiet.strip() else None
        view = work.create(
            name=name.strip(), audience_id=made, template=text, schedule=schedule,
            fallbacks=dict.fromkeys((f for f in work.audience(made).fields), fallback) if fallback else {},
        )  # fmt: skip
        st.session_state["wizard_made"] = view.id
        st.session_state["campaign_id"] = view.id
    if st.session_state.get("wizard_made"):
        rehearsal(st.session_state["wizard_made"])


def audience_of(name: str, pasted: str, phone: str | None) -> str | None:
    """Make the audience and wait until it is whole; shows what is not in it."""
    if phone is None:
        made = work.make_audience(name=name.strip(), numbers=pasted)
    else:
        made = work.make_audience(name=name.strip(), upload_id=st.session_state["wizard_upload"].upload_id, phone=phone)
    with st.spinner(t("wizard.reading")):
        while made.state == "importing":
            time.sleep(0.3)
            made = work.audience(made.id)
    st.session_state.pop("wizard_seen", None)
    if made.bad or made.duplicates:
        st.caption(t("wizard.left_out", bad=made.bad, duplicates=made.duplicates))
        rows = work.issues(made.id)
        frame = pd.DataFrame({t("wizard.line"): [i.line for i in rows], t("wizard.value"): [i.value for i in rows],
                              t("wizard.why"): [i.message for i in rows]})  # fmt: skip
        st.dataframe(frame, key="wizard_issues", hide_index=True)
    if made.state == "failed" or not made.total:
        trouble.note(t("wizard.nobody"), f"<p>{esc(made.reason or t('wizard.nobody.hint'))}</p>", "danger")
        return None
    return made.id


def rehearsal(campaign_id: str) -> None:
    """The dry run with a message as it will look, and the button that starts."""
    with guard():
        found = work.rehearse(campaign_id)
        left, right = st.columns(2, gap="medium")
        with left:
            pairs = [(esc(t("wizard.ready")), number(f"{found.ready:,} / {found.total:,}"))]
            pairs += [(esc(known(f"skip.{code}", code)), number(f"{n:,}")) for code, n in found.skips.items()]
            took = "–" if found.seconds is None else times.duration(found.seconds * 1000)
            pairs.append((esc(t("wizard.duration")), number(took)))
            st.html(definitions(pairs))
            if work.campaign(campaign_id).status == "draft" and found.ready:
                st.button(
                    t("campaigns.do.execute"), key="wizard_execute", type="primary", icon=":material/send:",
                    on_click=partial(act, campaign_id, "execute"),
                )  # fmt: skip
        with right:
            drawn = "".join(bubbles.bubble(sample.content, None, out=True) for sample in found.samples[:2])
            st.html(f'<div class="wq-wall">{drawn}</div>')


problem = st.session_state.pop("campaign_error", None)
if problem is not None:
    trouble.box(problem)
with guard():
    everything = work.campaigns()
    with st.expander(t("wizard.title"), expanded=not everything, icon=":material/add:", key="wizard"), guard():
        wizard()
    if not everything:
        with st.container(border=True, key="card_campaigns_empty"):
            trouble.empty("campaign", t("campaigns.empty"), t("campaigns.empty.hint"))
    else:
        chosen = listed(everything)
        if chosen is not None:
            live(chosen.id)
