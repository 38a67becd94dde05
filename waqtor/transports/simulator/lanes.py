"""Concurrent handling in order per key: items of one key one after another, keys side by side, bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Runs ``handle(item)`` for every item.

    A pool of at most ``width`` tasks takes keys that have items; they are made when needed and stay, so that a busy
    stream costs no task per item.

    Args:
        handle: Called for each item; it deals with its own errors.
        width: Most items handled at once.
    """

    def __init__(self, handle: Callable[[T], Awaitable[None]], width: int) -> None:
        self._handle = handle
        self._width = width
        self._queues: dict[str, deque[T]] = {}
        self._ready: deque[str] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._size = 0
        self._empty: asyncio.Event | None = None

    def __len__(self) -> int:
        """Items waiting or being handled."""
        return self._size

    def put(self, key: str, item: T) -> None:
        """Queue an item behind the others of its key."""
        self._size += 1
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(item)
            return
        self._queues[key] = deque((item,))
        self._ready.append(key)
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        if len(self._workers) < self._width:
            task = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    def clear(self) -> list[T]:
        """Forget what has not begun; returns it."""
        dropped: list[T] = []
        for queue in self._queues.values():
            dropped.extend(queue)
            queue.clear()
        self._size -= len(dropped)
        return dropped

    async def settle(self, timeout: float) -> None:
        """Wait until everything is handled, at most ``timeout`` seconds."""
        if self._size:
            self._empty = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), timeout)

    async def stop(self) -> None:
        """Cancel whatever runs."""
        workers = list(self._workers)
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self.clear()
        self._queues.clear()
        self._ready.clear()
        self._idle.clear()
        self._size = 0

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while self._ready:
                key = self._ready.popleft()
                queue = self._queues[key]
                while queue:
                    item = queue.popleft()
                    try:
                        await self._handle(item)
                    finally:
                        self._size -= 1
                        if self._empty is not None and not self._size:
                            self._empty.set()
                del self._queues[key]
            waiter: asyncio.Future[None] = loop.create_future()
            self._idle.append(waiter)
            await waiter
