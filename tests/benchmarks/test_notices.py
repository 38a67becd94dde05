from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.benchmarks.notices import run


@pytest.mark.slow
def test_every_call_is_measured_on_both_databases(tmp_path: Path) -> None:
    found = run(rows=10_000, users=3, calls=30, keep=tmp_path)
    names = {item["name"] for item in found}
    for dialect in ("sqlite", "postgresql"):
        assert {f"notifications.{dialect}, {call}" for call in ("list", "list unread", "count", "mark all")} <= names
    assert all(item["ok"] == (item["value"] < 50) for item in found)
    assert all(0 < item["p50_ms"] <= item["value"] <= item["slowest_ms"] for item in found)
