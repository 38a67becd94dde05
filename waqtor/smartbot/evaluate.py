"""How good the bot is on labelled messages, and whether its thresholds keep their promise on them.

The thresholds are chosen on the training side alone, see :mod:`waqtor.smartbot.crossfit` and
:mod:`waqtor.smartbot.thresholds`. Without test messages the rules' examples are cross-validated, and each part is
judged at thresholds that were chosen on the other parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from waqtor.smartbot.crossfit import Judged, Kind, Matcher, crossfit, judge, outcome
from waqtor.smartbot.metrics import Bools, Columns, summary, wilson
from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.ruleset import RuleSet
from waqtor.smartbot.samples import Sample
from waqtor.smartbot.thresholds import STRANGERS, Thresholds, choose_thresholds

Progress = Callable[[str], None]

BETTER_HIGH = ("accuracy", "macro_f1", "auroc", "coverage", "right_at_far")
BETTER_LOW = ("fpr95", "false_reply_rate", "ece")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The report and what it was made of.

    Attributes:
        report: The figures, ready for JSON.
        judged: The messages judged.
        columns: The same as numbers.
        thresholds: Chosen without looking at the messages judged (in cross-validation: those for all of the data).
        messages: Their texts.
    """

    report: dict[str, Any]
    judged: Judged
    columns: Columns
    thresholds: Thresholds
    messages: list[str]


@dataclass(frozen=True, slots=True)
class Options:
    """How thresholds are chosen; see :func:`waqtor.smartbot.thresholds.choose_thresholds`."""

    target: float = 0.05
    strict: bool = False
    strangers: float = STRANGERS
    by: tuple[str, ...] = ("language",)

    def choose(self, judged: Judged) -> Thresholds:
        """Return the thresholds for cross-fitted examples."""
        return choose_thresholds(judged, self.target, strict=self.strict, strangers=self.strangers, by=self.by)


def evaluate(
    rules: RuleSet,
    matcher: Matcher,
    test: Sequence[Sample],
    options: Options | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit on the rules' examples, choose thresholds by cross-fitting them, and judge test messages.

    Args:
        rules: Compiled rules.
        matcher: Fits and scores.
        test: Messages whose labels are rule ids; labels that no rule has count as out of scope.
        options: How thresholds are chosen.
        progress: Is told what goes on.
    """
    chosen = options or Options()
    thresholds = chosen.choose(crossfit(rules, matcher, progress=progress))
    judged, seconds = _judged(rules, matcher, test, progress)
    limits = [thresholds.of(*pair) for pair in zip(judged.rule, judged.language, strict=True)]
    shown = [s.lang or judged.language[i] for i, s in enumerate(test)]
    return _evaluation(judged, [s.text for s in test], np.array(limits), shown, thresholds, chosen, seconds, "test")


def traffic(rules: RuleSet, matcher: Matcher, samples: Sequence[Sample], progress: Progress | None = None) -> Judged:
    """Return what the fitted bot makes of labelled traffic, to choose thresholds on.

    Messages that are examples word for word are left out: the models have learned from them.
    """
    fresh = [s for s in samples if normalise(s.text) not in rules.exact]
    return _judged(rules, matcher, fresh, progress)[0]


def _judged(
    rules: RuleSet, matcher: Matcher, samples: Sequence[Sample], progress: Progress | None
) -> tuple[Judged, float]:
    vectors, trusted = matcher.example_vectors(rules.examples)
    scorer, seconds = matcher.fit(rules.examples, vectors, trusted)
    if progress is not None:
        progress(f"fitted {len(rules.examples)} examples in {seconds:.1f} s; judging {len(samples)} messages")
    outcomes = [outcome(message, scorer, rules) for message in matcher.messages([s.text for s in samples])]
    labels = [s.label if _answers(rules, s.label) else None for s in samples]
    kinds: list[Kind] = ["stranger" if label is None else "in" for label in labels]
    return judge(outcomes, labels, kinds), seconds


def _answers(rules: RuleSet, label: str | None) -> bool:
    return label is not None and label in rules.rules and rules.rules[label].rule.action != "ignore"


def cross_validate(
    rules: RuleSet, matcher: Matcher, options: Options | None = None, progress: Progress | None = None
) -> Evaluation:
    """Judge the rules' own examples by models and at thresholds that have not seen them."""
    chosen = options or Options()
    judged = crossfit(rules, matcher, progress=progress)
    vectors, trusted = matcher.example_vectors(rules.examples)
    _, seconds = matcher.fit(rules.examples, vectors, trusted)
    limits = np.full(len(judged), 1.01)
    turns = np.array(judged.turn, int)
    for turn in sorted(set(judged.turn)):
        others = chosen.choose(judged.where(turns != turn))
        for i in np.flatnonzero(turns == turn):
            limits[i] = others.of(judged.rule[i], judged.language[i])
    return _evaluation(
        judged, judged.text, limits, judged.language, chosen.choose(judged), chosen, seconds, "cross-validation"
    )


def _evaluation(
    judged: Judged, texts: list[str], limits: Any, languages: list[str], thresholds: Thresholds, options: Options,
    seconds: float, how: str,
) -> Evaluation:  # fmt: skip
    columns = columns_of(judged, judged.score >= limits)
    figures = summary(columns, options.target)
    tongues = np.array(languages, dtype=object)
    report: dict[str, Any] = {
        **{key: value for key, value in figures.items() if key not in ("n", "n_in_scope")},
        "n": figures["n"],
        "n_in_scope": figures["n_in_scope"],
        "fit_s": round(seconds, 3),
        "how": how,
        "target_far": options.target,
        "threshold": thresholds.overall.threshold,
        "thresholds": thresholds.as_dict(),
        "languages": {
            name: summary(columns.where(tongues == name), options.target)
            for name in sorted(set(languages))
            if 0 < (tongues == name).sum() < len(judged)
        },
        "rules": _per_rule(judged, columns),
        "confusions": _confusions(judged),
    }
    return Evaluation(report, judged, columns, thresholds, texts)


def columns_of(judged: Judged, answered: Bools) -> Columns:
    """Return outcomes as numbers."""
    names = sorted({*(label for label in judged.label if label), *judged.winner, *judged.rule} - {""})
    number = {name: i for i, name in enumerate(names)}
    gold = np.array([number[label] if label else -1 for label in judged.label], np.int64)
    guess = np.array([number.get(winner, -1) for winner in judged.winner], np.int64)
    return Columns(judged.score, judged.confidence, judged.right, gold >= 0, answered, gold, guess)


def _per_rule(judged: Judged, c: Columns) -> dict[str, dict[str, Any]]:
    label, winner, rule = (np.array(x, dtype=object) for x in (judged.label, judged.winner, judged.rule))
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({str(x) for x in {*label, *rule} if x}):
        mine, said = label == name, (winner == name) & c.inside
        hits = int((mine & said).sum())
        answered = c.answered & (rule == name)
        right = int((answered & c.right).sum())
        recall = hits / mine.sum() if mine.any() else None
        found[name] = {
            "n": int(mine.sum()),
            "recall": None if recall is None else round(recall, 4),
            "recall_ci": None if recall is None else [round(x, 4) for x in wilson(hits, int(mine.sum()))],
            "precision": round(hits / said.sum(), 4) if said.any() else None,
            "f1": round(2 * hits / (mine.sum() + said.sum()), 4) if mine.any() or said.any() else None,
            "answered": int(answered.sum()),
            "wrong_replies": int(answered.sum()) - right,
        }
    return found


def _confusions(judged: Judged, most: int = 30) -> list[dict[str, Any]]:
    """Pairs of the right rule and the one chosen in its stead, in scope, the most frequent first."""
    pairs = Counter(
        (label, winner) for label, winner in zip(judged.label, judged.winner, strict=True) if label and label != winner
    )
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [{"label": label, "predicted": winner or None, "n": n} for (label, winner), n in ordered]


def regressions(report: dict[str, Any], baseline: dict[str, Any]) -> list[str]:
    """Return where a report is worse than a baseline by more than both intervals explain.

    The difference is compared with the root of the squared half-widths' sum, as for two independent samples.
    """
    found: list[str] = []
    for key in (*BETTER_HIGH, *BETTER_LOW):
        new, old = report.get(key), baseline.get(key)
        if not isinstance(old, int | float):
            continue
        if not isinstance(new, int | float):
            found.append(f"{key}: was {old:.4f}, is not there any more")
            continue
        worse = old - new if key in BETTER_HIGH else new - old
        noise = float(np.hypot(_half(report, key), _half(baseline, key)))
        if worse > max(noise, 1e-9):
            found.append(f"{key}: {old:.4f} → {new:.4f}, worse by {worse:.4f} where noise explains {noise:.4f}")
    return found


def _half(report: dict[str, Any], key: str) -> float:
    interval = report.get(f"{key}_ci")
    if not (isinstance(interval, list) and len(interval) == 2):
        return 0.0
    return abs(float(interval[1]) - float(interval[0])) / 2
