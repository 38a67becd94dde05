"""A view of the examples: one kind of similarity, the head fitted on it, and what it would say of unseen messages.

There is one of the characters and, where the encoder knows a language, one of each part of its vectors (what the last
layer and a middle one say). Closeness is told by the characters and the last layer.

Calibration needs scores of messages that the heads have not learned from, some of them belonging to no rule.
They are made from the examples themselves: three times a third of the rules is left out altogether (their
examples play the strangers) and a quarter of the other rules' examples is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from waqtor.smartbot.calibration import Curve, fit_curve
from waqtor.smartbot.encoders import ENCODER_SHARE
from waqtor.smartbot.fit_threads import side_by_side
from waqtor.smartbot.heads import ALL_UP_TO, LANDMARKS, Head, evened, fit_logistic, fit_ridge, landmarks

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SEMANTIC_STRENGTH = 36.0
LEXICAL_STRENGTH = 10.0
SEMANTIC_LANDMARKS = 1000
"""Most examples that carry weights in a head on vectors: their few hundred numbers need no more."""
MIDDLE_SHARE = 0.25
"""Share of the encoder's middle layer in the encoder's probability: it knows words better, the last one topics."""
BEND = 0.25
"""Share of the squared cosine in what the encoder's heads learn on: pairs of traits count beside single ones."""
CLOSENESS = 1.25
"""Power of the cosine in a raw score beside the encoder: the higher, the less counts what resembles nothing."""
FOLDS = 3
STRANGERS = 0.5
"""Weight of all messages from outside the rules beside those from inside, in the calibration."""


@dataclass(frozen=True, slots=True)
class View:
    """Similarities among examples of one kind.

    Attributes:
        rows: Which examples it covers, sorted (all, or those in a language that the encoder knows).
        labels: Their class numbers.
        phrases: Positions in ``rows`` of what customers write: all but the names of rules.
        classes: Number of classes in all.
        columns: Positions in ``rows`` that carry the head's weights.
        head: The head fitted on all of them.
        bend: Share of the squared similarity in what the head works on.
        block: Gives the similarities of positions to positions.
        fit: Fits a head from (similarities, columns, labels).
        sample: Most examples that the calibration works with.
    """

    rows: Ints
    labels: Ints
    phrases: Ints
    classes: int
    columns: Ints
    head: Head
    bend: float
    block: Callable[[Ints, Ints], Floats]
    fit: Callable[[Floats, Ints, Ints], Head]
    sample: int = 1500

    def probabilities(self, similarities: Floats) -> Floats:
        """Return the head's class probabilities from similarities to the columns, shape (…, classes)."""
        return self.head.probabilities(bent(similarities, self.bend))

    def maxima(self, similarities: Floats) -> Floats:
        """Return the greatest similarity to a phrase per class; classes without phrases here are 0."""
        return _maxima(similarities, self.labels, self.phrases, self.classes)

    def phrases_of(self, number: int) -> Ints:
        """Return the positions of the phrases of a class."""
        mine: Ints = self.phrases[self.labels[self.phrases] == number]
        return mine


@dataclass(frozen=True, slots=True)
class Side:
    """What a view is made of: the rows it covers, their similarities, and how its head is fitted on these.

    Attributes:
        rows: Which examples.
        block: Gives the similarities of positions in ``rows`` to positions.
        strength: Inverse of the head's penalty.
        bend: See :class:`View`.
        most: Examples that carry weights, where there are more than ``all_up_to``.
        all_up_to: See :func:`waqtor.smartbot.heads.landmarks`.
    """

    rows: Ints
    block: Callable[[Ints, Ints], Floats]
    strength: float
    bend: float = 0.0
    most: int = LANDMARKS
    all_up_to: int = ALL_UP_TO


def bent(similarities: Floats, share: float) -> Floats:
    """Return a mixture of similarities and their squares, a similarity (positive definite) itself."""
    if not share:
        return similarities
    return np.asarray((1 - share) * similarities + share * similarities * similarities, np.float32)


def make_view(
    side: Side, labels: Ints, phrases: Bools, answerable: Bools, *, quick: bool, head: Head | None = None
) -> View:
    """Fit a head, unless it is known from before.

    Args:
        side: What the view is made of.
        labels: Class numbers of the side's rows.
        phrases: Which of the side's rows are what customers write.
        answerable: Which classes are answered; shape (classes,).
        quick: Fit ridge heads.
        head: The head known from before.
    """
    classes = len(answerable)

    def fit(similarities: Floats, columns: Ints, own: Ints) -> Head:
        gram = bent(similarities, side.bend)
        if quick:
            return fit_ridge(gram, columns, own, classes)
        return evened(fit_logistic(gram, columns, own, classes, side.strength), own, answerable)

    columns = landmarks(len(side.rows), side.most, side.all_up_to)
    head = head or fit(side.block(np.arange(len(side.rows)), columns), columns, labels)
    sample = 900 if quick else 1500
    places = np.flatnonzero(phrases)
    return View(side.rows, labels, places, classes, columns, head, side.bend, side.block, fit, sample)


def shares(views: int, encoder: float) -> tuple[float, ...]:
    """Return what each of so many views counts: the characters, then the encoder's parts, in all ``encoder``."""
    if views == 1:
        return (1.0,)
    deep = (1 - MIDDLE_SHARE, MIDDLE_SHARE) if views > 2 else (1.0,)
    return (1 - encoder, *(encoder * share for share in deep))


def _maxima(similarities: Floats, labels: Ints, phrases: Ints, classes: int) -> Floats:
    if len(phrases) < len(labels):
        similarities, labels = similarities[..., phrases], labels[phrases]
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    out = np.zeros((*similarities.shape[:-1], classes), np.float32)
    out[..., labels[starts]] = np.maximum.reduceat(similarities, starts, axis=-1)
    return out


def choose(p: Floats, close: Floats, answerable: Bools, *, mixed: bool) -> tuple[Ints, Floats]:
    """Return the answerable class with the highest raw score in each row, and that score."""
    raw = raw_scores(p, close, mixed=mixed)
    pick = np.where(answerable, raw, -1.0).argmax(axis=-1)
    return pick, raw[np.arange(len(p)), pick]


def raw_scores(p: Floats, close: Floats, *, mixed: bool) -> Floats:
    """Return the raw scores: the probability times the cosine to the nearest phrase, to a power beside the encoder."""
    near = np.clip(close, 0, 1)
    return np.asarray(np.clip(p, 0, 1) * (near ** np.float32(CLOSENESS) if mixed else near), np.float32)


def _by_characters(views: Sequence[View]) -> Ints:
    """The examples on which the characters-only curve is fitted: those the encoder does not know, if enough."""
    if len(views) < 2:
        return views[0].rows
    alone = np.setdiff1d(views[0].rows, views[1].rows)
    return alone if len(alone) >= 60 else views[0].rows


def calibrate(views: Sequence[View], labels: Ints, answerable: Bools) -> dict[bool, Curve]:
    """Return the curves from raw score to confidence: with the encoder (True) and by characters alone (False)."""
    classes = len(answerable)
    phrases = views[0].rows[views[0].phrases]
    subset = phrases[landmarks(len(phrases), views[0].sample)]
    pools = {False: _by_characters(views)} | ({True: views[1].rows} if len(views) > 1 else {})
    curves = {False: Curve(), True: Curve()}
    if classes < FOLDS:
        return curves
    turns = {
        mixed: [turn for fold in range(FOLDS) if (turn := _turn(views[0], labels, pool, subset, fold)) is not None]
        for mixed, pool in pools.items()
    }
    # The characters are asked for both curves; where both are about the same examples, once.
    alike = len(views) > 1 and np.array_equal(pools[False], pools[True])
    wanted = [
        (depth, mixed, turn)
        for mixed, found in turns.items()
        for turn in found
        for depth in range(len(views) if mixed else 1)
        if not (alike and mixed and depth == 0)
    ]
    works = [partial(_said, views[depth], labels, turn, classes) for depth, _, turn in wanted]
    answers = side_by_side(works, len(labels))
    said: dict[tuple[int, bool], list[tuple[Floats, Floats]]] = {}
    for (depth, mixed, _), answer in zip(wanted, answers, strict=True):
        said.setdefault((depth, mixed), []).append(answer)
    for mixed, found in turns.items():
        seen: list[tuple[Floats, Bools, Bools]] = []
        counts = shares(len(views), ENCODER_SHARE) if mixed else (1.0,)
        for number, turn in enumerate(found):
            parts = [said[depth, mixed and not (alike and depth == 0)][number] for depth in range(len(counts))]
            p = sum(share * part[0] for share, part in zip(counts, parts, strict=True))
            close = (parts[0][1] + parts[1][1]) / 2 if mixed else parts[0][1]
            pick, raw = choose(np.asarray(p, np.float32), np.asarray(close, np.float32), answerable, mixed=mixed)
            right = (pick == labels[turn.asked]) & answerable[labels[turn.asked]]
            seen.append((raw, right, turn.strange))
        if seen:
            curves[mixed] = _curve(*(np.concatenate(columns) for columns in zip(*seen, strict=True)))
    return curves


def _curve(raw: Floats, right: Bools, strange: Bools) -> Curve:
    outside_weight = STRANGERS * float((~strange).sum()) / max(1.0, float(strange.sum()))
    return fit_curve(raw, right, np.where(strange, min(1.0, outside_weight), 1.0).astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn of the calibration, as numbers of examples: who is asked, who is learned from.

    Attributes:
        asked: Held back, or of a class that is left out.
        strange: Which of ``asked`` are of a class that is left out.
        learned: All that is learned from, sorted.
        said: Those of ``learned`` that are phrases, not names.
    """

    asked: Ints
    strange: Bools
    learned: Ints
    said: Ints


def _turn(characters: View, labels: Ints, pool: Ints, subset: Ints, fold: int) -> _Turn | None:
    chosen = np.intersect1d(pool, subset)
    outside = labels[chosen] % FOLDS == fold
    rank = np.arange(len(chosen)) - np.searchsorted(labels[chosen], labels[chosen])
    held = ~outside & (rank % 4 == 3 - fold)
    asked, said = chosen[outside | held], chosen[~outside & ~held]
    if not len(asked) or len(np.unique(labels[said])) < 2:
        return None
    names = np.setdiff1d(characters.rows, characters.rows[characters.phrases])
    mine = np.intersect1d(names, pool)
    learned = np.union1d(said, mine[np.isin(labels[mine], labels[said])]).astype(np.int64)
    return _Turn(asked, np.isin(asked, chosen[outside]), learned, said)


def _said(view: View, labels: Ints, turn: _Turn, classes: int) -> tuple[Floats, Floats]:
    """Return what a view says of those asked: class probabilities, and the cosine to each class's nearest phrase."""
    known = np.searchsorted(view.rows, turn.learned)
    own = labels[turn.learned]
    head = view.fit(view.block(known, known), np.arange(len(known)), own)
    similar = view.block(np.searchsorted(view.rows, turn.asked), known)
    phrases = np.flatnonzero(np.isin(turn.learned, turn.said))
    return head.probabilities(bent(similar, view.bend)), _maxima(similar, own, phrases, classes)
