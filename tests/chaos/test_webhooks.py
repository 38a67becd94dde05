"""The sidecar is killed while receivers of its webhooks fail: every message still comes, under one id."""

from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.benchmarks.hookchaos import run
from waqtor.benchmarks.unruly import SCRIPTS


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_message_comes_at_every_endpoint_over_kills_and_failures(tmp_path: Path) -> None:
    (found,) = run(kills=2, events=400, seed=5, share=0.1, keep=tmp_path)
    assert found["ok"], str(found)
    assert found["gone_is_off"]
    assert found["deliveries"] >= 400 * len(SCRIPTS)
    assert set(found["failures"]) == set(SCRIPTS), "a script that never failed proves nothing"
