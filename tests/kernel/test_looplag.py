from __future__ import annotations

import asyncio
import time

from waqtor.kernel import looplag
from waqtor.kernel.telemetry import Telemetry


async def test_a_hogged_loop_shows(monkeypatch):
    monkeypatch.setattr(looplag, "EVERY_S", 0.01)
    telemetry = Telemetry()
    task = asyncio.create_task(looplag.watch(telemetry))
    await asyncio.sleep(0.05)
    time.sleep(0.2)  # the fault that is to be seen
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    values = telemetry.values()
    assert values["waqtor_loop_lag_seconds_count"] >= 2
    assert values["waqtor_loop_lag_seconds_sum"] >= 0.1
