"""The window in which events for clients that asked for batches are held together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from waqtor.realtime.outgoing import Chunk, joined

WINDOW_S: Final = 0.003
"""Time in which events are held together; with a timer of 1 ms steps none waits longer than 5 ms."""


class Held(Protocol):
    """Somebody who holds events back."""

    def release(self, memo: dict[tuple[int, ...], Chunk]) -> bool:
        """Let go of what is held; false when there was nothing."""
        ...


class Window:
    """One timer for everybody who holds events.

    The first event after a quiet time leaves at once; whatever follows within :data:`WINDOW_S` leaves together.
    """

    def __init__(self) -> None:
        self._waiting: dict[Held, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self, holder: Held) -> bool:
        """Begin a window for ``holder``; false when one is open already."""
        if holder in self._waiting:
            return False
        self._waiting[holder] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self._tick)
        return True

    def forget(self, holder: Held) -> None:
        """Close the window of somebody who leaves."""
        self._waiting.pop(holder, None)

    def _tick(self) -> None:
        self._timer = None
        memo: dict[tuple[int, ...], Chunk] = {}  # most hold the same, so most share one text
        for holder in tuple(self._waiting):
            if not holder.release(memo):
                self._waiting.pop(holder, None)
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self._tick)


def together(chunks: Sequence[Chunk], memo: dict[tuple[int, ...], Chunk]) -> Chunk:
    """The envelope of these chunks, made once for all who hold the same ones."""
    if len(chunks) == 1:
        return chunks[0].envelope()
    key = tuple([id(chunk) for chunk in chunks])
    found = memo.get(key)
    if found is None:
        found = memo[key] = joined(chunks).envelope()
    return found
