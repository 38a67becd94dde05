"""The bus: events to whoever cares now, commands to the one who carries them out.

A failing event handler is logged and the others still run; a failing command handler raises to the caller.
Nothing here is durable: who must not miss an event reads the journal instead.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from waqtor.contracts.events import Event
from waqtor.errors import NotFound

EventHandler = Callable[[Event], Awaitable[None] | None]
CommandHandler = Callable[[Any], Awaitable[Any]]

_log = structlog.get_logger(__name__)


class Bus:
    """Publish/subscribe for events and dispatch for commands, in one event loop."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[EventHandler]] = defaultdict(list)
        self._handlers: dict[type, CommandHandler] = {}
        self.failures = 0

    def subscribe(self, pattern: str, handler: EventHandler) -> Callable[[], None]:
        """Call ``handler`` for events whose type is ``pattern``, ``prefix.*`` or ``*``.

        Returns:
            A function that ends the subscription.
        """
        self._subscribers[pattern].append(handler)

        def unsubscribe() -> None:
            if handler in self._subscribers[pattern]:
                self._subscribers[pattern].remove(handler)

        return unsubscribe

    async def publish(self, event: Event) -> None:
        """Hand the event to every subscriber; failures are logged and counted, never raised."""
        prefix = event.type.split(".", 1)[0] + ".*"
        for pattern in (event.type, prefix, "*"):
            for handler in tuple(self._subscribers.get(pattern, ())):
                try:
                    result = handler(event)
                    if inspect.isawaitable(result):
                        await result
                except Exception:
                    self.failures += 1
                    _log.exception("bus.handler_failed", event_type=event.type, handler=repr(handler))

    def handle(self, command: type, handler: CommandHandler) -> None:
        """Register the one handler of a command type.

        Raises:
            ValueError: If the command already has one.
        """
        if command in self._handlers:
            raise ValueError(f"{command.__name__} already has a handler")
        self._handlers[command] = handler

    async def dispatch(self, command: Any) -> Any:
        """Carry out a command and return its result; whatever goes wrong is raised.

        Raises:
            NotFound: If nobody handles this command.
        """
        handler = self._handlers.get(type(command))
        if handler is None:
            raise NotFound(f"No handler for the command {type(command).__name__}.")
        return await handler(command)
