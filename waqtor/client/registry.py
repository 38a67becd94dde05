"""Event handlers: which function wants which events."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from waqtor.contracts.events import EVENTS
from waqtor.errors import InvalidInput

Handler = Callable[..., Any]
F = TypeVar("F", bound=Handler)

LOCAL: Mapping[str, str] = {
    "connected": "The socket is open and subscribed: {epoch, offset, topics, refused}.",
    "disconnected": "The socket closed: {code, reason, reconnect}.",
    "gap": "Events were missed and cannot be had any more: {reason, after, until, epoch}.",
}
"""Events that the client itself makes, and their data."""

_log = logging.getLogger("waqtor.client")


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as a handler gets it, when it takes two arguments: ``handler(data, event)``.

    Attributes:
        type: For example ``message.received``.
        data: The event's fields; docs/protocol.md lists them.
        topic: The topic that carries the type.
        session: The WhatsApp session (number).
        id: ULID of the event; empty for ephemeral ones.
        offset: Place in the journal; 0 for ephemeral ones.
        timestamp: Milliseconds since 1970, UTC.
        correlation_id: What set things going.
    """

    type: str
    data: dict[str, Any]
    topic: str = ""
    session: str = ""
    id: str = ""
    offset: int = 0
    timestamp: int = 0
    correlation_id: str = ""
    frame: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, frame: Mapping[str, Any]) -> Incoming:
        """Read a server frame."""
        data = frame.get("data")
        return cls(
            type=str(frame.get("type", "")),
            data=data if isinstance(data, dict) else {},
            topic=str(frame.get("topic", "")),
            session=str(frame.get("session") or ""),
            id=str(frame.get("id") or ""),
            offset=int(frame.get("offset") or 0),
            timestamp=int(frame.get("timestamp") or 0),
            correlation_id=str(frame.get("correlation_id") or ""),
            frame=frame,
        )


class Registry:
    """The handlers of a client, in the order of their registration."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._handlers: list[tuple[str, Handler, bool]] = []
        self._changed = changed
        self._last = 0.0
        self.failures = 0

    def on(self, *patterns: str) -> Callable[[F], F]:
        """Register a function for types, prefixes (``message.*``), topics, local events, or ``*``.

        Raises:
            InvalidInput: A pattern that no event can match.
        """
        for pattern in patterns or ("",):
            _check(pattern)

        def register(function: F) -> F:
            wants_event = _takes_two(function)
            self._handlers += [(pattern, function, wants_event) for pattern in patterns]
            self._last = time.monotonic()
            self._changed()
            return function

        return register

    def names(self) -> tuple[str, ...]:
        """What has to be subscribed for the handlers there are."""
        names = {pattern for pattern, _, _ in self._handlers if pattern not in LOCAL}
        if names & {"*", "all"}:
            return ("all",)
        return tuple(sorted(names))

    def quiet_for(self) -> float:
        """Seconds since the last registration."""
        return time.monotonic() - self._last

    def handlers(self, event: Incoming) -> list[Callable[[], Any]]:
        """The calls to make for an event; a function registered twice for it is called once."""
        found: dict[Handler, bool] = {}
        for pattern, function, wants_event in self._handlers:
            if _matches(pattern, event):
                found.setdefault(function, wants_event)
        return [_bind(function, event, wants) for function, wants in found.items()]

    def call(self, event: Incoming) -> None:
        """Call the handlers one after the other; a failing one is logged and the others still run."""
        for call in self.handlers(event):
            try:
                result = call()
                if inspect.iscoroutine(result):
                    result.close()
                    raise TypeError("an async handler needs AsyncWaqtorClient")
            except Exception:
                self._failed(event)

    async def acall(self, event: Incoming) -> None:
        """Like :meth:`call`, for functions of either kind."""
        for call in self.handlers(event):
            try:
                result = call()
                if isinstance(result, Awaitable):
                    await result
            except Exception:
                self._failed(event)

    def _failed(self, event: Incoming) -> None:
        self.failures += 1
        _log.exception("a handler of %s failed (event %s, offset %s)", event.type, event.id or "-", event.offset)


def _check(pattern: str) -> None:
    topics = {spec.topic for spec in EVENTS.values()}
    if pattern in LOCAL or pattern in EVENTS or pattern in topics or pattern in {"*", "all"}:
        return
    if pattern.endswith(".*") and any(name.startswith(pattern[:-1]) for name in EVENTS):
        return
    raise InvalidInput(f"No event matches {pattern!r}. Use a type, a prefix such as message.*, a topic, or *.")


def _matches(pattern: str, event: Incoming) -> bool:
    if event.type in LOCAL:
        return pattern == event.type
    if pattern in {"*", "all"}:
        return True
    if pattern.endswith(".*"):
        return event.type.startswith(pattern[:-1])
    return pattern in (event.type, event.topic)


def _bind(function: Handler, event: Incoming, wants_event: bool) -> Callable[[], Any]:
    if wants_event:
        return lambda: function(event.data, event)
    return lambda: function(event.data)


def _takes_two(function: Handler) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in positional and p.default is inspect.Parameter.empty]
    return len(needed) >= 2
