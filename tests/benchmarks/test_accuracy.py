from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.notebooks.labelled_samples import write_samples
from waqtor.benchmarks.accuracy import Answers, figures, platform, run
from waqtor.errors import InvalidInput
from waqtor.smartbot.samples import Sample

TEST = [Sample("a", "x"), Sample("b", "y"), Sample("c", None), Sample("d", "x")]


def test_everybody_is_judged_by_the_same_rule_whatever_the_scale_of_the_scores() -> None:
    margins = figures(TEST, Answers(["x", "y", "x", "y"], [-0.1, -0.2, -0.5, -0.9]))
    shares = figures(TEST, Answers(["x", "y", "x", "y"], [0.9, 0.8, 0.5, 0.1]))
    assert margins == shares
    assert shares["accuracy"] == pytest.approx(2 / 3, abs=1e-6)
    assert shares["auroc"] == pytest.approx(2 / 3, abs=1e-6)  # the third in scope scores below the stranger
    assert shares["right_at_far"] == 0.5


def test_no_answer_is_never_a_reply_however_sure() -> None:
    found = figures(TEST, Answers(["x", None, None, "x"], [0.4, 0.99, 0.99, 0.3]))
    assert found["right_at_far"] == 0.5
    assert found["accuracy"] == pytest.approx(2 / 3, abs=1e-6)


def recorded(path: Path, rows: list[tuple[str, str, float]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence", "predicted_node", "predicted_node_score"])
        writer.writerows(rows)
    return path


def test_recorded_answers_to_other_messages_are_refused(tmp_path: Path) -> None:
    rows = [("a", "x", 0.9), ("b", "NO_NODES_DETECTED", 0.8), ("c ", "x", 0.5), ("d", "x", 0.1)]
    path = recorded(tmp_path / "rasa_bot.csv", rows)
    assert platform(path, TEST) == Answers(["x", None, "x", "x"], [0.9, 0.8, 0.5, 0.1])
    with pytest.raises(InvalidInput, match="answers 4 messages, 3 of which"):
        platform(path, [*TEST[:3], Sample("other", "x")])
    with pytest.raises(InvalidInput, match="answers 4 messages"):
        platform(path, TEST[:3])


@pytest.mark.slow
def test_a_peer_and_a_recorded_platform_stand_beside_the_bot(tmp_path: Path) -> None:
    folder, records, kept = tmp_path / "my_bot", tmp_path / "records", tmp_path / "kept"
    folder.mkdir()
    records.mkdir()
    _, test = write_samples(folder)
    rows = [json.loads(line) for line in test.read_text(encoding="utf-8").splitlines()]
    recorded(records / "oracle_bot.csv", [(r["text"], r["label"] or "NO_NODES_DETECTED", 1.0) for r in rows])
    recorded(records / "another_shop.csv", [("x", "y", 1.0)])
    svm, oracle = run(
        [folder], platforms=records, peers=["linear_svm"], python=tmp_path / "none", encoder="hashing", keep=kept
    )
    assert (svm["name"], svm["peer"], svm["unit"]) == ("accuracy, my_bot", "linear_svm", "right_at_far")
    in_scope = sum(r["label"] is not None for r in rows)
    assert (svm["n"], svm["n_in_scope"]) == (len(rows), in_scope)
    assert svm["accuracy"] > 0.8
    assert svm["peer_figures"]["accuracy"] > 0.8
    assert oracle["peer"] == "oracle"
    assert oracle["peer_value"] == pytest.approx(in_scope / len(rows), abs=1e-3)
    assert oracle["ok"] == (oracle["ratio"] >= 1.0)
    answers = [json.loads(line) for line in (kept / "my_bot" / "waqtor.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"location", "الدفع"} <= {a["label"] for a in answers}
    assert len((kept / "my_bot" / "linear_svm.jsonl").read_text(encoding="utf-8").splitlines()) == len(rows)


def test_an_unknown_peer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nobody"):
        run([tmp_path], peers=["nobody"])
