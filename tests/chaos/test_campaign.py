"""Campaigns that are killed and paused: everybody gets it exactly once, by the simulator's own record."""

from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.benchmarks.campaignchaos import Plan, run

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(400)]


def test_kills_and_pauses_neither_repeat_nor_skip(tmp_path: Path) -> None:
    killed, paused = run(Plan(recipients=900, kills=2, pauses=2, seed=5, between_s=0.8, settle_s=0.3), keep=tmp_path)
    assert killed["ok"], killed
    assert killed["kills_while_running"] > 0
    assert killed["accepted"] == 900
    assert paused["ok"], paused
    assert paused["pauses"] == 2
    assert 0 < paused["slowest_stop_s"] <= 1.0


@pytest.mark.postgres
def test_two_engines_on_one_database_share_a_campaign_without_repeats(tmp_path: Path) -> None:
    (found,) = run(Plan(recipients=900, kills=1, pauses=0, engines=2, seed=3), keep=tmp_path)
    assert found["ok"], found
    assert found["accepted"] == 900
