"""One WhatsApp session at work: its lease, transport, sender and the sends in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from waqtor.contracts.events import Event
from waqtor.contracts.views import SessionView
from waqtor.contracts.wire import iso
from waqtor.errors import SendRefused
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import Clock
from waqtor.kernel.plugins import PluginManager
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.doubts import DoubtResolver
from waqtor.messaging.inbox import Inbox
from waqtor.messaging.ports import Pending, SessionReport, Transport
from waqtor.messaging.sender import Sender, SenderConfig
from waqtor.settings import Settings
from waqtor.storage.lease import SqlLease
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.store import SqlStore

_log = structlog.get_logger(__name__)


class SessionRuntime:
    """Runs one session while this engine holds its lease; stands by while another one does."""

    def __init__(
        self, name: str, transport: Transport, store: SqlStore, ledger: SqlLedger, bus: Bus, plugins: PluginManager,
        clock: Clock, telemetry: Telemetry, settings: Settings,
        *, on_hold: Callable[[SendRefused], None] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.transport = transport
        self._ledger = ledger
        self._bus = bus
        self._plugins = plugins
        self._clock = clock
        self.lease = SqlLease(store, name)
        self._report = SessionReport(name, "connecting")
        self._since = clock.now_us()
        config = SenderConfig(
            rate=settings.send_rate, concurrency=settings.send_concurrency, timeout=settings.send_timeout_s,
            max_attempts=settings.send_max_attempts,
        )  # fmt: skip
        self.sender = Sender(
            name, ledger, transport, clock, telemetry, config, lease=self.lease, on_doubt=self._in_doubt,
            on_hold=on_hold,
            shared_store=not store.exclusive,
        )  # fmt: skip
        self.doubts = DoubtResolver(
            name, ledger, transport, clock, self.sender, timeout=settings.send_timeout_s, settle=settings.settle_s
        )
        self._inbox = Inbox(ledger, telemetry, self._reported, settings.bot_handoff_minutes)
        self._renew_s = 5.0

    async def run(self) -> None:
        """Wait for the lease, work while it is held, and start over when it is lost."""
        while True:
            if not await self.lease.acquire():
                await asyncio.sleep(1.0)
                continue
            _log.info("session.owned", session=self.name, generation=self.lease.generation)
            await self._work()
            _log.warning("session.lease_lost", session=self.name)

    async def _work(self) -> None:
        await self.transport.start(self._inbox)
        parts = [asyncio.create_task(self.sender.run()), asyncio.create_task(self.doubts.run())]
        try:
            while True:
                done, _ = await asyncio.wait(parts, timeout=self._renew_s, return_when=asyncio.FIRST_COMPLETED)
                for part in done:
                    part.result()
                if not await self.lease.acquire():
                    return
                await self._ledger.match_early(self.name)
        finally:
            self.sender.set_connected(False)
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self.transport.stop()

    async def drain(self, timeout: float = 5.0) -> None:
        """Let the calls in flight finish before the end."""
        await self.sender.drain(timeout)

    @property
    def view(self) -> SessionView:
        """The session as REST shows it."""
        report = self._report
        return SessionView(
            session=self.name, transport=self.transport.kind, status=report.status, client_info=report.client_info,
            qr=report.qr if report.status == "qr" else None, reason=report.reason, since=iso(self._since),
            queued=len(self.sender.queue), in_doubt=len(self.doubts),
        )  # fmt: skip

    def _in_doubt(self, pending: Pending) -> None:
        self.doubts.add(pending)

    async def _reported(self, report: SessionReport) -> None:
        changed = (report.status, report.reason) != (self._report.status, self._report.reason)
        self._report = report
        if changed:
            self._since = self._clock.now_us()
        self.sender.set_connected(report.status == "ready")
        if report.qr is not None:
            now = self._clock.now_us()
            data = {"qr": report.qr, "timestamp": iso(now)}
            await self._bus.publish(Event("session.qr", self.name, data, created=now))
        if changed:
            await self._ledger.session_changed(report, self.transport.kind)
            await self._plugins.session_changed(self.name, report.status)
