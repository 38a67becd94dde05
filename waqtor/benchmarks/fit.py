"""``waqtor bench fit``: how long it takes to learn rules, to take over an edited one, and to give the first answer.

* ``large``: 77 rules with 130 examples each (BANKING77's training and validation rows where ``WAQTOR_SHARED_DIR`` names
  the shared data: nothing is judged here; else made-up sentences), from rules in memory and vectors in the cache to a
  scorer that serves, calibration included.
* ``small``: the same of 40 rules with 12 examples each; the median of five.
* ``edit`` and ``cold``: see :mod:`waqtor.benchmarks.liverules`.

The peer, on the same rows in the same run, is what one would reach for first: tf-idf of 2- to 4-grams within words and
a linear support vector machine (scikit-learn), without any confidence.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from waqtor.benchmarks.result import result
from waqtor.settings import Settings
from waqtor.smartbot.compiler import encoded, trusted_examples
from waqtor.smartbot.encoders import Encoder, VectorCache, make_encoder
from waqtor.smartbot.fit_cache import Arrays, FitCache
from waqtor.smartbot.rule_names import name_examples
from waqtor.smartbot.ruleset import compile_rules
from waqtor.smartbot.samples import Sample, loaded_of, read_samples, rules_of
from waqtor.smartbot.scorer import FusedScorer

LARGE, SMALL = (77, 130), (40, 12)
"""Rules, and examples of each."""
MOST_S = {"large": 10.0, "small": 1.0}
REPEATS = {"large": 1, "small": 5}
PARTS = ("large", "small", "edit", "cold")
_SOUNDS = ("ka", "ru", "mi", "to", "lan", "der", "pos", "ti", "vel", "shi", "qua", "ber", "no", "fa", "gil", "zem")
_FRAMES = (
    "how do I {} the {}", "my {} is {}", "what about {} and {}", "please {} {} for me", "I can not {} my {}",
    "is there a {} for {}", "why was the {} {}", "{} {} again", "when will the {} {}", "the {} has a {}",
)  # fmt: skip


def run(
    *, parts: Sequence[str] = PARTS, dataset: Path | None = None, encoder: str = "", rate: float = 50.0,
    edits: int = 5, keep: Path | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Measure.

    Args:
        parts: Of :data:`PARTS`.
        dataset: JSONL of labelled messages to make rules of; default: see above.
        encoder: Default: the setting.
        rate: Messages a second that flow while rules are edited.
        edits: How many edits.
        keep: Folder in which the graph, vectors and logs are left.
    """
    from waqtor.benchmarks.liverules import live

    settings = Settings()
    name = encoder or settings.encoder
    rows = _rows(dataset, settings.shared_dir)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="waqtor-bench-", dir=Path.cwd()) as temporary:
        place = keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        made = make_encoder(name, place / "cache")
        for part, size in (("large", LARGE), ("small", SMALL)):
            if part in parts:
                found.append(_fitted(part, sized(rows, *size), made, place / "cache"))
        if {"edit", "cold"} & set(parts):
            made.encode(["the graph is made before the engine starts"])
            for graph in (place / "cache").glob("onnx*"):  # a folder of its own: a cache as large as its rules
                shutil.copytree(graph, place / "engine" / "cache" / graph.name, dirs_exist_ok=True)
            found += live(sized(rows, *SMALL), name, place / "engine", parts=parts, rate=rate, edits=edits)
    return found


def _fitted(part: str, samples: Sequence[Sample], encoder: Encoder, cache: Path) -> dict[str, Any]:
    loaded = loaded_of(rules_of(samples))
    vectors = VectorCache(cache, encoder)
    seconds, cpu = [], []
    examples = 0
    for number in range(REPEATS[part] + 1):
        began, used = time.perf_counter(), time.process_time()
        rules = compile_rules(loaded, 0.6)
        learned = [*rules.examples, *name_examples(rules.examples, trusted_examples(encoder, rules.examples))]
        rows, trusted = encoded(encoder, vectors, learned)
        if number == 0:  # the vectors are in the cache from here on, and scipy is loaded
            _scorer(encoder).fit(learned[:: max(1, len(learned) // 200)], rows[:: max(1, len(learned) // 200)],
                                 trusted[:: max(1, len(learned) // 200)])  # fmt: skip
            continue
        _scorer(encoder).fit(learned, rows, trusted)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        examples = len(rules.examples)
    took, most = float(np.median(seconds)), MOST_S[part]
    found = result(
        f"fit.{part}", took, "s", peer="tf-idf and LinearSVC", peer_value=_peer(samples), limit_s=most,
        cpu_s=round(float(np.median(cpu)), 3), slowest_s=round(max(seconds), 3), rules=len(loaded.rules),
        examples=examples, encoder=encoder.name,
    )  # fmt: skip
    found["ok"] = took < most
    return found


def _scorer(encoder: Encoder) -> FusedScorer:
    return FusedScorer(quick=encoder.light, cache=_Forgetful(None), encoder=encoder.name, parts=encoder.parts)


class _Forgetful(FitCache):
    """Keeps nothing, also in memory: every fit is a fit."""

    def get(self, key: str) -> Arrays | None:
        return None

    def put(self, key: str, arrays: Arrays) -> None:
        return


def _peer(samples: Sequence[Sample]) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    began = time.perf_counter()
    cells = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    LinearSVC().fit(cells.fit_transform([s.text for s in samples]), [s.label for s in samples])
    return time.perf_counter() - began


def _rows(dataset: Path | None, shared: Path | None) -> list[Sample]:
    banking = shared / "data" / "banking77" if shared is not None else None
    if dataset is not None:
        return [s for s in read_samples(dataset) if s.label is not None]
    if banking is not None and banking.is_dir():
        return [s for part in ("train", "valid") for s in read_samples(banking / f"{part}.jsonl")]
    return made_up(*LARGE)


def sized(rows: Sequence[Sample], labels: int, each: int) -> list[Sample]:
    """Return ``labels`` × ``each`` rows: at most so many of every label, what is missing from the larger ones."""
    grouped: dict[str, list[Sample]] = {}
    for row in rows:
        grouped.setdefault(str(row.label), []).append(row)
    chosen = sorted(grouped)[:labels]
    kept = [row for label in chosen for row in grouped[label][:each]]
    spare = [row for label in chosen for row in grouped[label][each:]]
    return kept + spare[: max(0, len(chosen) * each - len(kept))]


def made_up(labels: int, each: int, seed: int = 7) -> list[Sample]:
    """Return sentences about so many topics, each with words of its own beside common ones."""
    dice = random.Random(seed)

    def word() -> str:
        return "".join(dice.choices(_SOUNDS, k=dice.choice((1, 2, 2, 3))))

    common = [word() for _ in range(400)]
    rows: list[Sample] = []
    for topic in range(labels):
        own = [word() for _ in range(14)]
        texts: dict[str, None] = {}
        while len(texts) < each:
            pair = dice.choice(own), dice.choice(common if dice.random() < 0.5 else own)
            tail = " ".join(dice.choices(common, k=dice.randint(0, 6)))
            texts[f"{dice.choice(_FRAMES).format(*pair)} {tail}".strip()] = None
        rows += [Sample(text, f"topic_{topic:02d}", "en") for text in texts]
    return rows
