"""What goes over REST and WebSocket: times, the error body, frames, close codes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, Field, TypeAdapter

from waqtor.contracts.base import Model
from waqtor.contracts.events import EVENTS, Event, hydrate

PROTOCOL_VERSION: Final = 1


def iso(us: int) -> str:
    """UTC microseconds as ISO-8601 with ``Z`` (milliseconds shown)."""
    return f"{_second(us // 1_000_000)}.{us // 1000 % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class ErrorDetail(Model):
    """The inner part of every error body."""

    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)
    request_id: str | None = None


class ErrorBody(Model):
    """The one shape of errors, everywhere."""

    ok: Literal[False] = False
    error: ErrorDetail


class Close:
    """WebSocket close codes. 3000–3499 and 4000–4499: reconnect; 3500–3999 and 4500–4999: do not."""

    NORMAL: Final = 1000
    GOING_AWAY: Final = 1001
    BINARY: Final = 1003
    POLICY: Final = 1008
    TOO_BIG: Final = 1009
    INTERNAL: Final = 1011
    TRY_LATER: Final = 1013
    SLOW: Final = 3008
    INSUFFICIENT_STATE: Final = 3010


RECONNECT_CODES: Final = frozenset({1001, 1006, 1011, 1012, 1013, 3008, 3010})


class Since(Model):
    """Where a client had got to."""

    epoch: Annotated[str, Field(max_length=64)]
    offset: Annotated[int, Field(ge=0)]


Names = Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=128)]
_TOPICS = AliasChoices("topics", "events")


class Subscribe(Model):
    """Add topics, event types, prefixes (``message.*``) or ``all``; with ``since`` missed events come first."""

    type: Literal["subscribe"]
    topics: Annotated[Names, Field(validation_alias=_TOPICS)] = ()
    since: Since | None = None
    id: Annotated[str, Field(max_length=64)] | None = None


class Unsubscribe(Model):
    """Remove names; without names, all."""

    type: Literal["unsubscribe"]
    topics: Annotated[Names, Field(validation_alias=_TOPICS)] = ()
    id: Annotated[str, Field(max_length=64)] | None = None


class Ping(Model):
    """Answered by ``pong`` with the same id."""

    type: Literal["ping"]
    id: Annotated[str, Field(max_length=64)] | None = None


class GetState(Model):
    """Answered by ``state``: sessions, subscriptions, epoch and offset."""

    type: Literal["get_state"]
    id: Annotated[str, Field(max_length=64)] | None = None


ClientFrame = Annotated[Subscribe | Unsubscribe | Ping | GetState, Field(discriminator="type")]
CLIENT_FRAME: TypeAdapter[Any] = TypeAdapter(ClientFrame)


def event_frame(event: Event) -> dict[str, Any]:
    """The server frame of an event (protocol 12): journaled ones carry id, offset and version."""
    spec = EVENTS[event.type]
    frame: dict[str, Any] = {
        "type": event.type,
        "topic": spec.topic,
        "session": event.session,
        "data": hydrate(event),
        "timestamp": event.created // 1000,
    }
    if event.offset:
        frame.update(id=event.id, offset=event.offset, version=event.version)
    if event.correlation_id:
        frame["correlation_id"] = event.correlation_id
    if spec.priority:
        frame["priority"] = "high"
    return frame


def envelope(event: Event) -> dict[str, Any]:
    """The full envelope of an event, times as ISO-8601 (REST, webhooks, exports)."""
    return {
        "id": event.id,
        "offset": event.offset,
        "type": event.type,
        "version": event.version,
        "created": iso(event.created),
        "session": event.session,
        "correlation_id": event.correlation_id,
        "data": hydrate(event),
    }
