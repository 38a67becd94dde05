"""How late the event loop is: what everything in the process waits for when something hogs it."""

from __future__ import annotations

import asyncio

from waqtor.kernel.telemetry import Telemetry

EVERY_S = 0.25


async def watch(telemetry: Telemetry) -> None:
    """Set a timer again and again, and note how much later than asked it goes off."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        telemetry.loop_lag_seconds.observe(max(0.0, loop.time() - due))
