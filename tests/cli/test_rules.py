from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from waqtor.cli.rules import app

GOOD = """version: 1

rules:
  - id: hello
    examples:
      en:
        - hello there
    replies:
      en:
        - text: hi
"""
CASES = "version: 1\n\ntests:\n  - say: hello there\n    rule: hello\n"
runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WAQTOR_DATA_DIR", str(tmp_path / "data"))
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.yaml").write_text(GOOD)
    (rules / "a.tests.yaml").write_text(CASES)
    return rules


def test_check_prints_places_and_fails(folder: Path) -> None:
    assert runner.invoke(app, ["check", str(folder)]).exit_code == 0
    (folder / "b.yaml").write_text(GOOD.replace("hello there", "no"))
    result = runner.invoke(app, ["check", str(folder)])
    assert result.exit_code == 1
    assert f"{folder}/b.yaml:7:11: no is read as something else" in result.stdout
    told = json.loads(runner.invoke(app, ["check", str(folder), "--json"]).stdout)
    assert (told["ok"], told["issues"][0]["line"], told["issues"][0]["column"]) == (False, 7, 11)


def test_test_runs_the_cases(folder: Path) -> None:
    result = runner.invoke(app, ["test", str(folder), "--encoder", "hashing"])
    assert (result.exit_code, "1 of 1 tests pass" in result.stderr) == (0, True)
    (folder / "a.tests.yaml").write_text(CASES.replace("hello there", "zzz"))
    result = runner.invoke(app, ["test", str(folder), "--encoder", "hashing"])
    assert result.exit_code == 1
    assert "a.tests.yaml:4: “zzz”: expected hello but got silence" in result.stdout
    (folder / "a.yaml").write_text("version: 1\nrules: [")
    broken = runner.invoke(app, ["test", str(folder), "--encoder", "hashing"])
    assert broken.exit_code == 1
    assert "a.yaml:2:9: not YAML" in broken.stdout


def test_format_and_schema(folder: Path) -> None:
    assert runner.invoke(app, ["format", "--check", str(folder)]).exit_code == 0
    (folder / "a.yaml").write_text(GOOD.replace("        - hello", "      - hello"))
    assert runner.invoke(app, ["format", "--check", str(folder)]).exit_code == 1
    assert runner.invoke(app, ["format", str(folder)]).exit_code == 0
    assert (folder / "a.yaml").read_text() == GOOD
    assert runner.invoke(app, ["schema", "--check", str(folder)]).exit_code == 1
    assert runner.invoke(app, ["schema", str(folder)]).exit_code == 0
    assert runner.invoke(app, ["schema", "--check", str(folder)]).exit_code == 0
    schema = json.loads((folder / "rules.schema.json").read_text())
    assert "Rule" in schema["$defs"]
