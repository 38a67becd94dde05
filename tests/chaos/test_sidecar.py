"""The sidecar is killed under load: nothing acknowledged is lost, nothing is answered or sent twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.benchmarks.chaos import run


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    (found,) = run(kills=3, seed=7, keep=tmp_path, between_s=1.0)
    assert found["ok"], found
    assert found["people"] > 50
    assert found["sends"] > 5
    assert found["calls"] > found["sends"]
