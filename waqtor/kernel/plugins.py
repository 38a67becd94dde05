"""Loading, ordering, tracing and isolating plugins."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import pluggy
import structlog

from waqtor.contracts.events import EVENTS, Event
from waqtor.errors import NotFound
from waqtor.kernel.hooks import PROJECT, Answer, HookSpecs, Incoming, PluginContext
from waqtor.kernel.telemetry import Telemetry

GROUP = "waqtor.plugins"
PATIENCE_S = 60.0
"""Longest a hook may take; a hanging plugin must not hold up a chat for ever."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Loaded:
    """A plugin and how it is doing. Lower ``priority`` answers first.

    Attributes:
        events: The event types that its ``on_event`` wants; ``None``: all.
        calls: Its hooks that were called before: the function and the names of the arguments that it takes.
    """

    name: str
    version: str
    plugin: Any
    priority: int
    enabled: bool = True
    failures: int = 0
    last_error: str = ""
    events: frozenset[str] | None = None
    calls: dict[str, tuple[Any, frozenset[str]]] = field(default_factory=dict)


class PluginManager:
    """Holds the plugins and calls their hooks one by one, so that a failing one harms nobody else.

    Args:
        disabled: Names that are not loaded.
        trace: Log every call with its arguments and result (message texts appear: for development only).
    """

    def __init__(self, telemetry: Telemetry, *, disabled: Collection[str] = (), trace: bool = False) -> None:
        self._pm = pluggy.PluginManager(PROJECT)
        self._pm.add_hookspecs(HookSpecs)
        self._telemetry = telemetry
        self._disabled = frozenset(disabled)
        self._trace = trace
        self._loaded: dict[str, Loaded] = {}

    @property
    def loaded(self) -> list[Loaded]:
        """All plugins in the order in which they are asked."""
        return sorted(self._loaded.values(), key=lambda p: (p.priority, p.name))

    def register(self, plugin: Any, *, priority: int | None = None) -> None:
        """Add a plugin object or module; ``priority`` defaults to its own attribute, else 100.

        Raises:
            ValueError: No name, the name is taken, or it wants events that do not exist.
        """
        name = getattr(plugin, "name", "")
        if not isinstance(name, str) or not name or name in self._loaded:
            raise ValueError(f"a plugin needs a name of its own, not {name!r}")
        events = getattr(plugin, "events", None)
        wanted = frozenset(events) if events is not None else None
        if wanted is not None and (unknown := wanted - EVENTS.keys()):
            raise ValueError(f"the plugin {name} wants events that do not exist: {', '.join(sorted(unknown))}")
        if name in self._disabled:
            _log.info("plugin.disabled", plugin=name)
            return
        self._pm.register(plugin, name)
        order = priority if priority is not None else int(getattr(plugin, "priority", 100))
        self._loaded[name] = Loaded(name, str(getattr(plugin, "version", "0")), plugin, order, events=wanted)

    def discover(self) -> None:
        """Load installed plugins from the entry-point group ``waqtor.plugins``; broken ones are logged."""
        for entry in entry_points(group=GROUP):
            try:
                found = entry.load()
                self.register(found() if inspect.isclass(found) else found)
            except Exception:
                _log.exception("plugin.not_loaded", plugin=entry.name)

    def switch(self, name: str, enabled: bool) -> None:
        """Switch a plugin on or off while running.

        Raises:
            NotFound: No such plugin.
        """
        if name not in self._loaded:
            raise NotFound(f"There is no plugin {name!r}.")
        self._loaded[name].enabled = enabled

    async def load(self, context: PluginContext) -> None:
        """Call ``on_load``; a plugin that fails is switched off."""
        for entry in self.loaded:
            await self._call(entry, "on_load", context=context)
            if entry.failures:
                entry.enabled = False
                _log.error("plugin.switched_off", plugin=entry.name, error=entry.last_error)

    async def unload(self) -> None:
        """Call ``on_unload``."""
        for entry in reversed(self.loaded):
            await self._call(entry, "on_unload")

    async def answers(self, message: Incoming) -> AsyncIterator[tuple[Loaded, Answer]]:
        """Ask every plugin about a message, in order; yields the answers given."""
        for entry in self.loaded:
            answer = await self._call(entry, "on_message", message=message)
            if answer is None:
                continue
            if not isinstance(answer, Answer):
                self.failed(entry, TypeError(f"on_message returned {type(answer).__name__}, not Answer"))
                continue
            yield entry, answer

    async def session_changed(self, session: str, status: str) -> None:
        """Tell every plugin about a session's state."""
        for entry in self.loaded:
            await self._call(entry, "on_session_change", session=session, status=status)

    def listeners(self) -> list[Loaded]:
        """Plugins that implement ``on_event``."""
        return [entry for entry in self.loaded if self._implementation(entry, "on_event") is not None]

    async def event(self, entry: Loaded, event: Event) -> None:
        """Hand an event to one plugin; its failure is raised to the reader, which retries and sets aside."""
        await self._call(entry, "on_event", reraise=True, event=event)

    def collect(self, hook: str) -> list[tuple[Loaded, Any]]:
        """Call a synchronous hook (``commands``, ``routes``, ``pages``) on every plugin that has it."""
        found: list[tuple[Loaded, Any]] = []
        for entry in self.loaded:
            implementation = self._implementation(entry, hook)
            if implementation is None or not entry.enabled:
                continue
            try:
                found.append((entry, implementation()))
            except Exception as error:
                self.failed(entry, error)
        return found

    def _implementation(self, entry: Loaded, hook: str) -> Any:
        for implementation in getattr(self._pm.hook, hook).get_hookimpls():
            if implementation.plugin_name == entry.name:
                return implementation.function
        return None

    def _known(self, entry: Loaded, hook: str) -> tuple[Any, frozenset[str]]:
        implementation = self._implementation(entry, hook)
        names = inspect.signature(implementation).parameters if implementation is not None else ()
        return entry.calls.setdefault(hook, (implementation, frozenset(names)))

    async def _call(self, entry: Loaded, hook: str, *, reraise: bool = False, **arguments: Any) -> Any:
        implementation, names = entry.calls.get(hook) or self._known(entry, hook)
        if implementation is None or not entry.enabled:
            return None
        given = {name: value for name, value in arguments.items() if name in names}
        try:
            result = implementation(**given)
            if inspect.isawaitable(result):
                async with asyncio.timeout(PATIENCE_S):
                    result = await result
        except Exception as error:
            self.failed(entry, error)
            if reraise:
                raise
            return None
        if self._trace:
            _log.info("plugin.call", plugin=entry.name, hook=hook, arguments=repr(given), result=repr(result))
        return result

    def failed(self, entry: Loaded, error: Exception) -> None:
        """Count and log a failure of a plugin."""
        entry.failures += 1
        entry.last_error = f"{type(error).__name__}: {error}"
        self._telemetry.plugin_failures.labels(entry.name).inc()
        _log.error("plugin.failed", plugin=entry.name, failures=entry.failures, exc_info=error)
