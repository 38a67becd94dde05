"""Figures of how good the bot is, each with a 95 % interval.

Shares have Wilson's interval (Wilson 1927); everything else the percentiles of a bootstrap over messages (Efron 1979),
drawn with a fixed seed, so that equal data give equal intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Interval = tuple[float, float]

DRAWS = 400
BINS = 15
_SEED = 20
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Columns:
    """What the figures are made of, one row per message.

    Attributes:
        score: What is held against the threshold.
        confidence: Stated probability that answering is right.
        right: Whether answering by the chosen rule would be right.
        inside: Whether a rule should answer.
        answered: Whether the bot answers, at the chosen thresholds.
        gold: Number of the right rule, -1 for none.
        guess: Number of the best rule, -1 for none.
    """

    score: Floats
    confidence: Floats
    right: Bools
    inside: Bools
    answered: Bools
    gold: Ints
    guess: Ints

    def where(self, keep: Bools) -> Columns:
        """Return the rows of a mask."""
        return Columns(
            self.score[keep], self.confidence[keep], self.right[keep], self.inside[keep],
            self.answered[keep], self.gold[keep], self.guess[keep],
        )  # fmt: skip


def wilson(hits: float, n: int) -> Interval:
    """Return Wilson's 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def auroc(inside: Floats, outside: Floats) -> float:
    """Return the probability that a message in scope scores above one out of scope; ties count half."""
    both = np.concatenate([inside, outside])
    return float(
        _auroc(both, np.r_[np.ones(len(inside), bool), np.zeros(len(outside), bool)], np.ones((1, len(both))))[0]
    )


def fpr95(inside: Floats, outside: Floats) -> float:
    """Return the share of out-of-scope messages accepted where 95 % of those in scope are."""
    both = np.concatenate([inside, outside])
    return float(
        _fpr95(both, np.r_[np.ones(len(inside), bool), np.zeros(len(outside), bool)], np.ones((1, len(both))))[0]
    )


def macro_f1(gold: Ints, guess: Ints) -> float:
    """Return the mean F1 over the classes that occur in ``gold``."""
    return float(_macro_f1(gold, guess, np.ones((1, len(gold))))[0])


def right_at(score: Floats, right: Bools, target: float) -> float:
    """Return the share answered rightly at the best threshold with at most ``target`` of all answered wrongly."""
    return float(_right_at(score, right, target, np.ones((1, len(score))))[0])


def ece(confidence: Floats, right: Bools, bins: int = BINS) -> float:
    """Return the expected calibration error over equally wide bins (Guo et al. 2017)."""
    return float(_ece(confidence, right, np.ones((1, len(right))), bins)[0])


def reliability(confidence: Floats, right: Bools, bins: int = BINS) -> list[tuple[float, float, int]]:
    """Return (mean confidence, share right, messages) of every bin that holds messages."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (float(confidence[place == b].mean()), float(right[place == b].mean()), int((place == b).sum()))
        for b in np.unique(place)
    ]


def risk_coverage(score: Floats, right: Bools) -> tuple[Floats, Floats, Floats]:
    """Return thresholds (highest first) with the shares of all messages answered rightly and wrongly from each on."""
    cuts, good, wrong = _swept(score, right, np.ones((1, len(score))))
    return cuts, good[0], wrong[0]


def summary(c: Columns, target: float, draws: int = DRAWS) -> dict[str, float | int | list[float] | None]:
    """Return every figure and its interval; figures that the data cannot give are ``None``.

    Args:
        c: The messages.
        target: Wrong replies per message that ``right_at_far`` allows.
        draws: Of the bootstrap.
    """
    n, inside = len(c.score), c.inside
    found: dict[str, float | int | list[float] | None] = {"n": n, "n_in_scope": int(inside.sum())}

    def share(name: str, mask: Bools) -> None:
        hits, total = int(mask.sum()), len(mask)
        found[name] = round(hits / total, 6) if total else None
        found[f"{name}_ci"] = _rounded(wilson(hits, total)) if total else None

    def drawn(name: str, rows: Bools, figure: Callable[[Columns, Floats], Floats]) -> None:
        part = c.where(rows)
        if not len(part.score):
            found[name] = found[f"{name}_ci"] = None
            return
        found[name] = round(float(figure(part, np.ones((1, len(part.score))))[0]), 6)
        found[f"{name}_ci"] = _rounded(_bootstrap(part, figure, draws))

    every = np.ones(n, bool)
    share("accuracy", (c.gold == c.guess)[inside])
    drawn("macro_f1", inside, lambda p, w: _macro_f1(p.gold, p.guess, w))
    ranked = every if inside.any() and not inside.all() else ~every
    drawn("auroc", ranked, lambda p, w: _auroc(p.score, p.inside, w))
    drawn("fpr95", ranked, lambda p, w: _fpr95(p.score, p.inside, w))
    share("coverage", c.answered)
    share("false_reply_rate", c.answered & ~c.right)
    share("right_reply_rate", c.answered & c.right)
    drawn("right_at_far", every, lambda p, w: _right_at(p.score, p.right, target, w))
    drawn("ece", every, lambda p, w: _ece(p.confidence, p.right, w, BINS))
    return found


def _rounded(interval: Interval) -> list[float]:
    return [round(interval[0], 6), round(interval[1], 6)]


def _bootstrap(c: Columns, figure: Callable[[Columns, Floats], Floats], draws: int) -> Interval:
    rng = np.random.default_rng(_SEED)
    n = len(c.score)
    size = max(1, min(draws, 2_000_000 // n))
    values: list[Floats] = []
    for start in range(0, draws, size):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=min(size, draws - start)).astype(float)
        values.append(figure(c, weights))
    drawn = np.concatenate(values)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return 0.0, 1.0
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _tied(score: Floats, weights: Floats, masks: list[Bools]) -> tuple[Floats, list[Floats]]:
    """Weights of each mask summed over equal scores, highest score first, shape (draws, distinct scores)."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return ordered[starts], [np.add.reduceat(weights[:, order] * mask[order], starts, axis=1) for mask in masks]


def _auroc(score: Floats, inside: Bools, weights: Floats) -> Floats:
    _, (good, bad) = _tied(score, weights, [inside, ~inside])
    above = np.cumsum(good, axis=1) - good
    total = good.sum(axis=1) * bad.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(((above + good / 2) * bad).sum(axis=1) / total, float)


def _fpr95(score: Floats, inside: Bools, weights: Floats) -> Floats:
    _, (good, bad) = _tied(score, weights, [inside, ~inside])
    reached = np.cumsum(good, axis=1) >= 0.95 * good.sum(axis=1, keepdims=True) - 1e-9
    first = reached.argmax(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.cumsum(bad, axis=1) / bad.sum(axis=1, keepdims=True)
    return np.asarray(share[np.arange(len(share)), first], float)


def _macro_f1(gold: Ints, guess: Ints, weights: Floats) -> Floats:
    classes = np.unique(gold)
    mine = (gold[:, None] == classes).astype(float)
    said = (guess[:, None] == classes).astype(float)
    hits = weights @ (mine * said)
    both = weights @ mine + weights @ said
    f1 = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
    present = (weights @ mine) > 0
    return np.asarray((f1 * present).sum(axis=1) / np.maximum(1, present.sum(axis=1)), float)


def _swept(score: Floats, right: Bools, weights: Floats) -> tuple[Floats, Floats, Floats]:
    cuts, (good, bad) = _tied(score, weights, [right, ~right])
    total = weights.sum(axis=1, keepdims=True)
    able = cuts >= 0
    return cuts[able], np.cumsum(good, axis=1)[:, able] / total, np.cumsum(bad, axis=1)[:, able] / total


def _right_at(score: Floats, right: Bools, target: float, weights: Floats) -> Floats:
    _, good, wrong = _swept(score, right, weights)
    return np.asarray(np.where(wrong <= target + 1e-12, good, 0.0).max(axis=1, initial=0.0), float)


def _ece(confidence: Floats, right: Bools, weights: Floats, bins: int) -> Floats:
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    member = (place[:, None] == np.arange(bins)).astype(float)
    gap = weights @ (member * (right.astype(float) - confidence)[:, None])
    return np.asarray(np.abs(gap).sum(axis=1) / weights.sum(axis=1), float)
