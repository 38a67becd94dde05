"""Items gathered while the batch before them is being handled: one call, and one commit, for many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """Runs ``handle(batch)`` for everything that has come in, one batch after another, in order.

    Args:
        handle: Called with each batch; it deals with its own errors.
        size: Most items of a batch.
    """

    def __init__(self, handle: Callable[[list[T]], Awaitable[None]], size: int = 512) -> None:
        self._handle = handle
        self._size = size
        self._waiting: list[T] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, item: T) -> None:
        """Queue an item."""
        self._waiting.append(item)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def clear(self) -> list[T]:
        """Forget what has not begun; returns it."""
        dropped, self._waiting = self._waiting, []
        return dropped

    async def settle(self, timeout: float) -> None:
        """Wait until everything is handled, at most ``timeout`` seconds."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)

    async def stop(self) -> None:
        """Cancel what runs."""
        self.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
                await self._handle(batch)
        finally:
            self._task = None
