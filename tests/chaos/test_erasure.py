"""The engine is killed with SIGKILL in the middle of an erasure, at every step: it goes on, and no byte is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bootstrap.test_engine import _settings
from tests.bootstrap.test_privacy import ASKED, NUMBER, erased, left, plant
from waqtor.bootstrap import Engine
from waqtor.transports.simulator.process import SimulatorProcess

SCRIPT = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.bootstrap.test_engine import _settings
from tests.bootstrap.test_privacy import ASKED, NUMBER
from waqtor.bootstrap import Engine

async def main(folder, place):
    engine = Engine(_settings(Path(folder)))
    erasures, local = engine.privacy._erasures, engine.privacy.runner._local
    target, name = {
        "hold": (erasures, "collect"), "collect": (erasures, "wipe"), "wipe": (local, "drop_media"),
        "memory": (local, "forget"), "log": (local, "erase_log"), "rewritten": (erasures, "scrub"),
        "done": (erasures, "done"),
    }.get(place, (None, ""))

    async def die(*args, **more):
        os.kill(os.getpid(), signal.SIGKILL)

    if target is not None:
        setattr(target, name, die)
    elif place == "half-wiped":
        # In the middle of the rows: suggestions and the journal are done, the payloads of nobody yet.
        from waqtor.storage.erasing_rows import Rows
        Rows.contact = die
    elif place == "half-copied":
        from waqtor.storage import duck_erasure
        def sync(path):
            os.kill(os.getpid(), signal.SIGKILL)
        duck_erasure._sync = sync
    await engine.start()
    await engine.privacy.erase(NUMBER, ASKED)
    await asyncio.sleep(30)

asyncio.run(main(*sys.argv[1:]))
"""
PLACES = ("hold", "collect", "half-wiped", "wipe", "memory", "log", "half-copied", "rewritten", "done")


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_an_erasure_that_was_killed_anywhere_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    async with SimulatorProcess(tmp_path / "s.sock") as simulator:
        engine = Engine(_settings(tmp_path))
        await engine.start()
        await simulator.control.wait_connected()
        await plant(engine, simulator)
        await engine.stop()
        assert "number" in left(tmp_path / "data")
        for place in PLACES:
            run = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", SCRIPT, str(tmp_path), place], cwd=root,
                env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, timeout=60, check=False,
            )  # fmt: skip
            assert run.returncode == -signal.SIGKILL, (place, run.stderr.decode()[-2000:])
        engine = Engine(_settings(tmp_path))
        await engine.start()
        try:
            async with asyncio.timeout(60):
                while any(job.state == "running" for job in await engine.privacy.erasures()):
                    await asyncio.sleep(0.05)
            jobs = await engine.privacy.erasures()
            assert len(jobs) == 1, "it was one erasure all the time"
            assert jobs[0].counts["media"] == 1
            assert left(tmp_path / "data") == {}
            assert not (await engine.privacy.summary(NUMBER)).counts["messages"]
            assert (await engine.privacy.summary(NUMBER)).opted_out
            await erased(engine)  # once more is no harm
            assert ASKED.key_id in {entry.key_id for entry in await engine.privacy.audit.entries(_all())}
        finally:
            await engine.stop()


def _all() -> object:
    from waqtor.privacy.ports import AuditQuery

    return AuditQuery()
