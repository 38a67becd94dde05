"""What the simulator delivers, handed to the engine in order and acknowledged after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from waqtor.contracts.messages import InboundMessage
from waqtor.errors import InvalidInput
from waqtor.messaging.ports import Receipt, TransportSink
from waqtor.transports.simulator.batches import Batches
from waqtor.transports.simulator.inbound import inbound_message, inbound_receipt
from waqtor.transports.simulator.lanes import Lanes
from waqtor.transports.simulator.protocol import Frame

_log = structlog.get_logger(__name__)
RETRY_DELAYS = (0.05, 0.25, 1.0)
"""Seconds between attempts when the engine fails to take a delivery; after the last it is left to redelivery."""


class Deliveries:
    """Messages in order per chat, receipts in batches in order; each acknowledged once the sink has returned.

    Args:
        session: The session.
        sink: The engine.
        touch: Called when there is something to acknowledge.
        width: Most messages handled at once.
    """

    def __init__(self, session: str, sink: TransportSink, touch: Callable[[], None], width: int = 256) -> None:
        self._session = session
        self._sink = sink
        self._touch = touch
        self._messages: Lanes[tuple[int, InboundMessage]] = Lanes(self._take_message, width)
        self._receipts: Batches[tuple[int, Receipt]] = Batches(self._take_receipts)
        self._busy: set[int] = set()
        self._done_messages: list[int] = []
        self._done_receipts: list[int] = []

    def push(self, frame: Frame) -> None:
        """Take a ``messages`` or ``receipts`` frame."""
        busy = self._busy
        if frame["op"] == "receipts":
            for seq, *raw in frame["items"]:
                if seq in busy:
                    continue  # pushed again while it is being handled: the one acknowledgement will do
                try:
                    receipt = inbound_receipt(self._session, raw)
                except InvalidInput as error:
                    self._set_aside(self._done_receipts, seq, error)
                    continue
                busy.add(seq)
                self._receipts.put((seq, receipt))
            return
        for seq, raw in frame["items"]:
            if seq in busy:
                continue
            try:
                message = inbound_message(self._session, raw)
            except InvalidInput as error:
                self._set_aside(self._done_messages, seq, error)
                continue
            busy.add(seq)
            self._messages.put(message.chat_id, (seq, message))

    def _set_aside(self, done: list[int], seq: int, error: InvalidInput) -> None:
        # Redelivery cannot mend a malformed frame; acknowledging keeps it from blocking the window for ever.
        _log.error("simulator.malformed_delivery", session=self._session, error=error.message)
        done.append(seq)
        self._touch()

    async def _take_message(self, item: tuple[int, InboundMessage]) -> None:
        seq, message = item
        try:
            if await self._attempt(lambda: self._sink.message(message)):
                self._done_messages.append(seq)
                self._touch()
        finally:
            self._busy.discard(seq)

    async def _take_receipts(self, batch: list[tuple[int, Receipt]]) -> None:
        try:
            if await self._attempt(lambda: self._sink.receipts([receipt for _, receipt in batch])):
                self._done_receipts.extend(seq for seq, _ in batch)
                self._touch()
        finally:
            self._busy.difference_update(seq for seq, _ in batch)

    async def _attempt(self, take: Callable[[], Awaitable[None]]) -> bool:
        for delay in RETRY_DELAYS:
            try:
                await take()
                return True
            except Exception as error:
                _log.warning("simulator.delivery_failed", session=self._session, error=type(error).__name__)
            await asyncio.sleep(delay)
        try:
            await take()
            return True
        except Exception:
            _log.exception("simulator.delivery_left", session=self._session)
            return False

    def acks(self) -> dict[str, Any] | None:
        """The acknowledgements collected since the last call."""
        if not self._done_messages and not self._done_receipts:
            return None
        frame = {"op": "ack", "messages": self._done_messages, "receipts": self._done_receipts}
        self._done_messages, self._done_receipts = [], []
        return frame

    def disconnected(self) -> None:
        """Forget what has not begun: it will be delivered again."""
        for seq, _ in self._messages.clear():
            self._busy.discard(seq)
        for seq, _ in self._receipts.clear():
            self._busy.discard(seq)

    async def settle(self, timeout: float) -> None:
        """Let what runs come to its end."""
        self.disconnected()
        await self._messages.settle(timeout)
        await self._receipts.settle(timeout)

    async def stop(self) -> None:
        """Cancel what still runs."""
        await self._messages.stop()
        await self._receipts.stop()
        self._busy.clear()
