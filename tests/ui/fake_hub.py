"""The hub of the fake sidecar: some clients, and a week of snapshots with a night in which the engine was off."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.ui.fake_shop import HOSTILE, Shop, iso
from waqtor.analytics.history import Span
from waqtor.contracts.views import MetricHistory, MetricSeries
from waqtor.realtime.stats import REASONS

_Shape = tuple[str, dict[str, str], Any, float, float]
_SERIES: tuple[_Shape, ...] = (
    ("waqtor_ws_clients", {}, "gauge", 6, 5),
    ("waqtor_ws_frames_total", {"direction": "out"}, "counter", 40, 35),
    ("waqtor_ws_frames_total", {"direction": "in"}, "counter", 1.2, 0.4),
    ("waqtor_ws_bytes_total", {"direction": "out"}, "counter", 21_000, 18_000),
    ("waqtor_ws_bytes_total", {"direction": "in"}, "counter", 120, 60),
    ("waqtor_ws_events_total", {}, "counter", 9, 8),
    ("waqtor_ws_dropped_total", {}, "counter", 0.02, 0.02),
    ("waqtor_ws_closes_total", {"code": "1006"}, "counter", 0.01, 0.01),
    ("waqtor_ws_closes_total", {"code": "1001"}, "counter", 0.005, 0.005),
    ("waqtor_ws_pong_seconds", {"quantile": "0.95"}, "quantile", 0.012, 0.008),
    ("waqtor_loop_lag_seconds", {"quantile": "0.95"}, "quantile", 0.004, 0.003),
    ("waqtor_ws_buffered_bytes", {}, "gauge", 600_000, 500_000),
    ("waqtor_ws_buffered_most_bytes", {}, "gauge", 200_000, 150_000),
    ("waqtor_security_total", {"reason": "unauthorized"}, "counter", 0.02, 0.02),
    ("waqtor_security_total", {"reason": "rate"}, "counter", 0.01, 0.01),
    ("process_resident_memory_bytes", {}, "gauge", 310_000_000, 12_000_000),
    ("process_cpu_seconds_total", {}, "counter", 0.21, 0.15),
)
"""Name, labels, kind, and a wave: its middle and how far it goes up and down."""


class FakeHub:
    """Answers ``/ws-monitor`` and ``/metrics/history``; ``None`` for a route that is not there."""

    def __init__(self, shop: Shop) -> None:
        self.now = shop.now
        self.empty = shop.empty
        self.asked = 0
        self.dropped = 3
        self.refused: dict[str, int] = dict.fromkeys(REASONS, 0) | ({} if shop.empty else {"rate": 12, "origin": 1})
        self.error: dict[str, Any] | None = None
        self.clients = [] if shop.empty else [self._client(n) for n in range(9)]

    def _client(self, n: int) -> dict[str, Any]:
        seen = iso(self.now - timedelta(seconds=9 * n))
        return {
            "id": f"c{n}", "ip": f"10.0.0.{n + 1}" if n else "2001:db8::7", "key": HOSTILE if n == 1 else "crm",
            "connected": iso(self.now - timedelta(minutes=17 * n)), "last_ping": seen, "last_pong": seen if n else None,
            "pong_ms": 0.4 + 3.1 * n if n else None, "is_alive": n != 4, "batches": False,
            "buffered": 640_000 if n == 4 else 0, "sent": 1200 + 37 * n,
            "sent_bytes": 512_000 + 14_100 * n,
            "subscriptions": ["messages", "campaign.*"] if n % 2 else ["all"],
        }  # fmt: skip

    def route(self, method: str, path: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        match [method, *path]:
            case ["GET", "ws-monitor"]:
                return self._monitor()
            case ["GET", "metrics", "history"]:
                since = datetime.fromisoformat(query["since"])
                return self._history(since).model_dump(mode="json")
        return None

    def frames(self) -> list[tuple[datetime, str, str, str, int, int]]:
        """Rows of ``ws_frames``: each type a minute ago and two days ago."""
        rows = (
            ()
            if self.empty
            else (
                ("out", "message.received", 4210, 612),
                ("out", "message.sent", 2980, 305),
                ("out", "smartbot.reply", 2410, 498),
                ("out", "campaign.progress", 940, 402),
                ("out", "control", 118, 420),
                ("in", "ping", 96, 31),
                ("in", "subscribe", 22, 88),
                ("in", "other", 1, 9000),
            )
        )
        past = (timedelta(minutes=1), timedelta(days=2))
        return [(self.now - ago, "", way, kind, n, n * size) for ago in past for way, kind, n, size in rows]

    def _monitor(self) -> dict[str, Any]:
        self.asked += 1
        told = {
            "received": 40,
            "broadcasts": 500 + 8 * self.asked,
            "frames": 4000 + 70 * self.asked,
            "bytes_sent": 1_900_000 + 30_720 * self.asked,
            "bytes_received": 5000 + 96 * self.asked,
        }
        return {
            "server": {"start_time": iso(self.now), "uptime": 5025 + 2 * self.asked, "uptime_formatted": "1h"},
            "connections": {"current": len(self.clients), "total": 31 + len(self.clients), "disconnections": 31,
                            "alive": len(self.clients), "dead": sum(not c["is_alive"] for c in self.clients)},
            "messages": {**told, "dropped": self.dropped, "last_broadcast": iso(self.now)},
            "errors": {"total": 1 if self.error else 0, "last": self.error},
            "security": self.refused,
            "system": {"memory": {"rss": 312_000_000, "vms": 0}, "cpu": {"load_avg": [0.4, 0.3, 0.2], "cores": 2}},
            "buffer": {"total": sum(c["buffered"] for c in self.clients), "average": 0},
            "clients": self.clients,
            "timestamp": iso(self.now + timedelta(seconds=2 * self.asked)),
        }  # fmt: skip

    def _history(self, since: datetime) -> MetricHistory:
        now_us = int(self.now.timestamp() * 1_000_000)
        span = Span.of(since, self.now, None, now_us, 300.0)
        begins = span.begins
        end = self.now.timestamp()
        off = [end - 9 * 3600 < at < end - 7 * 3600 for at in begins]
        series: list[MetricSeries] = []
        for place, (name, labels, kind, middle, swing) in enumerate(() if self.empty else _SERIES):
            values = tuple(
                None if gone else max(0.0, middle + swing * math.sin(at / 9000 + place) * math.cos(at / 2100 + place))
                for at, gone in zip(begins, off, strict=True)
            )
            most = tuple(None if value is None else value * 1.4 for value in values)
            series.append(MetricSeries(name=name, labels=labels, kind=kind, values=values, most=most))
        restart = datetime.fromtimestamp(end - 7 * 3600, UTC)
        return MetricHistory(
            since=iso(since), until=iso(self.now), step=span.step,
            at=tuple(iso(datetime.fromtimestamp(at, UTC)) for at in begins),
            restarts=() if self.empty or restart < since else (iso(restart),), series=tuple(series),
        )  # fmt: skip
