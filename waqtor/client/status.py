"""Builders of the calls about sessions and the engine's health."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from waqtor.client.calls import Answer, AsyncResource, BlockingResource, Call, awaiting, blocking, many, one, whole
from waqtor.client.pages import Listing
from waqtor.contracts.views import MetricHistory, SessionView

When = str | datetime | None


def state(session: str | None = None) -> Call[SessionView]:
    """The state of a session (the default one when left out)."""
    return Call("GET", "/session/state", one(SessionView), params={"session": session})


def sessions() -> Call[Listing[SessionView]]:
    """All sessions."""
    return Call("GET", "/sessions", many(SessionView))


def logout(session: str | None = None) -> Call[dict[str, Any]]:
    """Log a session out."""
    return Call("POST", "/session/logout", whole, json={"session": session} if session else {})


def restart(session: str | None = None) -> Call[dict[str, Any]]:
    """Reconnect a session."""
    return Call("POST", "/session/restart", whole, json={"session": session} if session else {})


def health() -> Call[dict[str, Any]]:
    """What ``/healthz`` says; raises when nobody answers."""
    return Call("GET", "/healthz", whole, rooted=True)


def ready() -> Call[list[str]]:
    """Why the engine is not ready; empty when it is."""
    return Call("GET", "/readyz", _reasons, rooted=True, accept=(503,))


def metrics() -> Call[dict[str, Any]]:
    """The metrics as numbers (``/api/metrics``)."""
    return Call("GET", "/metrics", whole)


def metrics_history(
    since: When = None,
    until: When = None,
    step: float | None = None,
    name: str | None = None,
    session: str | None = None,
) -> Call[MetricHistory]:
    """The metrics over time, from the snapshots in the traffic log.

    Args:
        since: ISO-8601 or an aware datetime; default: a day before ``until``.
        until: Default: now.
        step: Width of a step, seconds; default: about 288 steps.
        name: Beginning of the metrics' names, for example ``waqtor_ws_``.
        session: Only those of a session.
    """
    params = {"since": _moment(since), "until": _moment(until), "step": step, "name": name, "session": session}
    return Call("GET", "/metrics/history", one(MetricHistory), params=params)


def monitor() -> Call[dict[str, Any]]:
    """The hub with each of its clients (``/api/ws-monitor``)."""
    return Call("GET", "/ws-monitor", whole)


def prometheus() -> Call[str]:
    """All metrics in the Prometheus text format (``/metrics``)."""
    return Call("GET", "/metrics", lambda answer: answer.content.decode(), rooted=True)


def _moment(when: When) -> str | None:
    return when.isoformat() if isinstance(when, datetime) else when


def _reasons(answer: Answer) -> list[str]:
    if answer.status == 200:
        return []
    body = answer.body if isinstance(answer.body, dict) else {}
    error = body.get("error") if isinstance(body.get("error"), dict) else {}
    details = error.get("details") if isinstance(error, dict) and isinstance(error.get("details"), dict) else {}
    found = body.get("reasons") or (details or {}).get("reasons")
    if isinstance(found, list) and found:
        return [str(reason) for reason in found]
    return [str((error or {}).get("message") or "not ready")]


class Status(BlockingResource):
    """Sessions and health."""

    state = blocking(state)
    sessions = blocking(sessions)
    logout = blocking(logout)
    restart = blocking(restart)
    health = blocking(health)
    ready = blocking(ready)
    metrics = blocking(metrics)
    metrics_history = blocking(metrics_history)
    monitor = blocking(monitor)
    prometheus = blocking(prometheus)


class AsyncStatus(AsyncResource):
    """Sessions and health."""

    state = awaiting(state)
    sessions = awaiting(sessions)
    logout = awaiting(logout)
    restart = awaiting(restart)
    health = awaiting(health)
    ready = awaiting(ready)
    metrics = awaiting(metrics)
    metrics_history = awaiting(metrics_history)
    monitor = awaiting(monitor)
    prometheus = awaiting(prometheus)
