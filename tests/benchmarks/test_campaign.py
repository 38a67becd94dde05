"""The campaign's measurement, small, on both databases: what it counts must hold at any size."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from waqtor.benchmarks import bullmq
from waqtor.benchmarks.campaign import run


@pytest.mark.slow
@pytest.mark.postgres
def test_both_databases_and_the_simulator_agree(tmp_path: Path, monkeypatch) -> None:
    # A page that another test ran may have left itself as the main module, and a spawned process imports that.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    found = run(recipients=200, bullmq=False, keep=tmp_path)
    assert [one["name"] for one in found] == ["campaign.sqlite", "campaign.postgresql"]
    for one in found:
        assert one["exact"], one
        assert one["accepted_once"] == one["duckdb_sends"] == one["journal_sent"] == 200
        assert one["peer_value"] > 0
        assert one["ratio"] == pytest.approx(one["value"] / one["peer_value"], abs=0.0006)  # it has three decimals


def test_without_redis_it_says_what_to_type(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "redis-server" else f"/usr/bin/{name}")
    assert bullmq.bullmq_peer(tmp_path, 10, 4) is None
    assert "apt-get install -y --no-install-recommends redis-server" in capsys.readouterr().err
