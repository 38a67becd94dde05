"""What the hub counts, and how it tells it: JSON (snake_case; the aliases spell it in camelCase) and Prometheus."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from waqtor.contracts.wire import iso
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.connection import Connection
from waqtor.realtime.traffic import Note, Traffic

REASONS = frozenset(
    {
        "unauthorized",
        "throttled",
        "rate",
        "origin",
        "expired",
        "signature",
        "oversized",
        "address",
        "malformed",
        "names",
        "full",
    }
)
"""Reasons of refusals; the labels of the counter ``waqtor_security``."""


class Stats:
    """Counters since the start of the engine.

    Attributes:
        traffic: Bytes, and notes of the types of frames.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock, note: Note | None = None) -> None:
        self.traffic = Traffic(telemetry, clock, note)
        self._telemetry = telemetry
        self._frames_in = telemetry.ws_frames.labels("in")
        self._frames_out = telemetry.ws_frames.labels("out")
        self._clock = clock
        self.started = clock.now_us()
        self.connections = 0
        self.disconnections = 0
        self.received = 0
        self.frames = 0
        self.broadcasts = 0
        self.dropped = 0
        self.last_broadcast = 0
        self.last_qr = 0
        self.errors = 0
        self.last_error: dict[str, Any] | None = None
        self.security: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()

    def opened(self) -> None:
        """A socket opened."""
        self.connections += 1
        self._telemetry.ws_clients.inc()
        self._telemetry.ws_connections.inc()

    def closed(self, code: int) -> None:
        """A socket closed."""
        self.disconnections += 1
        self.closes[code] += 1
        self._telemetry.ws_clients.dec()
        self._telemetry.ws_closes.labels(str(code)).inc()

    def incoming(self, kind: str, size: int) -> None:
        """A client sent a frame of this type and so many bytes."""
        self.received += 1
        self._frames_in.inc()
        self.traffic.incoming(kind, size)

    def broadcast(self, event_types: Sequence[str], frames: int) -> None:
        """Events of these types were handed to clients, in so many frames altogether."""
        self.broadcasts += len(event_types)
        self.frames += frames
        self.last_broadcast = self._clock.now_us()
        self._telemetry.ws_events.inc(len(event_types))
        if "session.qr" in event_types:
            self.last_qr = self.last_broadcast
        if frames:
            self._frames_out.inc(frames)

    def drop(self) -> None:
        """A frame was dropped for a slow client."""
        self.dropped += 1
        self._telemetry.ws_dropped.inc()

    def refused(self, reason: str) -> None:
        """Something was refused for security; ``reason`` is one of :data:`REASONS`."""
        self.security[reason] += 1
        self._telemetry.security.labels(reason).inc()

    def seen(self, reason: str) -> None:
        """Something was refused for security that is in Prometheus already."""
        self.security[reason] += 1

    def failed(self, message: str, source: str) -> None:
        """Something went wrong (never with contents of messages in it)."""
        self.errors += 1
        self._telemetry.ws_errors.inc()
        self.last_error = {"time": iso(self._clock.now_us()), "message": message, "source": source}

    def metrics(self, connections: Sequence[Connection], topics: dict[str, int]) -> dict[str, Any]:
        """The body of ``/api/metrics`` (protocol 33)."""
        now = self._clock.now_us()
        uptime = (now - self.started) // 1_000_000
        buffered = [connection.buffered for connection in connections]
        dead = sum(connection.closing is not None or not connection.socket.alive for connection in connections)
        return {
            "metrics": {
                "connections": self.connections,
                "disconnections": self.disconnections,
                "messages": self.received,
                "errors": self.errors,
                "broadcasts": self.broadcasts,
                "dropped": self.dropped,
                "bytes_sent": self.traffic.sent(connections),
                "bytes_received": self.traffic.received,
                "last_qr": iso(self.last_qr) if self.last_qr else None,
                "start_time": iso(self.started),
                "uptime": uptime,
                "uptime_formatted": _duration(uptime),
            },
            "websocket": {
                "clients": len(connections),
                "authenticated": len(connections),
                "alive": len(connections) - dead,
                "dead": dead,
            },
            "topics": topics,
            "buffer": {
                "clients": sum(size > 0 for size in buffered),
                "total_buffered": sum(buffered),
                "max_buffered": max(buffered, default=0),
                "avg_buffered": round(sum(buffered) / len(buffered)) if buffered else 0,
                "overloaded": sum(connection.behind for connection in connections),
            },
            "closes": {str(code): count for code, count in sorted(self.closes.items())},
            "timestamp": iso(now),
        }

    def monitor(self, connections: Sequence[Connection]) -> dict[str, Any]:
        """The body of ``/api/ws-monitor`` (protocol 33)."""
        import psutil

        memory = psutil.Process().memory_info()
        now = self._clock.now_us()
        buffered = sum(connection.buffered for connection in connections)
        dead = sum(connection.closing is not None or not connection.socket.alive for connection in connections)
        uptime = (now - self.started) // 1_000_000
        return {
            "server": {"start_time": iso(self.started), "uptime": uptime, "uptime_formatted": _duration(uptime)},
            "connections": {
                "current": len(connections),
                "total": self.connections,
                "disconnections": self.disconnections,
                "alive": len(connections) - dead,
                "dead": dead,
            },
            "messages": {
                "received": self.received,
                "broadcasts": self.broadcasts,
                "frames": self.frames,
                "dropped": self.dropped,
                "bytes_sent": self.traffic.sent(connections),
                "bytes_received": self.traffic.received,
                "last_broadcast": iso(self.last_broadcast) if self.last_broadcast else None,
            },
            "errors": {"total": self.errors, "last": self.last_error},
            "security": {reason: self.security[reason] for reason in sorted(REASONS)},
            "system": {
                "memory": {"rss": memory.rss, "vms": memory.vms},
                "cpu": {"load_avg": list(os.getloadavg()), "cores": os.cpu_count()},
            },
            "buffer": {"total": buffered, "average": round(buffered / len(connections)) if connections else 0},
            "clients": [
                {
                    "id": connection.id,
                    "ip": connection.address,
                    "key": connection.principal.name,
                    "connected": iso(connection.opened),
                    "last_ping": iso(connection.last_seen),
                    "last_pong": iso(connection.socket.last_pong) if connection.socket.last_pong else None,
                    "pong_ms": _pong_ms(connection),
                    "is_alive": connection.closing is None and connection.socket.alive,
                    "batches": connection.batches,
                    "buffered": connection.buffered,
                    "sent": connection.sent,
                    "sent_bytes": connection.sent_bytes,
                    "subscriptions": list(connection.names),
                }
                for connection in connections
            ],
            "timestamp": iso(now),
        }


def _pong_ms(connection: Connection) -> float | None:
    return round(connection.socket.last_ping_rtt * 1000, 3) if connection.socket.last_pong else None


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{days}d {hours}h {minutes}m {rest}s" if days else f"{hours}h {minutes}m {rest}s"
