"""The frames that the server itself makes. Events are built by ``contracts.wire.event_frame``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from waqtor.contracts.events import EVENTS, Event
from waqtor.contracts.views import SessionView
from waqtor.contracts.wire import ErrorDetail, event_frame
from waqtor.realtime.outgoing import Frame

SYSTEM: Final = "system"
"""The topic of all control frames."""

CONTROL: Mapping[str, str] = MappingProxyType(
    {
        "welcome": "First frame of a connection.",
        "subscribed": "Answer to subscribe; with since it says whether what was missed can be had.",
        "recovered": "End of the missed events of a subscribe with since.",
        "unsubscribed": "Answer to unsubscribe.",
        "batch": "Several frames in one message, for clients that asked for batches.",
        "state": "Answer to get_state.",
        "pong": "Answer to ping.",
        "gap": "Events were dropped because this client read too slowly.",
        "error": "A frame was refused.",
        "rate_limit_warning": "This address is too fast; the named message was refused.",
        "rate_limit_exceeded": "This client is too fast; the named message was refused.",
    }
)
"""Types of control frames."""


def dumps(frame: Mapping[str, Any]) -> bytes:
    """Write a frame as JSON text in UTF-8."""
    try:
        return orjson.dumps(frame)
    except TypeError:  # integers beyond 64 bits, lone surrogates: rare, and still worth sending
        return json.dumps(frame, separators=(",", ":"), default=str).encode()


def event_frame_of(event: Event) -> Frame:
    """The frame of an event of a known type, written."""
    return Frame(dumps(event_frame(event)), event.offset, EVENTS[event.type].priority)


def control(kind: str, data: Mapping[str, Any], now_us: int, *, id: str | None = None, **more: Any) -> bytes:
    """A control frame as JSON text."""
    frame: dict[str, Any] = {"type": kind, "topic": SYSTEM, "data": data, "timestamp": now_us // 1000, **more}
    if id is not None:
        frame["id"] = id
    return dumps(frame)


def error(detail: ErrorDetail, now_us: int, *, refused: Mapping[str, Any] | None = None) -> bytes:
    """An error frame; ``refused`` names the frame it is about."""
    named = dict(refused or {})
    return control(
        "error",
        {"refused": named},
        now_us,
        id=named.get("id"),
        message=detail.message,
        error=detail.model_dump(),
        priority="high",
    )


def session_snapshot(view: SessionView, now_us: int) -> bytes:
    """The present state of a session in the shape of its event, marked as a snapshot and without an offset."""
    data = {
        "status": view.status,
        "client_info": view.client_info.model_dump() if view.client_info else None,
        "reason": view.reason,
    }
    return _snapshot("session.status", view.session, data, now_us)


def qr_snapshot(view: SessionView, now_us: int) -> bytes:
    """The QR that waits to be scanned, in the shape of its event."""
    return _snapshot("session.qr", view.session, {"qr": view.qr, "timestamp": view.since}, now_us)


def _snapshot(kind: str, session: str, data: Mapping[str, Any], now_us: int) -> bytes:
    return dumps(
        {
            "type": kind,
            "topic": "session",
            "session": session,
            "data": data,
            "timestamp": now_us // 1000,
            "snapshot": True,
            "priority": "high",
        }
    )
