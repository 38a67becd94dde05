"""Thresholds with a promise: the least confidence at which wrong replies stay as rare as was asked for.

A threshold that looks best on data breaks its promise on the next data about half of the time. Two rules avoid that.

* :func:`limit_wrong_replies` (the default) is conformal risk control: Angelopoulos, Bates, Fisch, Lei and Schuster,
  "Conformal Risk Control", 2022 (arXiv 2208.02814), theorem 1. The loss of a message is 1 when it gets a wrong reply.
  It can only fall as the threshold rises, so the least threshold with ``(wrong + 1) / (n + 1) <= target`` keeps the
  *expected* share of messages with a wrong reply at the target, whatever the distribution and for any n. With weights
  it is the variant for a known shift of the mixture (section 4 there; Tibshirani et al. 2019, arXiv 1904.06019).
* :func:`limit_wrong_among_replies` (strict) bounds the share of wrong ones *among the replies*, with a stated
  confidence: Learn-then-Test by a fixed sequence (Angelopoulos, Bates, Candès, Jordan and Lei 2021, arXiv 2110.01052)
  with the exact binomial bound of Clopper and Pearson (Biometrika 26, 1934). It may find no threshold.

What both promise is conditional: future messages must be like the calibration data. Where that is labelled traffic,
the promise is about traffic like it. Where it is made from the rules' examples (:mod:`waqtor.smartbot.crossfit`), it is
about messages worded like the examples, a stated share of which belongs to no rule; examples of left-out rules stand
for those.
Scores from several cross-fitted models are used as if from one, which is an approximation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waqtor.smartbot.crossfit import Judged

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STRANGERS = 0.5
"""Share of messages that belong to no rule, assumed where only the rules' examples are known.

Of the real messages in HINT3's three bots 36 to 72 % belong to no rule."""
CONFIDENCE = 0.9
"""Of the strict promise."""
LANGUAGE_FLOOR = 100
"""Messages from which a language gets a threshold of its own."""
_FALLS_BACK = {"arabizi": "ar", "other": "en"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold and what speaks for it.

    Attributes:
        threshold: Least score to answer; ``None`` when the evidence does not suffice.
        messages: How many messages spoke.
        wrong: Share of them that would get a wrong reply.
        right: Share of them that would get the right one.
        bound: What the promise rests on, at most the target.
        needed: Messages (strict: replies) without a fault that a promise takes at least.
        note: Why there is none; else empty.
    """

    threshold: float | None
    messages: int
    wrong: float = 0.0
    right: float = 0.0
    bound: float = 1.0
    needed: int = 0
    note: str = ""


def needed_messages(target: float) -> int:
    """Return how many messages conformal risk control takes at least: ``1 / (n + 1) <= target``."""
    return max(1, math.ceil(1 / target - 1 - 1e-9))


def needed_replies(target: float, confidence: float = CONFIDENCE) -> int:
    """Return how many faultless replies the strict promise takes: ``(1 - target)^n <= 1 - confidence``."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - target))


def upper_bound(wrong: int, replies: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper Clopper–Pearson bound on a share."""
    if replies == 0 or wrong >= replies:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(wrong + 1, replies - wrong, confidence))


def limit_wrong_replies(score: Floats, right: Bools, target: float, weights: Floats | None = None) -> Choice:
    """Choose the least threshold that keeps expected wrong replies per message at the target (see above).

    Args:
        score: What is held against the threshold; messages below 0 are never answered.
        right: Whether answering is right.
        target: Wrong replies per message, above 0 and below 1.
        weights: Weight of each message, for a mixture other than the sample's.
    """
    n = len(score)
    need = needed_messages(target)
    w = np.ones(n) if weights is None else np.asarray(weights, float)
    total, heaviest = float(w.sum()), float(w.max(initial=0.0))
    if n == 0 or heaviest <= 0 or heaviest / (total + heaviest) > target + 1e-12:
        more = max(need, math.ceil(n * need * heaviest / total) if total > 0 else need)
        return Choice(
            None, n, needed=max(need, more), note=f"not enough evidence: {n} messages, needs {max(need, more)}"
        )
    cuts, wrong, good = _sums(score, right, w)
    bound = (wrong + heaviest) / (total + heaviest)
    kept = np.flatnonzero(bound <= target + 1e-12)
    if not len(kept):
        if len(cuts) == 0:
            return Choice(None, n, needed=need, note="no message would be answered at any threshold")
        note = "no threshold keeps the promise: messages with the highest confidence are wrong too often"
        return Choice(None, n, float(wrong[0] / total), float(good[0] / total), float(bound[0]), need, note)
    at = int(kept[-1])
    below = float(cuts[at + 1]) if at + 1 < len(cuts) else float(cuts[at])
    return Choice(
        _between(below, float(cuts[at])),
        n,
        float(wrong[at] / total),
        float(good[at] / total),
        float(bound[at]),
        need,
    )


def limit_wrong_among_replies(score: Floats, right: Bools, target: float, confidence: float = CONFIDENCE) -> Choice:
    """Choose the least threshold whose share of wrong replies is below the target with the stated confidence.

    Thresholds are tested from the strictest on, and the first that fails ends the sequence. The sequence starts
    where one wrong reply would be borne, if there are so many replies; where it starts depends on the scores alone.

    Args:
        score: What is held against the threshold; messages below 0 are never answered.
        right: Whether answering is right.
        target: Wrong replies per reply.
        confidence: Probability over the calibration data that the promise holds.
    """
    n = len(score)
    need = needed_replies(target, confidence)
    cuts, wrong, good = _sums(score, right, np.ones(n))
    replies = (wrong + good).astype(int)
    if not len(cuts) or replies[-1] < need:
        have = int(replies[-1]) if len(replies) else 0
        return Choice(None, n, needed=need, note=f"not enough evidence: {have} replies, needs {need} without a fault")
    patient = next(m for m in range(need, 10 * need + 20) if upper_bound(1, m, confidence) <= target)
    first = patient if replies[-1] >= patient else need
    at, reached, tested = -1, 1.0, 0
    for i in np.flatnonzero(replies >= first):
        if tested and replies[i] < tested * 1.02 and i != len(cuts) - 1:
            continue  # a coarser sequence; it loses next to nothing
        tested = int(replies[i])
        bound = upper_bound(int(wrong[i]), tested, confidence)
        if bound > target:
            break
        at, reached = int(i), bound
    if at < 0:
        note = f"not enough evidence: the first {tested} replies hold too many faults; needs {need} without one"
        return Choice(None, n, needed=need, note=note)
    below = float(cuts[at + 1]) if at + 1 < len(cuts) else float(cuts[at])
    return Choice(_between(below, float(cuts[at])), n, float(wrong[at] / n), float(good[at] / n), reached, need)


def _sums(score: Floats, right: Bools, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Distinct scores from 0 up, highest first, with the weight answered wrongly and rightly from each on."""
    order = np.argsort(-score, kind="stable")
    cuts = score[order]
    last = np.r_[cuts[1:] != cuts[:-1], True][: len(cuts)] & (cuts >= 0)
    wrong = np.cumsum(np.where(right, 0.0, weights)[order])
    good = np.cumsum(np.where(right, weights, 0.0)[order])
    return cuts[last], wrong[last], good[last]


def _between(below: float, at: float) -> float:
    """The middle between a score that must not be answered and one that may, with four digits where they allow it."""
    middle = max(0.0, (max(below, 0.0) + at) / 2)
    return next((r for digits in (4, 6) if below < (r := round(middle, digits)) <= at), at if below < at else middle)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of a rule set: overall, by language, by rule.

    Attributes:
        overall: For all messages together; serves where nothing nearer does.
        languages: By language (ar, en, arabizi).
        rules: By rule.
        target: What was asked for.
        strict: Whether wrong among replies is limited, instead of wrong replies per message.
        basis: What the promise is conditional on.
    """

    overall: Choice
    languages: Mapping[str, Choice] = field(default_factory=dict)
    rules: Mapping[str, Choice] = field(default_factory=dict)
    target: float = 0.05
    strict: bool = False
    basis: str = ""

    def of(self, rule: str, language: str) -> float:
        """Return the threshold for a rule in a language; above 1 where no promise could be made."""
        other = self.languages.get(_FALLS_BACK.get(language, ""))
        for choice in (self.rules.get(rule), self.languages.get(language), other):
            if choice is not None and choice.threshold is not None:
                return choice.threshold
        return self.overall.threshold if self.overall.threshold is not None else 1.01

    def promise(self) -> str:
        """Return what is promised, in a sentence."""
        if self.overall.threshold is None:
            return f"No promise: {self.overall.note}."
        if self.strict:
            return f"With {CONFIDENCE:.0%} confidence at most {self.target:.1%} of the replies are wrong, {self.basis}."
        return f"At most {self.target:.1%} of the messages are expected to get a wrong reply, {self.basis}."

    def as_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return {
            "promise": self.promise(),
            "overall": asdict(self.overall),
            "languages": {name: asdict(choice) for name, choice in self.languages.items()},
            "rules": {name: asdict(choice) for name, choice in self.rules.items()},
        }


def choose_thresholds(
    judged: Judged,
    target: float,
    *,
    strict: bool = False,
    strangers: float | None = STRANGERS,
    by: Sequence[str] = ("language",),
) -> Thresholds:
    """Choose thresholds from messages that the models have not learned from.

    Args:
        judged: Cross-fitted examples, or labelled traffic.
        target: Wrong replies per message, or (strict) per reply.
        strict: See :class:`Thresholds`.
        strangers: Share of out-of-scope messages to weigh the data to; ``None`` takes the data's own (traffic).
        by: ``language`` and ``rule``: what gets thresholds of its own where the data allow. By rule, the promise
            is kept among the messages that each rule would answer, which keeps it overall.
    """
    if strangers is None:
        basis = "on messages like the labelled traffic it was chosen on"
    else:
        basis = (
            f"on messages like the rules' own examples of which {strangers:.0%} belong to no rule "
            "(examples of left-out rules stand for those)"
        )
    overall = _choose(judged, target, strict, strangers)
    languages: dict[str, Choice] = {}
    rules: dict[str, Choice] = {}
    if "language" in by:
        languages = _by_language(judged, target, strict, strangers)
    if "rule" in by:
        w = _weights(judged, strangers)
        answering = np.array(judged.rule)
        floor = 2 * (needed_replies(target) if strict else needed_messages(target))
        for name in sorted(set(judged.rule) - {""}):
            mine = answering == name
            if mine.sum() >= floor:
                found = _on(judged.where(mine), target, strict, None if w is None else w[mine])
                if found.threshold is not None:
                    rules[name] = found
    return Thresholds(overall, languages, rules, target, strict, basis)


def _by_language(judged: Judged, target: float, strict: bool, strangers: float | None) -> dict[str, Choice]:
    tongue = np.array(judged.language)
    counts = {name: int((tongue == name).sum()) for name in sorted(set(judged.language))}
    groups = {name: [name] for name in ("ar", "en", "arabizi") if counts.get(name, 0) >= LANGUAGE_FLOOR}
    for name, other in _FALLS_BACK.items():  # those too few for a threshold of their own share one
        if name not in groups and other in groups and name in counts:
            groups[other].append(name)
    if len(groups) < 2:
        return {}
    return {
        name: _choose(judged.where(np.isin(tongue, members)), target, strict, strangers)
        for name, members in groups.items()
    }


def _choose(judged: Judged, target: float, strict: bool, strangers: float | None) -> Choice:
    return _on(judged, target, strict, _weights(judged, strangers))


def _on(judged: Judged, target: float, strict: bool, weights: Floats | None) -> Choice:
    if not strict:
        return limit_wrong_replies(judged.score, judged.right, target, weights)
    if weights is not None:
        judged = judged.where(_thinned(weights))
    return limit_wrong_among_replies(judged.score, judged.right, target)


def _weights(judged: Judged, strangers: float | None) -> Floats | None:
    """Weights that give out-of-scope messages their share; ``None`` where one side is missing or it is as it is."""
    outside = np.array([label is None for label in judged.label], bool)
    if strangers is None or not outside.any() or outside.all():
        return None
    shares = np.where(outside, strangers / outside.sum(), (1 - strangers) / (~outside).sum())
    return np.asarray(shares * len(judged), float)


def _thinned(weights: Floats) -> Bools:
    """An even sample in which each message stands as often as its weight says: the exact bound knows no weights."""
    share = weights / weights.max()
    keep = np.zeros(len(weights), bool)
    for value in np.unique(share):
        rows = np.flatnonzero(share == value)
        keep[rows[np.unique(np.linspace(0, len(rows) - 1, max(1, round(len(rows) * value))).astype(int))]] = True
    return keep
