"""``waqtor bench suggestions``: can the learning loop find intents that the rules do not have?

clinc150: rules are made of 120 of the 150 intents (10 examples each); messages of all 150 stream in as traffic, and
what the rules do not answer is clustered. An intent of the other 30 counts as recovered when a suggestion is
for it with a purity of 0.9. Then those clean suggestions are accepted, and the change in messages answered rightly,
measured on messages that nobody has seen, is compared with what the suggestions had promised.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from waqtor.benchmarks.result import result
from waqtor.errors import InvalidInput
from waqtor.settings import Settings
from waqtor.smartbot.crossfit import Matcher, outcome
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.ruleset import RuleSet, compile_rules
from waqtor.smartbot.samples import Sample, loaded_of, read_samples, rules_of
from waqtor.smartbot.scorer import Example
from waqtor.smartbot.suggestion_effect import Traffic
from waqtor.smartbot.suggestion_run import Recorded, propose
from waqtor.smartbot.suggestions import Suggestion

RECOVERED_FLOOR = 24
PURITY = 0.9
POINTS = 3.0
"""Most percentage points between promise and measurement."""
LEFT_OUT = 30
SERVED = 2000
"""Most messages that are answered already and looked at, as in the engine."""


def run(
    dataset: Path | None = None,
    *,
    encoder: str = "",
    seed: int = 7,
    known: int = 25,
    least: int = 10,
    intents: int = LEFT_OUT,
    keep: Path | None = None,
) -> list[dict[str, Any]]:
    """Measure.

    Args:
        dataset: Folder of clinc150 (``train.jsonl``, ``train_10.jsonl``, ``valid.jsonl``); default: the shared one.
        encoder: Default: the setting.
        seed: Chooses the intents that are left out.
        known: Messages of each known intent in the traffic.
        least: Fewest messages of a suggestion.
        intents: How many are left out.
        keep: Folder in which the suggestions are left.

    Raises:
        InvalidInput: The data set is not there.
    """
    settings = Settings()
    folder = dataset or (settings.shared_dir / "data" / "clinc150" if settings.shared_dir else None)
    if folder is None or not (folder / "train_10.jsonl").is_file():
        raise InvalidInput("Name the folder of clinc150 with --dataset (or WAQTOR_SHARED_DIR).")
    train, few, fresh = (read_samples(folder / f"{name}.jsonl") for name in ("train", "train_10", "valid"))
    names = sorted({s.label for s in train if s.label})
    out = set(random.Random(seed).sample(names, intents))
    matcher = Matcher(make_encoder(encoder or settings.encoder), settings.data_dir / "cache" / "eval")
    rules = _fitted(matcher, [s for s in few if s.label not in out], [], settings.bot_threshold)
    stream = _stream(train, few, out, known, seed)
    truth = {f"m{i}": s.label for i, s in enumerate(stream)}
    recorded, served = _unanswered(rules, matcher, stream)
    traffic = Traffic(len(stream), len(stream) - len(recorded), tuple(served))
    began = time.perf_counter()
    found = propose(rules, matcher, recorded, traffic, least=least, threshold=settings.bot_threshold)
    seconds = time.perf_counter() - began
    labels = {s.id: Counter(truth[m] for m in s.members).most_common(1)[0] for s in found.suggestions}
    # A person who looks at the messages rejects what is not clean, and makes a new rule of a group for which the wrong
    # rule would be extended. Looked at again, the suggestions that are left promise what is then accepted.
    for s in found.suggestions:
        if labels[s.id][1] < PURITY * len(s.members):
            s.status = "rejected"
        elif s.kind == "extend" and s.rule_id != labels[s.id][0]:
            s.kind, s.rule_id, s.edited = "new_rule", f"{s.rule_id}_{s.id[-6:].lower()}", True
    again = propose(
        rules, matcher, recorded, traffic, held=found.suggestions, least=least, threshold=settings.bot_threshold,
    )  # fmt: skip
    labels.update({s.id: Counter(truth[m] for m in s.members).most_common(1)[0] for s in again.suggestions})
    taken = [s for s in again.suggestions if labels[s.id][1] >= PURITY * len(s.members)]
    clean = {str(labels[s.id][0]) for s in taken} & out
    promised = sum(_change(s) for s in taken)
    accepted = _fitted(
        matcher, [s for s in few if s.label not in out], _examples(taken, stream), settings.bot_threshold
    )
    means = {s.rule_id: str(labels[s.id][0]) for s in taken if s.kind == "new_rule"}
    # The fresh messages come in the same mixture as the stream: weights, because the data set has 20 of each.
    weight = {name: (100.0 if name in out else float(known)) for name in names}
    before = _right(rules, matcher, fresh, {}, weight)
    after = _right(accepted, matcher, fresh, means, weight)
    measured, gap = after - before, 100 * abs(promised - (after - before))
    if keep is not None:
        _keep(keep, found.suggestions, labels)
    return [
        result(
            "suggestions.recovered", len(clean), "intents", floor=RECOVERED_FLOOR if intents == LEFT_OUT else None,
            left_out=len(out), suggestions=len(found.suggestions), accepted=len(taken),
            unanswered=len(recorded), messages=len(stream),
            purity=PURITY, seconds=round(seconds, 1), encoder=encoder or settings.encoder,
            not_recovered=sorted(out - clean),
        ),
        {
            **result(
                "suggestions.gain", 100 * measured, "points", peer="promised", peer_value=100 * promised,
                before=round(before, 4), after=round(after, 4), gap_points=round(gap, 2), most_gap=POINTS,
            ),
            "ok": gap <= POINTS,
        },
    ]  # fmt: skip


def _stream(train: Sequence[Sample], few: Sequence[Sample], out: set[str], known: int, seed: int) -> list[Sample]:
    seen = {s.text for s in few}
    by: dict[str, list[Sample]] = {}
    for s in train:
        if s.label and (s.label in out or s.text not in seen):
            by.setdefault(s.label, []).append(s)
    found = [s for name, rows in sorted(by.items()) for s in (rows if name in out else rows[:known])]
    random.Random(seed).shuffle(found)
    return found


def _fitted(matcher: Matcher, samples: Sequence[Sample], more: Sequence[Example], threshold: float) -> RuleSet:
    rules = compile_rules(loaded_of(rules_of(samples)), threshold)
    added = rules_of([Sample(e.original, e.rule_id, "en") for e in more])
    extra = compile_rules(loaded_of(added), threshold)
    examples = tuple(sorted({*rules.examples, *extra.examples}))
    vectors, trusted = matcher.example_vectors(examples)
    fitted, _ = matcher.fit(examples, vectors, trusted)
    exact = {**extra.exact, **rules.exact}
    return replace(rules, rules={**extra.rules, **rules.rules}, examples=examples, exact=exact, scorer=fitted)


def _unanswered(rules: RuleSet, matcher: Matcher, stream: Sequence[Sample]) -> tuple[list[Recorded], list[str]]:
    assert rules.scorer is not None
    recorded, served = [], []
    for i, (sample, message) in enumerate(zip(stream, matcher.messages([s.text for s in stream]), strict=True)):
        found = outcome(message, rules.scorer, rules)
        rule = rules.rules.get(found.rule)
        if rule is None or found.score < rule.threshold[message.language]:
            recorded.append(Recorded(f"m{i}", "default", f"c{i}", sample.text, "silent"))
        else:
            served.append(sample.text)
    return recorded, served[:SERVED]


def _examples(suggestions: Sequence[Suggestion], stream: Sequence[Sample]) -> list[Example]:
    return [
        Example(s.rule_id, stream[int(message[1:])].text, "en", False, stream[int(message[1:])].text)
        for s in suggestions
        for messages in s.examples.values()
        for message in messages
    ]


def _right(
    rules: RuleSet, matcher: Matcher, fresh: Sequence[Sample], means: Mapping[str, str], weight: Mapping[str, float]
) -> float:
    """Share of messages answered, and rightly, in the mixture of the stream."""
    assert rules.scorer is not None
    right = whole = 0.0
    samples = [s for s in fresh if s.label]
    for sample, message in zip(samples, matcher.messages([s.text for s in samples]), strict=True):
        found = outcome(message, rules.scorer, rules)
        rule = rules.rules.get(found.rule)
        whole += weight[str(sample.label)]
        if rule is not None and found.score >= rule.threshold[message.language]:
            right += weight[str(sample.label)] * (means.get(found.rule, found.rule) == sample.label)
    return right / whole


def _change(suggestion: Suggestion) -> float:
    effect = suggestion.effect or {}
    return float(effect.get("after", 0.0)) - float(effect.get("before", 0.0))


def _keep(folder: Path, suggestions: Sequence[Suggestion], labels: Mapping[str, tuple[Any, int]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "suggestions.jsonl").open("w", encoding="utf-8") as file:
        for s in suggestions:
            row = {
                "kind": s.kind, "rule_id": s.rule_id, "words": s.words, "messages": s.messages,
                "intent": labels[s.id][0],
                "purity": round(labels[s.id][1] / len(s.members), 3), "effect": s.effect,
            }  # fmt: skip
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
