from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from tests.campaigns.conftest import simulator
from tests.notebooks.labelled_samples import write_samples
from tests.storage.test_logged_campaigns import SAME, one_campaign
from waqtor.analytics.sample import sample_events
from waqtor.contracts.campaigns import CampaignReport
from waqtor.smartbot.crossfit import Matcher
from waqtor.smartbot.datasets import read_dataset
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.evaluate import evaluate
from waqtor.storage.duck_sample import write_sample

__all__ = ["simulator"]

FOLDER = Path(__file__).parents[2] / "notebooks"
DAY, QUARTER = 86_400_000_000, 900_000_000
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


def figures_of(notebook: nbformat.NotebookNode) -> list[dict]:
    return [
        output.data["application/vnd.plotly.v1+json"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]


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
    drawn = figures_of(notebook)
    assert len(drawn) == 4
    assert all(figure["data"] for figure in drawn)


@pytest.mark.slow
def test_the_first_look_makes_a_sample_where_there_is_no_log(tmp_path):
    out = tmp_path / "figures.json"
    execute(tmp_path, "01_first_look", messages=40, out=str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["received"] == 40


@pytest.mark.slow
def test_tuning_writes_the_promised_threshold_into_the_rules_and_keeps_comments(tmp_path):
    folder, out = tmp_path / "rules", tmp_path / "figures.json"
    train, _ = write_samples(tmp_path)
    rows = [json.loads(line) for line in train.read_text(encoding="utf-8").splitlines()]
    lines = ["# mine", "version: 1", "rules:"]
    for number, label in enumerate(dict.fromkeys(row["label"] for row in rows)):
        texts = [row["text"] for row in rows if row["label"] == label]
        lang = "en" if label.isascii() else "ar"
        lines += [f"  - id: rule_{number}", "    examples:", f"      {lang}:", *(f"        - {text}" for text in texts)]
        lines += ["    replies:", f"      {lang}:", "        - text: Yes."]
    folder.mkdir()
    (folder / "shop.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    notebook = execute(
        tmp_path, "02_tune_thresholds", rules=str(folder), encoder="hashing", out=str(out), write=True, target=0.1
    )
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["messages"] > len(rows)  # every rule plays the stranger once, beside what is held back
    assert found["points"]["naive"] <= found["points"]["risk control"]
    assert found["wrong"]["risk control"] <= found["wrong"]["naive"] <= 0.1
    assert "10.0%" in found["promise"]
    assert len(figures_of(notebook)) == 2
    assert found["written"]
    assert found["changes"] == ["shop.yaml"]
    text = (folder / "shop.yaml").read_text(encoding="utf-8")
    assert text.startswith("# mine\n")
    assert f"threshold: {found['points']['risk control']:.6g}\n" in text
    assert "# tuned: At most 10.0%" in text


@pytest.mark.slow
def test_the_accuracy_notebook_reports_what_waqtor_eval_reports(tmp_path):
    out = tmp_path / "report.json"
    train, test = write_samples(tmp_path)
    notebook = execute(
        tmp_path, "03_evaluate_accuracy", train=str(train), test=str(test), encoder="hashing", out=str(out)
    )
    report = json.loads(out.read_text(encoding="utf-8"))
    data = read_dataset(tmp_path, train, test)
    same = evaluate(data.rules, Matcher(make_encoder("hashing")), data.test).report
    assert {**report, "fit_s": 0} == {**json.loads(json.dumps(same)), "fit_s": 0}
    assert report["accuracy"] > 0.8
    assert len(figures_of(notebook)) == 3


@pytest.mark.slow
async def test_the_campaign_notebook_says_what_the_api_says(tmp_path, simulator):
    campaign_id, engine, path = await one_campaign(tmp_path, simulator)
    out = tmp_path / "report.json"
    given = {"path": str(path), "campaign": campaign_id, "zone": engine.timezone, "out": str(out)}
    notebook = await asyncio.to_thread(execute, tmp_path, "04_campaign_report", **given)
    found = CampaignReport.model_validate_json(out.read_text(encoding="utf-8"))
    for name in SAME:
        assert getattr(found, name) == getattr(engine, name), name
    assert found.campaign.counts == engine.campaign.counts
    assert len(figures_of(notebook)) == 5


@pytest.mark.slow
def test_the_campaign_notebook_makes_a_sample_where_there_is_no_log(tmp_path):
    out = tmp_path / "report.json"
    notebook = execute(tmp_path, "04_campaign_report", recipients=300, language="ar", out=str(out))
    report = CampaignReport.model_validate_json(out.read_text(encoding="utf-8"))
    assert report.campaign.counts.total == 300
    assert len(figures_of(notebook)) == 5


@pytest.mark.slow
def test_reviewing_writes_what_was_accepted_and_looks_again(tmp_path):
    folder, out = tmp_path / "rules", tmp_path / "figures.json"
    folder.mkdir()
    rule = "version: 1\nrules:\n  - id: hours\n    examples: {en: [when do you open, opening hours, open on friday]}\n"
    (folder / "shop.yaml").write_text(f"{rule}    replies: {{en: [{{text: From nine.}}]}}\n", encoding="utf-8")
    asked = ["do you wrap gifts", "gift wrap please", "can you gift wrap", "wrap it as a gift", "gift wrapping free?"]
    lines = [json.dumps({"text": text, "from": f"c{n}"}) for n, text in enumerate([*asked, "opening hours"])]
    messages = tmp_path / "m.jsonl"
    messages.write_text("\n".join(lines), encoding="utf-8")
    notebook = execute(
        tmp_path, "05_review_suggestions", rules=str(folder), messages=str(messages), encoder="hashing", least=3,
        out=str(out),
    )  # fmt: skip
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["counts"]["messages"] == 6
    assert found["again"]["answered"] > found["counts"]["answered"] >= 1
    assert [each["kind"] for each in found["suggestions"]] == ["new_rule"]
    assert found["open"] == []
    written = (folder / found["written"][0]).read_text(encoding="utf-8")
    assert all(line[1:] in written for line in found["diffs"][0].splitlines() if line.startswith("+  "))
    assert len(figures_of(notebook)) == 1


@pytest.mark.slow
def test_the_traffic_notebook_says_what_the_log_holds(tmp_path):
    path = write_sample(tmp_path / "t.duckdb", 200)
    out = tmp_path / "figures.json"
    notebook = execute(tmp_path, "06_traffic", path=str(path), days=3, language="ar", out=str(out))
    found = json.loads(out.read_text(encoding="utf-8"))
    events = list(sample_events(200))
    last = max(event.created for event in events if event.type == "message.received")
    end = last // QUARTER * QUARTER + QUARTER
    spans = {"now": (end - 3 * DAY, end), "before": (end - 6 * DAY, end - 3 * DAY)}
    for name, (since, until) in spans.items():
        inside = [event for event in events if since <= event.created < until]
        assert found[name]["received"] == sum(event.type == "message.received" for event in inside)
        assert found[name]["answered"] == sum(event.type == "smartbot.reply" for event in inside)
    assert found["decided"] == found["now"]["decided"]
    assert found["source"] == "file"
    assert len(figures_of(notebook)) == 6


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
    outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    for needle in (str(FOLDER.parent), "/home/", "/root/", "/tmp/", "/usr/", "Traceback"):
        assert needle not in text


def test_there_is_a_notebook():
    assert [source.stem for source in SOURCES] == [
        "01_first_look", "02_tune_thresholds", "03_evaluate_accuracy", "04_campaign_report", "05_review_suggestions",
        "06_traffic",
    ]  # fmt: skip
