"""The deliveries of a webhook: the log with filters, one delivery with its attempts, and the statistics."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import hooks
from dashboard.ui import charts, deeds, grids, i18n, theme, times, trouble
from dashboard.ui.hookform import name_of_event
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import badge, definitions, esc, number
from waqtor.contracts.webhooks import NAMES, AttemptView, DeliveryDetail, DeliveryView, WebhookView

STATES = ("pending", "delivered", "dead", "replaced")
TONES = {"pending": "info", "delivered": "success", "dead": "danger", "replaced": "muted"}
SPANS = {"day": 24, "week": 168}


def log(view: WebhookView) -> None:
    """The log with its filters; a row opens the delivery."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="hooks_filters"):
        state = st.selectbox(
            t("hooks.state"), STATES, index=None, key="hooks_state", placeholder=t("filter.all"), width=190,
            format_func=lambda name: t(f"hooks.state.{name}"),
        )  # fmt: skip
        event = st.selectbox(
            t("hooks.event"), sorted(NAMES), index=None, key="hooks_event", placeholder=t("filter.all"), width=260
        )
        st.button(
            t("hooks.replay_failed"),
            key=f"hooks_replay_failed_{view.id}",
            icon=":material/replay:",
            help=t("hooks.replay_failed.help"),
            on_click=replay,
            args=(view.id,),
        )
    pages = deeds.Pages("hooks_log", (view.id, state, event))
    found = hooks.deliveries(view.id, state, event, pages.cursor)
    if not found:
        kind = "none" if state or event else "empty"
        trouble.empty("outbox", t(f"hooks.log.{kind}"), t(f"hooks.log.{kind}.hint"))
        pages.buttons(t("list.newer"), t("list.older"), None)
        return
    chosen = _table(view, list(found))
    pages.buttons(t("list.newer"), t("list.older"), found.next_cursor)
    if chosen is None:
        st.caption(t("hooks.log.choose"))
    else:
        opened(hooks.delivery(view.id, chosen.id))


def replay(webhook_id: str, delivery_id: str | None = None) -> None:
    """Deliver again, and say how many wait again."""
    again = deeds.do(partial(hooks.replay, webhook_id, delivery_id), "")
    if again is not None:
        st.session_state["deed_done"] = t("hooks.replayed", n=again) if again else t("hooks.replayed.none")


def _table(view: WebhookView, found: list[DeliveryView]) -> DeliveryView | None:
    frame = pd.DataFrame(
        {
            t("hooks.when"): [times.full(d.created) for d in found],
            t("hooks.event"): [d.event for d in found],
            t("hooks.state"): [known(f"hooks.state.{d.state}", d.state) for d in found],
            t("hooks.tries"): [str(d.attempts) for d in found],
            t("hooks.status"): [str(d.status_code or "–") for d in found],
            t("hooks.took"): [_ms(d.response_time_ms) for d in found],
            t("hooks.error"): [(d.error or "")[:300] for d in found],
        }
    )
    wide = {t("hooks.error"): "medium"}
    place = grids.select(frame, key=f"hooks_log_{view.id}", widths=wide, alt=t("hooks.part.log"), rows=len(found))
    return found[place] if place is not None and place < len(found) else None


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def opened(detail: DeliveryDetail, *, again: bool = True) -> None:
    """One delivery: how it stands, its attempts with the answers, and its body."""
    d = detail.delivery
    pairs = [
        (esc(t("hooks.state")), badge(known(f"hooks.state.{d.state}", d.state), TONES.get(d.state, "muted"))),
        (esc(t("hooks.delivery")), number(d.id)),
        (esc(t("hooks.event")), number(d.event)),
        (esc(t("hooks.when")), number(times.full(d.created))),
    ]
    if d.next_attempt:
        pairs.append((esc(t("hooks.next")), number(times.full(d.next_attempt))))
    with st.container(border=True, key=f"card_delivery_{d.id}"):
        st.html(definitions(pairs))
        if again:
            st.button(
                t("hooks.replay"), key=f"replay_{d.id}", icon=":material/replay:", on_click=replay,
                args=(d.webhook_id, d.id),
            )  # fmt: skip
        if detail.attempts:
            _attempts(d.id, detail.attempts)
        else:
            st.caption(t("hooks.no_attempts"))
        if detail.body is not None:
            with st.expander(t("hooks.body"), key=f"body_{d.id}"):
                st.code(detail.body, language="json", wrap_lines=True)


def _attempts(delivery_id: str, attempts: tuple[AttemptView, ...]) -> None:
    frame = pd.DataFrame(
        {
            t("hooks.attempt"): [str(a.attempt) for a in attempts],
            t("hooks.when"): [times.full(a.at) for a in attempts],
            t("hooks.result"): [t(f"hooks.result.{a.status}") for a in attempts],
            t("hooks.status"): [str(a.status_code or "–") for a in attempts],
            t("hooks.took"): [_ms(a.response_time_ms) for a in attempts],
            t("hooks.error"): [a.error or "" for a in attempts],
            t("hooks.response"): [a.response for a in attempts],
        }
    )
    if i18n.is_rtl():
        frame = frame[list(frame.columns)[::-1]]
    widths = {t("hooks.error"): "medium", t("hooks.response"): "small"}
    config = {
        name: st.column_config.Column(width=widths.get(name), alignment="right" if i18n.is_rtl() else None)
        for name in frame.columns
    }
    st.dataframe(
        frame,
        key=f"attempts_{delivery_id}",
        hide_index=True,
        column_config=config,
        alt=t("hooks.attempts.list"),
    )
    answered = next((a for a in reversed(attempts) if a.response), None)
    if answered is not None:
        st.caption(t("hooks.response.last", n=answered.attempt))
        st.text(answered.response)


def statistics(view: WebhookView) -> None:
    """Success rate, response times, and the attempts by hour and by event."""
    span = st.segmented_control(
        t("hooks.span"), list(SPANS), default="day", required=True, key="hooks_hours",
        format_func=lambda name: t(f"hooks.span.{name}"), label_visibility="collapsed",
    )  # fmt: skip
    stats = hooks.stats(view.id, SPANS[span or "day"])
    if not stats.attempts:
        trouble.empty("monitoring", t("hooks.stats.empty"), t("hooks.stats.empty.hint"))
        return
    rate = "–" if stats.success_rate is None else f"{_floored(stats.success_rate):.1f}%"
    figures = {
        "rate": rate,
        "p50": "–" if stats.p50_ms is None else times.duration(stats.p50_ms),
        "p95": "–" if stats.p95_ms is None else times.duration(stats.p95_ms),
        "attempts": f"{stats.attempts:,}",
        "dead": f"{stats.dead:,}",
        "pending": f"{stats.pending:,}",
    }
    for column, (name, value) in zip(st.columns(len(figures), gap="small"), figures.items(), strict=True):
        column.metric(t(f"hooks.stats.{name}"), value, border=True)
    style = {"language": i18n.language(), "theme": "dark" if theme.is_dark() else "light"}
    hours, events = st.columns([3, 2], gap="medium")
    from waqtor import plots

    by_hour = pd.DataFrame(list(stats.by_hour), columns=["hour", "success", "failed"])
    by_hour["hour"] = [(times.moment(str(hour)) or pd.NaT) for hour in by_hour["hour"]]
    by_event = pd.DataFrame([e.model_dump() for e in stats.by_event], columns=["event", "success", "failed"])
    with hours.container(border=True, key="card_hooks_hours"):
        figure = plots.attempts_by_hour(by_hour, **style)
        told = t("hooks.stats.alt", n=stats.attempts, failed=stats.failed)
        st.plotly_chart(figure, key="hooks_by_hour", config=charts.CONFIG, alt=told)
    with events.container(border=True, key="card_hooks_events"):
        by_event["event"] = [name_of_event(name) for name in by_event["event"]]
        figure = plots.attempts_by_event(by_event, **style)
        st.plotly_chart(figure, key="hooks_by_event", config=charts.CONFIG, alt=told)


def _floored(share: float) -> float:
    """A percentage that says 100 only when nothing failed."""
    return share * 100 if share in (0.0, 1.0) else min(99.9, max(0.1, share * 100))
