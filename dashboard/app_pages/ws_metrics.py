"""WebSocket metrics: the hub as it is now, and how it did over an hour to a month."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from dashboard import hubwatch
from dashboard.ui import charts, hublive, i18n, theme, times, trouble
from dashboard.ui.i18n import t
from dashboard.ui.trouble import guard
from waqtor import plots
from waqtor.analytics.history import series_of, summed
from waqtor.contracts.views import MetricHistory

Values = Sequence[float | None]
REASONS = (
    "unauthorized", "rate", "origin", "expired", "signature", "oversized", "address", "malformed", "throttled", "names",
    "full",
)  # fmt: skip


@st.fragment(run_every=2, key="ws_live")
def live(limits: Mapping[str, float]) -> None:
    past: deque[hubwatch.Look] = st.session_state.setdefault("ws_past", deque(maxlen=hubwatch.KEPT))
    with guard():
        found = hubwatch.now()
        now = hubwatch.look(found, past[-1] if past else None)
        if not past or now.at > past[-1].at:
            past.append(now)
        hublive.alerts(now, limits)
        hublive.figures(past[-1], list(past))
        uptime = apart(times.duration(found["server"]["uptime"] * 1000))
        st.caption(t("ws.since", uptime=uptime, total=f"{found['connections']['total']:,}"))
        with st.container(border=True, key="card_hub_clients"):
            hublive.clients(found["clients"])
        with st.container(border=True, key="card_hub_refused"):
            hublive.refused(found["security"], found["errors"])


def apart(text: str) -> str:
    """A number with its unit, which in an Arabic sentence would otherwise change places."""
    return f"\u2068{text}\u2069"


def times_of(texts: Sequence[str]) -> list[datetime]:
    """Where steps begin, in the visitor's zone; naive, because a chart draws times as they stand."""
    return [datetime.fromisoformat(text).astimezone(times.zone()).replace(tzinfo=None) for text in texts]


def scaled(values: Values, by: float) -> list[float | None]:
    return [None if value is None else value * by for value in values]


def of(history: MetricHistory, name: str, *, most: bool = False, **labels: str) -> Values:
    found = series_of(history, name, **labels)
    if found is None:
        return [None] * len(history.at)
    return found.most if most else found.values


def over_time(history: MetricHistory) -> dict[str, tuple[str, dict[str, Values]]]:
    """The charts: unit and lines of each."""
    refused = {f"refused_{reason}": summed(history, "waqtor_security_total", reason=reason) for reason in REASONS}
    refused = {name: scaled(values, 60) for name, values in refused.items() if any(values)}
    p95 = {"quantile": "0.95"}
    return {
        "ws_clients": ("at a time", {
            "mean": of(history, "waqtor_ws_clients"), "highest": of(history, "waqtor_ws_clients", most=True),
        }),
        "ws_rates": ("a second", {
            "deliveries": of(history, "waqtor_ws_frames_total", direction="out"),
            "events": of(history, "waqtor_ws_events_total"),
            "received_frames": of(history, "waqtor_ws_frames_total", direction="in"),
        }),
        "ws_bytes": ("KB a second", {
            "to_clients": scaled(of(history, "waqtor_ws_bytes_total", direction="out"), 1 / 1024),
            "received_frames": scaled(of(history, "waqtor_ws_bytes_total", direction="in"), 1 / 1024),
        }),
        "ws_losses": ("a minute", {
            "dropped_frames": scaled(of(history, "waqtor_ws_dropped_total"), 60),
            "closed": scaled(summed(history, "waqtor_ws_closes_total"), 60),
        }),
        "ws_lag": ("ms", {
            "heartbeat": scaled(of(history, "waqtor_ws_pong_seconds", **p95), 1000),
            "loop": scaled(of(history, "waqtor_loop_lag_seconds", **p95), 1000),
        }),
        "ws_buffer": ("MB", {
            "all_clients": scaled(of(history, "waqtor_ws_buffered_bytes", most=True), 1 / 1_048_576),
            "slowest_client": scaled(of(history, "waqtor_ws_buffered_most_bytes", most=True), 1 / 1_048_576),
        }),
        # A counter has no samples before its first refusal: where nothing was refused the line is at zero.
        "ws_security": ("a minute", refused or {"refused": scaled(of(history, "waqtor_ws_clients"), 0)}),
        "engine_memory": ("MB", {"mean": scaled(of(history, "process_resident_memory_bytes"), 1 / 1_048_576)}),
        "engine_cpu": ("cores", {"mean": of(history, "process_cpu_seconds_total")}),
    }  # fmt: skip


def past_times() -> None:
    spans = {name: t(f"ws.span.{name}") for name in hubwatch.SPANS}
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(t("ws.history"), anchor=False, width="content")
        span = st.segmented_control(
            t("ws.history"), list(spans), format_func=lambda name: spans[name], default="day", key="ws_span",
            required=True, label_visibility="collapsed",
        )  # fmt: skip
    with guard():
        charts_of(span or "day")


@st.fragment(run_every=60, key="ws_history")
def charts_of(span: str) -> None:
    with guard():
        history = hubwatch.history(span)
        if not history.series:
            with st.container(border=True, key="card_ws_no_history"):
                trouble.empty("show_chart", t("ws.no_history"), t("ws.no_history.hint"))
            return
        at, restarts = times_of(history.at), times_of(history.restarts)
        style = {"language": i18n.language(), "theme": "dark" if theme.is_dark() else "light"}
        with st.grid(2, min_column_width=340, gap="small"):
            for name, (unit, lines) in over_time(history).items():
                with st.container(border=True, key=f"card_{name}", height="stretch"):
                    figure = plots.metric_lines(
                        pd.DataFrame({"at": at, **lines}), title=name, unit=unit, restarts=restarts, **style
                    )
                    figure = charts.turned(figure, rtl=i18n.is_rtl()).update_xaxes(nticks=4)
                    st.plotly_chart(
                        figure, key=f"plot_{name}", config=charts.CONFIG, theme=None, alt=t(f"ws.chart.{name}")
                    )
            with st.container(border=True, key="card_ws_types", height="stretch"), guard():
                hublive.frames(hubwatch.frames(span))
        st.caption(
            t("ws.history.note", step=apart(times.duration(history.step * 1000)), restarts=len(history.restarts))
        )


live(hublive.limits())
past_times()
