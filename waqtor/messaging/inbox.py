"""The inbox: what transports hand in becomes durable here, before the provider hears "received"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from waqtor.contracts.messages import InboundMessage
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.ports import Ledger, Receipt, SessionReport


class Inbox:
    """The :class:`waqtor.messaging.ports.TransportSink` of one engine.

    Args:
        ledger: Where messages and statuses go.
        telemetry: Counters.
        on_report: Called with each change of a session's state.
    """

    def __init__(
        self,
        ledger: Ledger,
        telemetry: Telemetry,
        on_report: Callable[[SessionReport], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._telemetry = telemetry
        self._on_report = on_report

    async def message(self, message: InboundMessage) -> None:
        """Store an incoming message once; returns after the commit."""
        _, fresh = await self._ledger.accept(message)
        if fresh:
            self._telemetry.received.labels(message.session).inc()
        else:
            self._telemetry.duplicates.labels(message.session).inc()

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        """Store statuses; returns after the commit."""
        await self._ledger.receipts(receipts)

    async def report(self, report: SessionReport) -> None:
        """Pass on a change of the session's state."""
        await self._on_report(report)
