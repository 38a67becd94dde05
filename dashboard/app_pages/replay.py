"""Replay: recorded messages through two versions of the rules, and every answer that would change. Nothing is sent."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import workbench
from dashboard.ui import grids, times, trouble, versions
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import esc
from dashboard.ui.trouble import guard
from waqtor.contracts.sheets import as_csv
from waqtor.contracts.workbench import ReplayChange, ReplaySide, ReplayView
from waqtor.errors import WaqtorError

KINDS = ("gained", "lost", "different")
PERIODS = {"day": 1440, "week": 10_080, "month": 43_200, "quarter": 129_600}
RUNNING = ("reading", "running")
MOST = 100_000


def start(before: workbench.Source, after: workbench.Source, period: str) -> None:
    try:
        view = workbench.start_replay(before=before, after=after, minutes=PERIODS[period], limit=MOST)
    except WaqtorError as error:
        st.session_state["replay_problem"] = error
    else:
        st.session_state.update(replay_id=view.id, replay_pages=1)


def cancel(replay_id: str) -> None:
    try:
        workbench.cancel_replay(replay_id)
    except WaqtorError as error:
        st.session_state["replay_problem"] = error


def form(running: bool) -> None:
    with st.container(border=True, key="card_replay_form"):
        old, new = st.columns(2, gap="medium")
        with old:
            before = versions.choose("replay_before", t("replay.before"), ("git", "files", "folder", "upload"), "git")
        with new:
            kinds = ("files", "draft", "git", "folder", "upload")
            after = versions.choose("replay_after", t("replay.after"), kinds, "files")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            spans = {name: t(f"span.{name}") for name in PERIODS}
            period = st.selectbox(
                t("replay.period"),
                list(PERIODS),
                index=1,
                key="replay_period",
                width=200,
                format_func=spans.__getitem__,
            )
            ready = before is not None and after is not None
            st.button(
                t("replay.start"),
                key="replay_start",
                type="primary",
                icon=":material/replay:",
                disabled=running or not ready,
                help=None if ready else t("replay.incomplete"),
                on_click=start,
                args=(before, after, period),
            )


@st.fragment(run_every=1.0)
def watch(replay_id: str) -> None:
    """The bar while a replay runs; the whole page is drawn anew at its end."""
    with guard():
        view = workbench.replay(replay_id)
        if view.state not in RUNNING:
            st.rerun()
        share = view.done / view.messages if view.messages and view.state == "running" else 0.0
        if view.state == "reading":
            told = t("replay.reading", n=f"{view.messages:,}")
        else:
            left = "…" if view.eta_s is None else times.duration(view.eta_s * 1000)
            told = t("replay.progress", done=f"{view.done:,}", total=f"{view.messages:,}", left=left)
        st.progress(min(1.0, share), told)
        counts(view)
        st.button(t("replay.cancel"), key="replay_cancel", icon=":material/cancel:", on_click=cancel, args=(replay_id,))


def counts(view: ReplayView) -> None:
    with st.grid(5, min_column_width=120, gap="small"):
        st.metric(t("replay.messages"), f"{view.done:,}", border=True)
        for kind in KINDS:
            st.metric(t(f"replay.{kind}"), f"{getattr(view, kind):,}", help=t(f"replay.{kind}.help"), border=True)
        same = view.done - view.gained - view.lost - view.different
        st.metric(t("replay.same"), f"{same:,}", border=True)


def result(view: ReplayView) -> None:
    with st.container(border=True, key="card_replay"):
        took = times.duration(view.seconds * 1000)
        st.subheader(t(f"replay.state.{view.state}"), anchor=False)
        st.html(
            f'<p class="wq-small wq-muted">{esc(t("replay.took", before=view.before, after=view.after, took=took))}</p>'
        )
        if view.state == "failed":
            trouble.note(t("replay.state.failed"), f'<p class="wq-text">{esc(view.error, 600)}</p>', "danger")
        counts(view)
        if not view.messages:
            trouble.empty("inbox", t("replay.no_messages"), t("replay.no_messages.hint"))
        elif not view.listed:
            trouble.empty("check_circle", t("replay.none"), t("replay.none.hint"))
        else:
            listed(view)


def listed(view: ReplayView) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="replay_filters"):
        kinds = {name: t(f"replay.{name}") for name in KINDS}
        kind: Any = st.segmented_control(t("replay.kind"), KINDS, key="replay_kind", format_func=kinds.__getitem__)
        search = st.text_input(t("replay.search"), key="replay_search", type="search", icon=":material/search:")
    if view.listed < view.gained + view.lost + view.different:
        st.caption(t("replay.listed", n=f"{view.listed:,}"))
    pages = st.session_state.get("replay_pages", 1)
    found = workbench.replay_changes(view.id, kind, search.strip(), pages)
    if not found:
        trouble.empty("filter_alt_off", t("replay.unfit"), t("replay.unfit.hint"))
        return
    frame = pd.DataFrame(
        {
            t("replay.kind"): [t(f"replay.{change.kind}") for change in found],
            t("history.said"): [change.text for change in found],
            t("replay.before"): [decided(change.before) for change in found],
            t("replay.after"): [decided(change.after) for change in found],
            t("bench.language"): [known(f"lang.{change.language}", change.language) for change in found],
            t("history.when"): [times.full(change.at) for change in found],
        }
    )
    wide = {t("history.said"): "large", t("replay.before"): "medium", t("replay.after"): "medium"}
    place = grids.select(frame, key="replay_table", widths=wide, alt=t("page.replay"), rows=len(found))
    with st.container(horizontal=True):
        if found.next_cursor:
            st.button(
                t("replay.more"),
                key="replay_more",
                on_click=lambda: st.session_state.update(replay_pages=pages + 1),
            )
        st.download_button(
            t("replay.export"),
            data=lambda: export(view.id, kind, search.strip()),
            file_name="waqtor-replay.csv",
            mime="text/csv",
            key="replay_csv",
            icon=":material/download:",
            on_click="ignore",
        )
    if place is not None and place < len(found):
        opened(found[place])


def decided(side: ReplaySide) -> str:
    rule = side.rule_id or t("replay.silence")
    return f"{rule} · {known(f'decision.{side.decision}', side.decision)} · {side.confidence:.2f}"


def opened(change: ReplayChange) -> None:
    st.text(change.text)
    for column, side, title in zip(
        st.columns(2, gap="medium"),
        (change.before, change.after),
        (t("replay.answer_before"), t("replay.answer_after")),
        strict=True,
    ):
        with column.container(border=True):
            st.html(f'<p class="wq-title">{esc(title)}</p><p class="wq-small wq-muted">{esc(decided(side))}</p>')
            st.text(side.reply or "–")


def export(replay_id: str, kind: Any, search: str) -> bytes:
    names = ("number", "message_id", "at", "kind", "language", "text")
    sides = ("decision", "rule_id", "confidence", "reply")
    head = [*names, *(f"before_{name}" for name in sides), *(f"after_{name}" for name in sides)]
    rows = (
        [
            *(getattr(change, name) for name in names),
            *(getattr(side, name) for side in (change.before, change.after) for name in sides),
        ]
        for change in workbench.every_change(replay_id, kind, search)
    )
    return as_csv(head, rows)


st.caption(t("replay.intro"))
problem = st.session_state.pop("replay_problem", None)
if problem is not None:
    trouble.box(problem)
with guard():
    replays = workbench.replays()
    ids = [view.id for view in replays]
    if st.session_state.get("replay_id") not in ids:
        st.session_state["replay_id"] = ids[0] if ids else None
    current = next((view for view in replays if view.id == st.session_state["replay_id"]), None)
    form(any(view.state in RUNNING for view in replays))
    if current is None:
        with st.container(border=True, key="card_replay_empty"):
            trouble.empty("replay", t("replay.empty"), t("replay.empty.hint"))
    else:
        if len(ids) > 1:
            told = {v.id: f"{times.full(v.started)} · {v.before} → {v.after}" for v in replays}
            st.selectbox(t("replay.which"), ids, key="replay_id", format_func=told.__getitem__)
        if current.state in RUNNING:
            with st.container(border=True, key="card_replay_running"):
                st.subheader(t(f"replay.state.{current.state}"), anchor=False)
                watch(current.id)
        else:
            result(current)
