"""Linear classifiers on similarities: logistic regression, and ridge where speed counts more.

A head learns a weight per example and class, so that the scores of a message are its similarities to the
examples times the weights; the same similarities also name the nearest example. Above :data:`ALL_UP_TO` examples
the weights sit on an even sample of them (Nyström), which bounds memory and time.

Logistic regression is the default: with 10 examples a class it is 4 to 5 points better than ridge on frozen
sentence vectors (figures in docs/smartbot.md). Ridge is closed-form and serves the light encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Objective = Callable[[Floats], tuple[float, Floats]]
Pairs = list[tuple[Floats, Floats, float]]

LANDMARKS = 1500
"""Examples that carry weights where there are more than :data:`ALL_UP_TO`."""
ALL_UP_TO = 2250
RIDGE = 0.3
EVENNESS = 0.35
"""How far a rule's many examples are discounted: 0 not at all, 1 as if all rules had equally many."""
_CURVATURE = 0.02
_JITTER = 1e-3
_MEMORY = 8
_TOLERANCE, _TOLERANCE_OF_MANY = 1e-3, 6e-3
"""Of the greatest gradient component, of its first value. With many examples twice the steps change nothing."""
_SAMPLE = 400
_SHARPNESS = (3.0, 5.0, 8.0, 12.0, 18.0, 27.0, 40.0)


def landmarks(rows: int, most: int, all_up_to: int = 0) -> Ints:
    """Return the numbers of the rows that carry weights: all of few, or an even sample.

    Args:
        rows: How many there are.
        most: Size of the sample.
        all_up_to: So many rows carry weights all; at least an eighth above ``most``, since few left out would save
            little. A phrase without weight of its own is missed more easily.
    """
    if rows <= max(all_up_to, most + most // 8):
        return np.arange(rows)
    return np.unique(np.linspace(0, rows - 1, most).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head.

    Attributes:
        weights: Shape (landmarks, classes).
        present: Which classes it knows.
        sharpness: Of the softmax.
        discount: Taken from each class's score before the softmax; see :func:`evened`.
    """

    weights: Floats
    present: NDArray[np.bool_]
    sharpness: float = 1.0
    discount: Floats | float = 0.0

    def probabilities(self, similarities: Floats) -> Floats:
        """Return class probabilities from similarities to the landmarks, shape (…, classes)."""
        return _softmax(similarities @ self.weights * self.sharpness - self.discount, self.present)


def evened(head: Head, labels: Ints, answerable: NDArray[np.bool_]) -> Head:
    """Return the head with the classes' frequencies discounted, by logit adjustment (Menon et al. 2021).

    How many examples a rule has says how much its author wrote, not how often customers ask for it; undiscounted, the
    largest rule draws the strangers. :data:`EVENNESS` is partial since long lists are in part real demand (curve:
    docs/evaluation.md). What must not be answered keeps its weight: labelled traffic is as frequent as it is.

    Args:
        head: Fitted on ``labels``.
        labels: Class numbers of its rows.
        answerable: Which classes are answered; shape (classes,).
    """
    counts = np.bincount(labels, minlength=len(answerable))
    counted = answerable & (counts > 0)
    if not counted.any():
        return head
    usual = float(counts[counted].mean())
    discount = np.where(counted, EVENNESS * np.log(np.maximum(counts, 1) / usual), 0.0)
    return replace(head, discount=np.asarray(discount, np.float32))


def _softmax(scores: Floats, present: NDArray[np.bool_]) -> Floats:
    logits = np.where(present, scores, -np.inf)
    logits = logits - logits.max(axis=-1, keepdims=True)
    power = np.exp(logits)
    return np.asarray(power / power.sum(axis=-1, keepdims=True), np.float32)


def fit_ridge(gram: Floats, columns: Ints, labels: Ints, classes: int, ridge: float = RIDGE) -> Head:
    """Fit one-against-rest least squares on the landmarks.

    The sharpness of its softmax maximises the leave-one-out likelihood (Allen's PRESS) of an even sample.

    Args:
        gram: Similarities of all rows to the landmarks, shape (rows, landmarks).
        columns: Row numbers of the landmarks.
        labels: Class numbers of the rows.
        classes: Number of classes in all.
        ridge: The penalty.
    """
    own = labels[columns]
    present = _present(own, classes)
    square = gram[columns]
    weights = np.linalg.solve(square + ridge * np.eye(len(own), dtype=np.float32), _targets(own, classes))
    sample = landmarks(len(own), _SAMPLE)
    sampled = own[sample]
    if len(sampled) < 2 or len(np.unique(sampled)) < 2:
        return Head(np.asarray(weights, np.float32), present, 8.0)
    inverse = np.linalg.inv(square[np.ix_(sample, sample)] + ridge * np.eye(len(sample), dtype=np.float32))
    targets = _targets(sampled, classes)
    held_out = np.asarray(targets - (inverse @ targets) / np.diag(inverse)[:, None], np.float32)
    at = np.arange(len(sampled)), sampled
    known = _present(sampled, classes)
    losses = [-float(np.log(_softmax(held_out * s, known)[at] + 1e-9).mean()) for s in _SHARPNESS]
    return Head(np.asarray(weights, np.float32), present, _SHARPNESS[int(np.argmin(losses))])


def _targets(labels: Ints, classes: int) -> Floats:
    targets = np.zeros((len(labels), classes), np.float32)
    targets[np.arange(len(labels)), labels] = 1.0
    return targets


def fit_logistic(gram: Floats, columns: Ints, labels: Ints, classes: int, strength: float) -> Head:
    """Fit multinomial logistic regression with an L2 penalty of ``1/strength`` (scikit-learn's ``C``).

    Args:
        gram: Similarities of all rows to the landmarks, shape (rows, landmarks).
        columns: Row numbers of the landmarks.
        labels: Class numbers of the rows.
        classes: Number of classes in all.
        strength: Inverse of the penalty.
    """
    present = _present(labels, classes)
    known = np.flatnonzero(present)
    if len(known) < 2:
        return Head(np.zeros((len(columns), classes), np.float32), present)
    from scipy.linalg import solve_triangular

    factor = _triangle(gram[columns] + _JITTER * np.eye(len(columns), dtype=np.float32))
    features = factor if len(columns) == len(labels) else _solved(factor, gram)
    # Scaled by an estimate of its curvature, from every `stride`-th row, the loss is nearly round: 20 steps do the work
    # of 200. With M = c·F'F + 1/strength = RR' and v = R'w the penalty |w|²/strength is |v|² - c|Fw|², so R appears
    # nowhere else.
    stride = max(1, len(labels) // (2 * len(columns)))
    part = features[::stride]
    bend = (_CURVATURE * stride) * (part.T @ part) + np.eye(len(columns), dtype=np.float32) / strength
    root = _triangle(np.asarray(bend, np.float32))
    inputs = _solved(root, features)
    targets = np.searchsorted(known, labels)
    start = np.zeros((len(columns), len(known)), np.float32)
    first = _Loss(inputs[::stride], targets[::stride], len(known), stride)
    goal = (_TOLERANCE if stride == 1 else _TOLERANCE_OF_MANY) * float(np.abs(first(start.ravel())[1]).max())
    pairs: Pairs = []
    found = minimise(first, start.ravel(), goal, pairs)
    if stride > 1:  # a few steps on all rows finish what many on a part of them began
        found = minimise(_Loss(inputs, targets, len(known), 1, stride), found, goal, pairs)
    found = found.reshape(start.shape)
    plain = solve_triangular(root, found, lower=True, trans=1)
    weights = np.zeros((len(columns), classes), np.float32)
    weights[:, known] = solve_triangular(factor, plain, lower=True, trans=1)
    return Head(weights, present)


class _Loss:
    """The scaled loss and its gradient at given weights.

    Args:
        inputs: Scaled features, shape (rows, features).
        targets: Class numbers of the rows.
        classes: How many there are.
        weight: Of each row.
        stride: The curvature was estimated from every so many-th row.
    """

    def __init__(self, inputs: Floats, targets: Ints, classes: int, weight: int, stride: int = 1) -> None:
        self._inputs = inputs
        self._at = np.arange(len(targets)), targets
        self._classes = classes
        self._weight = np.float32(weight)
        self._stride = stride

    def __call__(self, flat: Floats) -> tuple[float, Floats]:
        scaled = flat.reshape(-1, self._classes)
        logits = self._inputs @ scaled
        peak = logits.max(axis=1, keepdims=True)
        power = np.exp(logits - peak)
        total = power.sum(axis=1, keepdims=True)
        loss = float((np.log(total) + peak).sum(dtype=np.float64) - logits[self._at].sum(dtype=np.float64))
        power /= total
        power[self._at] -= 1.0
        bent = logits[:: self._stride]
        pull = np.float32(_CURVATURE * self._stride)
        loss -= float(pull) * _squares(bent) / 2
        loss = float(self._weight) * loss + _squares(scaled) / 2
        bent *= pull
        power[:: self._stride] -= bent
        gradient = (self._inputs.T @ power) * self._weight + scaled
        return loss, np.asarray(gradient.ravel(), np.float32)


def _triangle(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.cholesky(matrix), np.float32)


def _squares(numbers: Floats) -> float:
    return float(np.einsum("ij,ij->i", numbers, numbers).sum(dtype=np.float64))


def _solved(lower: Floats, rows: Floats) -> Floats:
    """Return ``rows`` times the inverse of the transposed triangle, without copies: a row is a column to LAPACK."""
    from scipy.linalg.blas import strsm

    out = np.array(rows, np.float32, order="C")
    return np.asarray(strsm(1.0, lower.T, out.T, side=0, lower=0, trans_a=1, overwrite_b=1).T, np.float32)


def _present(labels: Ints, classes: int) -> NDArray[np.bool_]:
    present = np.zeros(classes, bool)
    present[labels] = True
    return present


def minimise(
    objective: Objective, start: Floats, goal: float = 1e-3, pairs: Pairs | None = None, steps: int = 100
) -> Floats:
    """Minimise a smooth function, scaled to be nearly round, by L-BFGS with backtracking.

    Nocedal and Wright 2006, algorithm 7.4. It stops when the greatest gradient component is at most ``goal``, or when
    a step lowers the loss by less than a hundred-thousandth.

    Args:
        objective: Returns the function and its gradient.
        start: Where to begin.
        goal: See above.
        pairs: What is known of its curvature, from a function much like it; what was learned is left here.
        steps: Most steps.
    """
    x = start
    pairs = [] if pairs is None else pairs
    loss, gradient = objective(x)
    for _ in range(steps):
        if float(np.abs(gradient).max(initial=0)) <= goal:
            break
        direction = -_two_loops(gradient, pairs)
        slope = float(gradient @ direction)
        if slope >= 0:
            pairs.clear()
            direction, slope = -gradient, -float(gradient @ gradient)
        size = 1.0
        for _ in range(25):
            candidate = x + np.float32(size) * direction
            new_loss, new_gradient = objective(candidate)
            if new_loss <= loss + 1e-4 * size * slope:
                break
            size /= 2
        else:
            break
        moved, bent = candidate - x, new_gradient - gradient
        curvature = float(moved @ bent)
        if curvature > 1e-10:
            del pairs[: max(0, len(pairs) - _MEMORY + 1)]
            pairs.append((moved, bent, 1.0 / curvature))
        stalled = loss - new_loss <= 1e-5 * abs(loss)
        x, loss, gradient = candidate, new_loss, new_gradient
        if stalled:
            break
    return x


def _two_loops(gradient: Floats, pairs: Pairs) -> Floats:
    q = gradient.copy()
    taken: list[float] = []
    for moved, bent, inverse in reversed(pairs):
        share = inverse * float(moved @ q)
        taken.append(share)
        q -= np.float32(share) * bent
    if pairs:
        moved, bent, inverse = pairs[-1]
        q *= np.float32(1.0 / (inverse * float(bent @ bent)))
    for (moved, bent, inverse), share in zip(pairs, reversed(taken), strict=True):
        q += np.float32(share - inverse * float(bent @ q)) * moved
    return q
