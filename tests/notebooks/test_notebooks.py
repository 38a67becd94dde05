from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from waqtor.analytics.sample import sample_events
from waqtor.storage.duck_sample import write_sample

FOLDER = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted(FOLDER.glob("[0-9]*.py"))


def execute(folder: Path, name: str, **parameters) -> nbformat.NotebookNode:
    """Run a notebook in a process of its own, without pictures (they take seconds each)."""
    command = [sys.executable, FOLDER / "run.py", FOLDER / f"{name}.py", "--to", folder]
    subprocess.run(
        [*map(str, command), "--parameters", json.dumps(parameters)],
        env={**os.environ, "PLOTLY_RENDERER": "plotly_mimetype"},
        check=True,
        timeout=110,
    )
    return nbformat.reads((folder / f"{name}.ipynb").read_text(encoding="utf-8"), as_version=4)


@pytest.mark.slow
def test_the_first_look_reads_a_log(tmp_path):
    path = write_sample(tmp_path / "t.duckdb", 150)
    out = tmp_path / "figures.json"
    notebook = execute(tmp_path, "01_first_look", path=str(path), out=str(out))
    figures = json.loads(out.read_text(encoding="utf-8"))
    events = list(sample_events(150))
    decided = [event for event in events if event.type.startswith("smartbot.")]
    assert figures["received"] == 150
    assert figures["decided"] == figures["decisions"] == len(decided) == 150
    assert figures["answered"] == sum(event.type == "smartbot.reply" for event in decided)
    assert figures["read"] == sum(event.type == "message.read" for event in events)
    assert sum(figures["languages"].values()) == 150
    assert figures["source"] == "file"
    drawn = [
        output.data["application/vnd.plotly.v1+json"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    assert len(drawn) == 4
    assert all(figure["data"] for figure in drawn)


@pytest.mark.slow
def test_the_first_look_makes_a_sample_where_there_is_no_log(tmp_path):
    out = tmp_path / "figures.json"
    execute(tmp_path, "01_first_look", messages=40, out=str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["received"] == 40


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_pair_is_in_step_and_the_notebook_was_executed(source):
    written = jupytext.read(source)
    executed = nbformat.reads(source.with_suffix(".ipynb").read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(executed)
    assert [(c.cell_type, c.source) for c in executed.cells] == [(c.cell_type, c.source) for c in written.cells]
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error"]
    pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    assert pictures


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_stays_small_and_tells_nothing_of_the_machine(source):
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert len(text) < 500_000
    for needle in ("/home/", "/root/", "/tmp/", "/usr/", "Traceback"):
        assert needle not in text


def test_there_is_a_notebook():
    assert [source.stem for source in SOURCES] == ["01_first_look"]
