from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.benchmarks import fit, liverules
from waqtor.benchmarks.fit import made_up, run, sized
from waqtor.smartbot.samples import Sample


def test_rows_are_cut_and_filled_up_to_size() -> None:
    rows = [Sample(f"{label} {i}", label) for label, n in (("a", 9), ("b", 2), ("c", 5), ("d", 9)) for i in range(n)]
    found = sized(rows, 3, 4)
    assert [sum(row.label == label for row in found) for label in "abcd"] == [6, 2, 4, 0]
    assert len(set(found)) == len(found)
    made = made_up(5, 12)
    assert made == made_up(5, 12)
    assert len({row.text for row in made}) == 60


def test_a_fit_is_measured_and_none_comes_from_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAQTOR_SHARED_DIR", raising=False)
    monkeypatch.setattr(fit, "LARGE", (9, 8))
    monkeypatch.setattr(fit, "SMALL", (4, 5))
    calibrated = []
    real = fit.FusedScorer.fit
    monkeypatch.setattr(fit.FusedScorer, "fit", lambda *a: calibrated.append(len(a[1])) or real(*a))
    large, small = run(parts=["large", "small"], encoder="hashing", keep=tmp_path)
    assert (large["name"], large["rules"], large["examples"], large["limit_s"]) == ("fit.large", 9, 72, 10.0)
    assert (small["name"], small["rules"], small["examples"], small["limit_s"]) == ("fit.small", 4, 20, 1.0)
    for found in (large, small):
        assert 0 < found["value"] <= found["slowest_s"]
        assert found["ok"] == (found["value"] < found["limit_s"])
        assert found["peer_value"] > 0
    assert len(calibrated) == 2 + 6  # a small one to load what is needed, then one a repeat
    monkeypatch.setitem(fit.MOST_S, "small", 0.0)
    assert not run(parts=["small"], encoder="hashing", keep=tmp_path)[0]["ok"]


@pytest.mark.slow
@pytest.mark.chaos
def test_rules_are_edited_while_messages_flow_and_none_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAQTOR_SHARED_DIR", raising=False)
    monkeypatch.setattr(liverules, "STARTS", 1)
    edited, cold = run(parts=["edit", "cold"], encoder="hashing", rate=30, edits=2, keep=tmp_path)
    assert edited["name"] == "fit.edit_live"
    assert edited["messages"] > 30
    assert {name: edited[name] for name in ("undecided", "decided_twice", "unanswered", "answered_twice")} == {
        "undecided": 0, "decided_twice": 0, "unanswered": 0, "answered_twice": 0,
    }  # fmt: skip
    assert 0 < edited["median_s"] <= edited["value"]
    assert (cold["name"], cold["starts"], cold["limit_s"]) == ("fit.cold_start", 1, 3.0)
