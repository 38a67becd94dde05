"""The hub as it is now: alerts, key figures with their last five minutes, the clients, what was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import hubwatch
from dashboard.ui import i18n, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import esc, number

SHOWN = 500
"""Clients in the table; there may be more."""


def limits() -> dict[str, float]:
    """The limits above which an alert is shown; the visitor sets them."""
    found = {}
    with st.expander(t("ws.limits"), icon=":material/notifications_active:", key="ws_limits"):
        st.caption(t("ws.limits.hint"))
        with st.grid(4, min_column_width=150, gap="small"):
            for name, (usual, _) in hubwatch.THRESHOLDS.items():
                found[name] = st.number_input(
                    t(f"ws.limit.{name}"), min_value=0.0, value=usual, step=1.0, format="%g", key=f"ws_limit_{name}"
                )
    return found


def figures(now: hubwatch.Look, past: Sequence[hubwatch.Look]) -> None:
    """Ten figures with their course; the first look has no rate yet, and so no place in the curve of one."""
    pong = "–" if now.pong_ms is None else times.duration(now.pong_ms)
    with st.grid(5, min_column_width=150, gap="small"):
        _figure("clients", f"{now.clients:,}", [look.clients for look in past])
        _figure("frames", f"{now.frames:,.0f}", [look.frames for look in past[1:]])
        _figure("events", f"{now.events:,.1f}", [look.events for look in past[1:]])
        _figure("sent", f"{size(now.sent)}/s", [look.sent for look in past[1:]])
        _figure("received", f"{size(now.received)}/s", [look.received for look in past[1:]])
        _figure("dropped", f"{now.totals['dropped']:,}", [look.dropped for look in past])
        _figure("buffered", size(now.buffered), [look.buffered for look in past])
        _figure("most", size(now.most), [look.most for look in past])
        _figure("pong", pong, [look.pong_ms or 0 for look in past])
        _figure("memory", size(now.memory), [look.memory / 1_048_576 for look in past])


def _figure(name: str, value: str, course: list[float]) -> None:
    st.metric(
        t(f"ws.{name}"), value, help=t(f"ws.{name}.help"), border=True, height="stretch",
        chart_data=course if len(course) > 1 else None, chart_type="area",
    )  # fmt: skip


def alerts(now: hubwatch.Look, limits: Mapping[str, float]) -> None:
    """A box for what is above its limit."""
    found = hubwatch.alerts(now, limits)
    if found:
        items = "".join(
            f"<p>{esc(t(f'ws.limit.{name}'))}: {number(f'{value:,.4g}')} "
            f"({esc(t('ws.alert.limit'))} {number(f'{limits[name]:,.4g}')})</p>"
            for name, value in found.items()
        )
        trouble.note(t("ws.alert", n=len(found)), items, "danger")


def clients(found: Sequence[Mapping[str, Any]]) -> None:
    """A row per client, those with the longest backlog first."""
    st.subheader(t("ws.clients.title", n=f"{len(found):,}"), anchor=False)
    if not found:
        trouble.empty("lan", t("ws.nobody"), t("ws.nobody.hint"))
        return
    rows = sorted(found, key=lambda client: -client["buffered"])[:SHOWN]
    columns: dict[str, list[Any]] = {
        t("ws.column.address"): [client["ip"] for client in rows],
        t("ws.column.key"): [client.get("key") or "–" for client in rows],
        t("ws.column.age"): [times.ago(client["connected"]) for client in rows],
        t("ws.column.pong"): [times.ago(client["last_pong"]) if client.get("last_pong") else "–" for client in rows],
        t("ws.column.pong_ms"): [
            "–" if client.get("pong_ms") is None else times.duration(client["pong_ms"]) for client in rows
        ],
        t("ws.column.state"): [t("ws.alive" if client["is_alive"] else "ws.dead") for client in rows],
        t("ws.column.buffered"): [size(client["buffered"]) for client in rows],
        t("ws.column.sent"): [f"{client.get('sent', 0):,}" for client in rows],
        t("ws.column.sent_bytes"): [size(client.get("sent_bytes", 0)) for client in rows],
        t("ws.column.names"): [", ".join(client["subscriptions"]) or "–" for client in rows],
    }
    frame = pd.DataFrame(columns)
    right = i18n.is_rtl()
    if right:
        frame = frame[list(columns)[::-1]]
    side: Any = "right" if right else None
    config = {name: st.column_config.Column(alignment=side) for name in frame.columns}
    st.dataframe(
        frame, key="ws_clients", hide_index=True, height=460 if len(rows) > 12 else "auto", column_config=config,
        alt=t("ws.clients.title", n=len(found)),
    )  # fmt: skip
    if len(found) > SHOWN:
        st.caption(t("ws.clients.more", n=f"{len(found) - SHOWN:,}"))


def refused(counts: Mapping[str, int], errors: Mapping[str, Any]) -> None:
    """What was refused for security since the start, and the last fault."""
    st.subheader(t("ws.refused"), anchor=False)
    items = "".join(
        f'<div class="{"" if count else "wq-muted"}"><dt>{esc(known(f"ws.refused.{reason}", reason))}</dt>'
        f"<dd>{number(f'{count:,}')}</dd></div>"
        for reason, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    st.html(f'<dl class="wq-tally">{items}</dl>')
    last = errors.get("last")
    if last:
        said = f"{last['source']}: {last['message']}"
        trouble.note(t("ws.last_error", when=times.full(last["time"])), f'<p class="wq-text">{esc(said, 400)}</p>')


def frames(found: Sequence[tuple[str, str, int, int]]) -> None:
    """What went over the sockets, by type: the most frequent first."""
    st.html(f'<p class="wq-title">{esc(t("ws.types"))}</p><p class="wq-muted">{esc(t("ws.types.hint"))}</p>')
    if not found:
        trouble.empty("swap_vert", t("ws.types.empty"), t("ws.types.empty.hint"))
        return
    most = max(count for _, _, count, _ in found)
    items = "".join(
        f'<tr><td>{number(kind)} <small class="wq-muted">{esc(t("ws.in" if way == "in" else "ws.out"))}</small>'
        f'<div class="wq-bar tone-primary"><i style="width:{100 * count / most:.1f}%"></i></div></td>'
        f"<td>{number(f'{count:,}')}</td><td>{number(size(total / count))}</td><td>{number(size(total))}</td></tr>"
        for kind, way, count, total in found
    )
    heads = "".join(f"<th>{esc(t(f'ws.types.{name}'))}</th>" for name in ("type", "frames", "each", "bytes"))
    st.html(f'<table class="wq-table"><thead><tr>{heads}</tr></thead><tbody>{items}</tbody></table>')


def size(bytes_: float) -> str:
    """Bytes in a fitting unit."""
    if bytes_ < 1024:
        return f"{bytes_:.0f} B"
    return f"{bytes_ / 1024:.1f} KB" if bytes_ < 1_048_576 else f"{bytes_ / 1_048_576:.1f} MB"
