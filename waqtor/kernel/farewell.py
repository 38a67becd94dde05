"""An orderly stop within a time: part after part, none longer than its share of what is left.

Whatever does not end in time is left as it is. That is safe, because nothing here relies on an orderly stop: what was
acknowledged is on disk, and what was under way is taken up again at the next start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

_log = structlog.get_logger(__name__)
WORTH_TELLING_S: Final = 1.0
LEAST_S: Final = 0.5
"""What a part gets even when the time is over: the store must be closed."""


class Farewell:
    """The time that a stop may take, and who used it.

    Args:
        seconds: From now to the end.

    Attributes:
        slow: Seconds of the parts that took long.
        left_behind: Names of the parts that did not end in time.
    """

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._ends = self._began + seconds
        self.slow: dict[str, float] = {}
        self.left_behind: list[str] = []

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return max(0.0, self._ends - self._monotonic())

    @property
    def taken(self) -> float:
        """Seconds since the beginning."""
        return self._monotonic() - self._began

    def share(self, part: float) -> float:
        """A part (0–1) of the seconds that are left."""
        return max(LEAST_S, self.left * part)

    async def part(self, name: str, work: Awaitable[object], share: float = 1.0) -> None:
        """Wait until a part has stopped, at most its share of what is left; never raises what the part does.

        Args:
            name: For the log.
            work: What stops it.
            share: Of the seconds that are left, 0–1.
        """
        began = self._monotonic()
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({task}, timeout=self.share(share))
        took = self._monotonic() - began
        if took >= WORTH_TELLING_S:
            self.slow[name] = round(took, 2)
        if not done:
            self.left_behind.append(name)
            _log.warning("stop.left_behind", part=name, seconds=round(took, 2))
            task.add_done_callback(_seen)
            task.cancel()
        elif not task.cancelled() and task.exception() is not None:
            _log.error("stop.part_failed", part=name, exc_info=task.exception())


def _seen(task: asyncio.Future[object]) -> None:
    if not task.cancelled():
        task.exception()
