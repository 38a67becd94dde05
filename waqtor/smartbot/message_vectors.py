"""Vectors of incoming messages: cached by content, encoded in micro-batches off the event loop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from waqtor.smartbot.encoders import Encoder, Vectors

CACHE = 4096
BATCH = 32


class MessageVectors:
    """Encodes messages for many waiting decisions at once.

    While a batch is being encoded in the worker thread, new messages gather and make the next one: no timer,
    no wait when idle, and batches grow with the load. A batch is sorted by length, since the model pads to the
    longest.

    Args:
        encoder: A light one is called in the event loop directly.
        capacity: How many vectors are remembered.
    """

    def __init__(self, encoder: Encoder, capacity: int = CACHE) -> None:
        self._encoder = encoder
        self._capacity = capacity
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[Vectors]] = {}
        self._task: asyncio.Task[None] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="encoder")
        self.hits = 0
        self.encoded = 0

    async def of(self, text: str) -> Vectors:
        """Return the vector of one text, shape (dim,)."""
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
            self.hits += 1
            return found
        if self._encoder.light:
            vector: Vectors = self._encoder.encode([text])[0]
            self._remember(text, vector)
            return vector
        future = self._waiting.get(text)
        if future is None:
            future = self._waiting[text] = asyncio.get_running_loop().create_future()
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._drain(), name="encoder")
        return await asyncio.shield(future)

    async def warm(self, load: Callable[[], object]) -> None:
        """Run what gets the encoder ready in the thread that encodes; messages wait behind it."""
        await asyncio.get_running_loop().run_in_executor(self._worker, load)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        taken: set[str] = set()
        while True:
            batch = sorted([text for text in self._waiting if text not in taken][:BATCH], key=len)
            if not batch:
                return
            taken.update(batch)
            try:
                rows = await loop.run_in_executor(self._worker, self._encoder.encode, batch)
            except BaseException as error:
                failure = error if isinstance(error, Exception) else asyncio.CancelledError()
                for text in batch:
                    self._settle(text, None, failure)
                if not isinstance(error, Exception):
                    raise
            else:
                for text, row in zip(batch, rows, strict=True):
                    self._remember(text, row)
                    self._settle(text, row, None)
            taken.difference_update(batch)

    def _settle(self, text: str, row: Vectors | None, failure: BaseException | None) -> None:
        future = self._waiting.pop(text)
        if future.done():
            return
        if isinstance(failure, asyncio.CancelledError):
            future.cancel()
        elif failure is not None:
            future.set_exception(failure)
        elif row is not None:
            future.set_result(row)

    def _remember(self, text: str, vector: Vectors) -> None:
        self._known[text] = vector
        self.encoded += 1
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Remember no text any more."""
        self._known.clear()

    async def close(self) -> None:
        """End the worker; whoever still waits is cancelled."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        self._worker.shutdown(wait=False, cancel_futures=True)
