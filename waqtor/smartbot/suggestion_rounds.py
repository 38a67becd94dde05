"""Looking for suggestions from time to time, so that people need not ask: new ones make a notification."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from waqtor.contracts.learning import RefreshSuggestions
from waqtor.errors import WaqtorError

FIRST_S = 600.0
"""The wait after a start: what the start has to do comes first."""
_log = structlog.get_logger(__name__)


class SuggestionRounds:
    """Refreshes the suggestions at an interval.

    Args:
        refresh: Makes suggestions (:meth:`waqtor.smartbot.suggestion_desk.SuggestionDesk.refresh`); the work is done in
            a thread of the bot, never in the event loop.
        hours: Between two rounds; 0: never.
        mine: Whether this engine may do it (several engines on one store: one of them does).
    """

    def __init__(
        self,
        refresh: Callable[[RefreshSuggestions], Awaitable[Any]],
        hours: float,
        mine: Callable[[], Awaitable[bool]],
        *,
        first_s: float = FIRST_S,
    ) -> None:
        self._refresh = refresh
        self._every_s = hours * 3600
        self._mine = mine
        self._first_s = first_s

    async def run(self) -> None:
        """Refresh for ever; what goes wrong in a round is logged, and the next one comes."""
        if not self._every_s:
            return
        await asyncio.sleep(min(self._first_s, self._every_s))
        while True:
            if await self._mine():
                try:
                    await self._refresh(RefreshSuggestions())
                except WaqtorError as error:  # rules that do not compile, for example: a person sees that elsewhere
                    _log.warning("suggestions.round_failed", error=str(error))
            await asyncio.sleep(self._every_s)
