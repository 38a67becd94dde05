"""The inbox: what transports hand in becomes durable here, before the provider hears "received"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from waqtor.contracts.messages import InboundMessage
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.ports import Ledger, Receipt, SessionReport, Takeover


class Inbox:
    """The :class:`waqtor.messaging.ports.TransportSink` of one engine.

    Args:
        ledger: Where messages and statuses go.
        telemetry: Counters.
        on_report: Called with each change of a session's state.
        handoff_minutes: How long the bot is quiet in a chat that a person answers on the phone; 0: until resumed.
    """

    def __init__(
        self,
        ledger: Ledger,
        telemetry: Telemetry,
        on_report: Callable[[SessionReport], Awaitable[None]],
        handoff_minutes: float = 0.0,
    ) -> None:
        self._ledger = ledger
        self._telemetry = telemetry
        self._on_report = on_report
        self._takeover = Takeover(handoff_minutes if handoff_minutes > 0 else None)

    async def message(self, message: InboundMessage) -> None:
        """Store a message once; returns after the commit. One typed on the phone takes its chat over."""
        if message.from_me:
            # A reaction is no answer: the customer still waits for one.
            takeover = None if message.content.type == "reaction" else self._takeover
            _, fresh = await self._ledger.typed(message, takeover)
            if not fresh:
                self._telemetry.duplicates.labels(message.session).inc()
            return
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
