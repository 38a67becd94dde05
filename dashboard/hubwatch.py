"""What the page of the WebSocket metrics reads, through the SDK: the hub as it is now, and the snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboard import data
from waqtor.contracts.views import MetricHistory

SPANS: Final[dict[str, timedelta]] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
KEPT: Final = 150
"""Looks that are kept for the small curves: five minutes at one every two seconds."""


@st.cache_data(ttl=1.0, max_entries=2, show_spinner=False)
def now() -> dict[str, Any]:
    """The hub with each of its clients."""
    return data.client().status.monitor()


@st.cache_data(ttl=20.0, max_entries=16, show_spinner=False)
def history(span: str) -> MetricHistory:
    """The snapshots of the last ``span``."""
    return data.client().status.metrics_history(since=datetime.now(UTC) - SPANS[span])


FRAMES: Final = """
SELECT type, direction, CAST(sum(frames) AS BIGINT) AS frames, CAST(sum(bytes) AS BIGINT) AS bytes FROM ws_frames
WHERE created >= now() - to_minutes(CAST($minutes AS BIGINT)) GROUP BY ALL ORDER BY frames DESC, type LIMIT 10
"""
"""What went over the sockets most in the span (minutes), by type and direction."""


@st.cache_data(ttl=20.0, max_entries=16, show_spinner=False)
def frames(span: str) -> list[tuple[str, str, int, int]]:
    """The types of frames there were most of in the last ``span``: type, direction, frames, bytes of their texts."""
    minutes = SPANS[span].total_seconds() // 60
    rows = data.client().analytics.query(FRAMES, {"minutes": minutes}).rows
    return [(str(kind), str(way), int(count), int(size)) for kind, way, count, size in rows]


@dataclass(frozen=True, slots=True)
class Look:
    """The hub at one moment.

    Attributes:
        at: Seconds since 1970.
        events: Per second since the look before.
        frames: Handed to clients, per second.
        sent: Bytes to clients, per second, as they go over the network.
        received: Bytes from clients, per second.
        dropped: Frames dropped since the look before.
        errors: Faults since the look before.
        pong_ms: 95th percentile over the clients of their last heartbeat; ``None`` without any.
        most: Bytes of the longest backlog.
    """

    at: float
    clients: int
    dead: int
    events: float
    frames: float
    sent: float
    received: float
    dropped: int
    errors: int
    buffered: int
    most: int
    pong_ms: float | None
    memory: int
    load: float
    totals: Mapping[str, int]


def look(found: Mapping[str, Any], before: Look | None) -> Look:
    """Read one answer of the monitor; rates are against the look before, if that was of the same process."""
    messages, clients = found["messages"], found["clients"]
    at = datetime.fromisoformat(found["timestamp"]).timestamp()
    totals = {
        "broadcasts": int(messages["broadcasts"]), "frames": int(messages["frames"]),
        "sent": int(messages.get("bytes_sent", 0)), "received": int(messages.get("bytes_received", 0)),
        "dropped": int(messages["dropped"]), "errors": int(found["errors"]["total"]),
        "uptime": int(found["server"]["uptime"]),
    }  # fmt: skip
    same = before is not None and totals["uptime"] >= before.totals["uptime"]
    past = before.totals if same and before is not None else totals
    seconds = max(0.5, at - before.at) if before is not None else 1.0
    pongs = sorted(client["pong_ms"] for client in clients if client.get("pong_ms") is not None)
    load = found["system"]["cpu"]
    return Look(
        at=at,
        clients=int(found["connections"]["current"]),
        dead=int(found["connections"]["dead"]),
        events=max(0, totals["broadcasts"] - past["broadcasts"]) / seconds,
        frames=max(0, totals["frames"] - past["frames"]) / seconds,
        sent=max(0, totals["sent"] - past["sent"]) / seconds,
        received=max(0, totals["received"] - past["received"]) / seconds,
        dropped=max(0, totals["dropped"] - past["dropped"]),
        errors=max(0, totals["errors"] - past["errors"]),
        buffered=int(found["buffer"]["total"]),
        most=max((int(client["buffered"]) for client in clients), default=0),
        pong_ms=pongs[min(len(pongs) - 1, int(len(pongs) * 0.95))] if pongs else None,
        memory=int(found["system"]["memory"]["rss"]),
        load=float(load["load_avg"][0]) / max(1, int(load["cores"] or 1)),
        totals=totals,
    )


THRESHOLDS: Final[dict[str, tuple[float, Callable[[Look], float]]]] = {
    "connections": (8000.0, lambda now: now.clients),
    "dead": (0.0, lambda now: now.dead),
    "dropped": (0.0, lambda now: now.dropped),
    "errors": (0.0, lambda now: now.errors),
    "buffered": (50.0, lambda now: now.buffered / 1_048_576),
    "pong": (1000.0, lambda now: now.pong_ms or 0.0),
    "memory": (2048.0, lambda now: now.memory / 1_048_576),
    "load": (2.0, lambda now: now.load),
}
"""What raises an alert when it is above: the usual limit (MB and ms where it has a unit), and how the value is read."""


def alerts(now: Look, limits: Mapping[str, float]) -> dict[str, float]:
    """The values that are above their limits, by name."""
    return {name: read(now) for name, (_, read) in THRESHOLDS.items() if read(now) > limits[name]}
