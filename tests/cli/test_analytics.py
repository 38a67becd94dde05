from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.ui.fake_sidecar import KEY, FakeSidecar
from waqtor.cli import analytics
from waqtor.client import WaqtorClient
from waqtor.errors import InvalidInput, NotFound


@pytest.fixture
def sidecar(monkeypatch: pytest.MonkeyPatch) -> FakeSidecar:
    sidecar = FakeSidecar()
    made = lambda: WaqtorClient("http://sidecar.invalid", KEY, retries=0, transport=sidecar.transport())  # noqa: E731
    monkeypatch.setattr(analytics, "client", made)
    return sidecar


def call(*arguments: str):
    result = CliRunner().invoke(analytics.app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_query_is_saved_run_renamed_and_deleted(sidecar: FakeSidecar, tmp_path: Path) -> None:
    file = tmp_path / "q.sql"
    file.write_text("SELECT $top AS n", encoding="utf-8")
    made = json.loads(call("save", "Mine", f"@{file}", "--about", "mine alone", "--json"))
    assert (made["sql"], made["about"]) == ("SELECT $top AS n", "mine alone")
    assert json.loads(call("save", "mine", "SELECT 2 AS n", "--json"))["id"] == made["id"], "the same is replaced"
    found = json.loads(call("run", "MINE"))
    assert (found["columns"], found["rows"]) == (["n"], [[2]])
    call("rename", "Mine", "Ours")
    assert {query["name"] for query in json.loads(call("list", "--json"))} >= {"Ours", "Messages by day", "kpis"}
    call("delete", "Ours")
    with pytest.raises(NotFound):
        call("run", "Ours")


def test_places_are_filled_and_named_queries_run(sidecar: FakeSidecar) -> None:
    assert json.loads(call("run", "SELECT $top AS n", "--top", "3"))["rows"] == [[3]]
    call("run", "traffic", "--days", "7", "--bucket", "day")
    params = next(body for _, path, body in reversed(sidecar.calls) if path == "/analytics/query")["params"]
    assert params["bucket"] == "day"
    assert params["since"].startswith("20")


def test_a_file_is_written_by_its_ending(sidecar: FakeSidecar, tmp_path: Path) -> None:
    assert call("run", "SELECT 1 AS n", "--out", str(tmp_path / "a.parquet")).strip().endswith("a.parquet")
    assert sidecar.calls[-1][2]["format"] == "parquet"
    assert (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(InvalidInput, match="ends in none"):
        call("run", "SELECT 1 AS n", "--out", str(tmp_path / "a.xlsx"))
    with pytest.raises(InvalidInput, match="cannot be read"):
        call("run", "@nowhere.sql")
