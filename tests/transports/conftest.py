from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from waqtor.messaging.ports import Outgoing
from waqtor.transports.simulator.client import SimulatorTransport
from waqtor.transports.simulator.control import SimulatorControl
from waqtor.transports.simulator.server import SimulatorServer
from waqtor.transports.simulator.world import World


@dataclass
class Sink:
    """Takes deliveries as an engine would; ``commit`` stands for the wait of a commit and may raise."""

    messages: list[Any] = field(default_factory=list)
    statuses: list[Any] = field(default_factory=list)
    reports: list[Any] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    commit: Callable[[Any], Any] | None = None

    async def message(self, message: Any) -> None:
        self.begun.append(message.message_id)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            if self.commit is not None:
                await self.commit(message)
            self.messages.append(message)
        finally:
            self.running -= 1

    async def receipts(self, receipts: Any) -> None:
        for receipt in receipts:
            if self.commit is not None:
                await self.commit(receipt)
            self.statuses.append(receipt)

    async def report(self, report: Any) -> None:
        self.reports.append(report)

    @property
    def states(self) -> list[str]:
        return [report.status for report in self.reports]


async def until(condition: Callable[[], Any], timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.002)


def text(message_id: str, body: str = "hello", to: str = "966500000009", session: str = "default") -> Outgoing:
    return Outgoing(message_id, session, to, {"type": "text", "body": body})


@dataclass
class Bench:
    """A simulator in this process, a control connection, and transports made on demand."""

    path: Path
    world: World
    server: SimulatorServer
    control: SimulatorControl
    stack: AsyncExitStack

    async def transport(
        self, sink: Sink | None = None, session: str = "default", *, ready: bool = True, **options: Any
    ) -> tuple[SimulatorTransport, Sink]:
        sink = sink or Sink()
        options.setdefault("backoff", lambda attempt: 0.02)
        options.setdefault("timeout", 5.0)
        transport = SimulatorTransport(session, self.path, **options)
        await transport.start(sink)
        self.stack.push_async_callback(transport.stop)
        if ready:
            await until(lambda: "ready" in sink.states)
        return transport, sink


@asynccontextmanager
async def serving(path: Path, **world_options: Any) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        world = World(seed=1, **world_options)
        server = SimulatorServer(world, path)
        await server.start()
        stack.push_async_callback(server.stop)
        control = await stack.enter_async_context(SimulatorControl(path))
        yield Bench(path, world, server, control, stack)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with serving(tmp_path / "sim.sock") as running:
        yield running


@pytest.fixture
def make_sink() -> type[Sink]:
    return Sink


@pytest.fixture
def wait_until() -> Any:
    return until


@pytest.fixture
def make_text() -> Any:
    return text


@pytest.fixture
def serve() -> Any:
    return serving
