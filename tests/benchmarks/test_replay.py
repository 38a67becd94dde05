from __future__ import annotations

from waqtor.benchmarks.replay import FLOOR, run


def test_the_changes_equal_those_found_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.delenv("WAQTOR_SHARED_DIR", raising=False)
    (figure,) = run(messages=600, compare=600, encoder="hashing", keep=tmp_path / "kept")
    assert figure["floor"] == FLOOR
    assert figure["messages"] == figure["compared"] == 600
    assert set(figure["changes"]) == {"gained", "lost", "different"} or len(figure["changes"]) >= 2
    assert sum(figure["changes"].values()) == figure["compared_changes"] > 30
    assert figure["differing"] == 0
    assert figure["confidence_apart"] <= 0.0002
    assert len((tmp_path / "kept" / "changes.jsonl").read_text().splitlines()) == figure["compared_changes"]
