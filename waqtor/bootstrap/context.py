"""What plugins get on load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from waqtor.contracts.events import EVENTS, Event

if TYPE_CHECKING:
    from waqtor.bootstrap.engine import Engine


class EngineContext:
    """The :class:`waqtor.kernel.hooks.PluginContext` of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def settings(self) -> Mapping[str, Any]:
        """The engine's settings that are no secrets."""
        return self._engine.settings.model_dump(mode="json", exclude={"api_key", "database_url", "secret_key"})

    async def dispatch(self, command: Any) -> Any:
        """Carry out a command."""
        return await self._engine.dispatch(command)

    async def publish(self, event: Event) -> None:
        """Journal the event, or hand it to the bus when its type is ephemeral."""
        if EVENTS[event.type].journaled:
            await self._engine.journal.append([event])
        else:
            await self._engine.bus.publish(event)
