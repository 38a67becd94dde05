from __future__ import annotations

import sys
from pathlib import Path

import pytest

from waqtor.benchmarks import fanout


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/ws", "/ws?batch=1"])
async def test_every_delivery_of_the_load_is_counted(path: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "waqtor.benchmarks.fanserver"]
    figures = await fanout._measure(command, 20, 0.2, tmp_path, path)
    assert set(figures) == {"idle", "single", "single_p99", "burst", "burst_p99"}
    assert figures["burst"] > 0


@pytest.mark.slow
async def test_campaign_progress_shrinks_on_the_wire_by_more_than_the_promise(tmp_path: Path) -> None:
    saved = await fanout._saving(tmp_path)
    assert saved["ok"]
    assert saved["value"] > 0.6
