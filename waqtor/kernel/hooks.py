"""The plugin hooks. The docstring of each is its contract; SmartBot itself implements them like anyone.

A plugin is an object (or module) with a ``name`` and a ``version`` that implements any of these with
``@hookimpl``, found through the entry-point group ``waqtor.plugins`` or registered by the composition root.
Hooks may be plain functions or coroutines. Plugins return commands; they never touch storage or transports.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pluggy

from waqtor.contracts.commands import Send
from waqtor.contracts.events import Event

PROJECT = "waqtor"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A received message as plugins see it, personal fields included.

    ``message_id`` is ours; times are UTC microseconds; ``content`` is the message's content as a dict.
    """

    message_id: str
    session: str
    chat_id: str
    sender: str
    body: str
    content: Mapping[str, Any]
    timestamp: int
    is_group: bool = False
    mentioned: bool = False
    push_name: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a plugin wants done about a message.

    ``sends`` are the parts of the reply in order (empty: stay silent, nothing is claimed);
    ``events`` are journaled in the same transaction, also when there is no reply;
    ``trace`` is kept under ``trace_id`` (personal: erased with the contact);
    ``controls`` are PauseChat/ResumeChat/consent commands carried out with the reply.
    """

    sends: Sequence[Send] = ()
    events: Sequence[Event] = ()
    trace_id: str = ""
    trace: Mapping[str, Any] | None = None
    controls: Sequence[Any] = ()


class PluginContext(Protocol):
    """What a plugin gets on load."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plugin's own settings."""
        ...

    async def dispatch(self, command: Any) -> Any:
        """Carry out a command."""
        ...

    async def publish(self, event: Event) -> None:
        """Publish an event of the plugin's own; journaled types are journaled."""
        ...


CommandCallable = Callable[..., Awaitable[Any] | Any]


class HookSpecs:
    """All hooks."""

    @hookspec
    def on_load(self, context: PluginContext) -> Awaitable[None] | None:
        """Called once before the engine takes messages; an exception switches the plugin off."""

    @hookspec
    def on_unload(self) -> Awaitable[None] | None:
        """Called once at a graceful stop."""

    @hookspec
    def on_message(self, message: Incoming) -> Awaitable[Answer | None] | Answer | None:
        """Called for every received message, in order within a chat, at least once.

        After a crash the same message may come again: an answer is only taken once. Return an
        :class:`Answer` or ``None``. Plugins run in order of their ``priority``; the first answer with
        ``sends`` wins and later ones are journaled as ``plugin.suppressed``.
        """

    @hookspec
    def on_session_change(self, session: str, status: str) -> Awaitable[None] | None:
        """Called when a session's state changes (live, not replayed after a restart)."""

    @hookspec
    def on_event(self, event: Event) -> Awaitable[None] | None:
        """Called for every journaled event, at least once, from the plugin's own cursor.

        A plugin with an attribute ``events`` (a collection of event types) is called for these only, and costs
        nothing for the others.
        """

    @hookspec
    def commands(self) -> Mapping[str, CommandCallable]:
        """Own commands by name, reachable as ``plugins/{plugin}/{name}``."""
        return {}

    @hookspec
    def routes(self) -> Sequence[Any]:
        """FastAPI routers to mount under ``/api/v1/plugins/{plugin}``."""
        return ()

    @hookspec
    def pages(self) -> Sequence[Mapping[str, str]]:
        """Dashboard pages: ``{"title", "icon", "path"}`` with ``path`` a Streamlit script."""
        return ()
