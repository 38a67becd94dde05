from __future__ import annotations

import asyncio
from pathlib import Path

from waqtor.messaging.ports import Outgoing
from waqtor.transports.simulator.client import SimulatorTransport
from waqtor.transports.simulator.process import SimulatorProcess


class Sink:
    def __init__(self) -> None:
        self.messages = []
        self.receipts = []
        self.reports = []

    async def message(self, message) -> None:
        self.messages.append(message)

    async def receipt(self, receipt) -> None:
        self.receipts.append(receipt)

    async def report(self, report) -> None:
        self.reports.append(report)


async def test_a_send_is_accepted_delivered_and_read(tmp_path: Path) -> None:
    async with SimulatorProcess(tmp_path / "sim.sock") as simulator:
        sink = Sink()
        transport = SimulatorTransport("default", simulator.socket)
        await transport.start(sink)
        async with asyncio.timeout(5):
            while not any(report.status == "ready" for report in sink.reports):
                await asyncio.sleep(0.005)
        provider_id = await transport.send(Outgoing("M1", "default", "966500000009", {"type": "text", "body": "مرحبا"}))
        await simulator.control.wait_idle(0.05)
        assert [(r.status, r.message_id, r.provider_id) for r in sink.receipts] == [
            ("delivered", "M1", provider_id),
            ("read", "M1", provider_id),
        ]
        assert (await simulator.control.calls())["M1"]["count"] == 1
        await simulator.control.inject("hello")
        assert [m.content.body for m in sink.messages] == ["hello"]
        await transport.stop()
