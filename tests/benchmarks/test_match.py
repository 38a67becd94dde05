from __future__ import annotations

import json
from pathlib import Path

import pytest

from waqtor.benchmarks import match
from waqtor.benchmarks.match import run

RULES = """\
version: 1
rules:
  - id: hours
    examples: {en: [when do you open, what are your opening hours], ar: [متى تفتحون, كم ساعات الدوام]}
    replies: {en: [{text: At nine.}], ar: [{text: في التاسعة}]}
  - id: track
    examples: {en: [where is my order, track my parcel], ar: [وين طلبي, متى توصل الشحنة]}
    replies: {en: [{text: On its way.}], ar: [{text: في الطريق}]}
"""


def interpreter(path: Path, answer: str, code: int = 0) -> Path:
    """What stands for a Python that has semantic-router: it keeps what it is asked and answers the same always."""
    path.write_text(f"#!/bin/sh\ncat > {path}.asked\necho 'noise'\necho '{answer}'\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shop.yaml").write_text(RULES, encoding="utf-8")
    return folder


def test_decisions_stand_beside_both_peers(tmp_path: Path, rules: Path) -> None:
    python = interpreter(tmp_path / "python", json.dumps([0.02] * 30))
    found = run({"messages": 30, "encoder": "hashing", "rules": rules, "python": python, "concurrency": 4})
    figures = {item["name"]: item for item in found}
    assert set(figures) == {f"match.{name}" for name in (
        "decisions", "decisions_in_flight", "beside_router", "encoder", "exact_hit",
    )}  # fmt: skip
    assert figures["match.beside_router"]["peer_value"] == 50.0
    assert figures["match.beside_router"]["peer_p50_ms"] == 20.0
    assert figures["match.beside_router"]["value"] == figures["match.decisions"]["value"]
    asked = json.loads(Path(f"{python}.asked").read_text(encoding="utf-8"))
    assert asked["routes"]["track"] == ["where is my order", "track my parcel", "وين طلبي", "متى توصل الشحنة"]
    assert len(asked["texts"]) == 30
    assert sum(not text.isascii() for text in asked["texts"]) == 15  # half English, half Arabic


def test_a_router_that_is_missing_or_fails_is_left_out_and_said(
    tmp_path: Path, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"messages": 10, "encoder": "hashing", "rules": rules}
    assert "match.beside_router" not in {item["name"] for item in run({**options, "python": tmp_path / "none"})}
    assert "`make peers` installs it" in capsys.readouterr().err
    broken = interpreter(tmp_path / "broken", "[]", code=3)
    assert "match.beside_router" not in {item["name"] for item in run({**options, "python": broken})}
    assert "it failed" in capsys.readouterr().err


def test_a_data_set_without_texts_is_refused(tmp_path: Path, rules: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n", encoding="utf-8")
    with pytest.raises(match.InvalidInput, match="no texts"):
        run({"dataset": empty, "encoder": "hashing", "rules": rules})
