"""An engine on the simulator, and what campaign tests do with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from waqtor.bootstrap import Engine
from waqtor.contracts.campaigns import CampaignAction, CampaignView, CreateCampaign
from waqtor.settings import Settings
from waqtor.transports.simulator.process import SimulatorProcess

RULES = """\
version: 1
rules:
  - id: hours
    examples: {en: ["when do you open"]}
    replies: {en: [{text: "At nine."}]}
"""


def people(count: int) -> list[str]:
    """Numbers that exist, in order."""
    return [f"+96650{i:07d}" for i in range(count)]


def make_settings(tmp_path: Path, **more: Any) -> Settings:
    rules = tmp_path / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "shop.yaml").write_text(RULES, encoding="utf-8")
    values = {
        "data_dir": tmp_path / "data", "rules_dir": rules, "encoder": "hashing", "send_rate": 0.0, "settle_s": 0.2,
        "send_timeout_s": 1.0, "simulator_socket": str(tmp_path / "s.sock"), "log_flush_ms": 50,
    }  # fmt: skip
    return Settings(_env_file=None, **{**values, **more})


class Bench:
    """An engine, its simulator, and the questions that tests ask."""

    def __init__(self, engine: Engine, simulator: SimulatorProcess) -> None:
        self.engine = engine
        self.simulator = simulator

    async def create(self, **spec: Any) -> CampaignView:
        given = {"name": "Sale", "template": "Hello", "recipients": people(3), **spec}
        return await self.engine.campaigns.create(CreateCampaign.model_validate(given))

    async def act(self, campaign: CampaignView, action: str) -> dict[str, Any]:
        return await self.engine.dispatch(CampaignAction(campaign_id=campaign.id, action=action))

    async def status(self, campaign: CampaignView) -> CampaignView:
        return await self.engine.campaigns.status(campaign.id)

    async def until(self, campaign: CampaignView, *statuses: str, seconds: float = 60.0) -> CampaignView:
        async with asyncio.timeout(seconds):
            while (view := await self.status(campaign)).status not in statuses:
                await asyncio.sleep(0.02)
        return view

    async def counted(self, campaign: CampaignView, wanted: Any, seconds: float = 30.0) -> CampaignView:
        async with asyncio.timeout(seconds):
            while not wanted((view := await self.status(campaign)).counts):
                await asyncio.sleep(0.02)
        return view

    async def accepted(self) -> Counter[str]:
        """How often the simulator accepted a message for each recipient."""
        found = Counter[str]()
        for call in (await self.simulator.control.calls()).values():
            found[call["to"]] += call["count"]
        return found


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[SimulatorProcess]:
    async with SimulatorProcess(tmp_path / "s.sock") as process:
        yield process


@pytest.fixture
async def bench(tmp_path: Path, simulator: SimulatorProcess) -> AsyncIterator[Bench]:
    engine = Engine(make_settings(tmp_path))
    await engine.start()
    await simulator.control.wait_connected()
    yield Bench(engine, simulator)
    await engine.stop()
