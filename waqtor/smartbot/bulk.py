"""Scoring many messages at once: what :meth:`FittedScorer.predict` finds, by matrix products over all of them.

Products of many rows are summed in another order than those of one, so scores may differ from the single ones in
the seventh digit. Nearest examples are not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from waqtor.smartbot.calibration import Curve
from waqtor.smartbot.encoders import Vectors, unit
from waqtor.smartbot.index import VectorIndex
from waqtor.smartbot.lexical import LexicalModel
from waqtor.smartbot.views import View, raw_scores, shares

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CELLS = 4_000_000
"""Similarities held at once: 16 MB a matrix."""


class BulkRanker:
    """Ranks the rules for many messages.

    Args:
        lexical: The characters' similarities.
        views: By characters, and by each part of the encoder's vectors where there is one.
        index: The neighbours by the encoder's last layer.
        anchors: By part, the vectors that carry the head's weights.
        centre: What is taken off a message's vector.
        answerable: Which classes are rules.
        vetoes: By class, the class of its negatives.
        curves: From raw scores to confidence, with the encoder (True) and without.
    """

    def __init__(
        self,
        lexical: LexicalModel,
        views: Sequence[View],
        index: VectorIndex | None,
        anchors: Sequence[Vectors],
        centre: Vectors,
        answerable: NDArray[np.bool_],
        vetoes: Mapping[int, int],
        curves: Mapping[bool, Curve],
    ) -> None:
        self._lexical = lexical
        self._views = views
        self._index = index
        self._anchors = anchors
        self._centre = centre
        self._answerable = answerable
        self._vetoes = vetoes
        self._curves = curves

    def ranked(
        self,
        readings: Sequence[Sequence[str]],
        vectors: Sequence[Vectors | None],
        weights: Sequence[float],
        limit: int,
    ) -> Iterator[list[tuple[int, float, float]]]:
        """Yield (class, confidence, raw score) of each message's best rules, at most ``limit``, best first.

        Args:
            readings: Normalised texts that stand for each message, one at least.
            vectors: The encoder's vector of each, where it counts.
            weights: How much it counts.
            limit: Rules a message.
        """
        at = 0
        most = max(1, CELLS // max(1, self._lexical.rows))
        while at < len(readings):
            end, texts = at, 0
            while end < len(readings) and (end == at or texts + len(readings[end]) <= most):
                texts += len(readings[end])
                end += 1
            yield from self._block(readings[at:end], vectors[at:end], weights[at:end], limit)
            at = end

    def _block(
        self,
        readings: Sequence[Sequence[str]],
        vectors: Sequence[Vectors | None],
        weights: Sequence[float],
        limit: int,
    ) -> Iterator[list[tuple[int, float, float]]]:
        p, close = self._by_characters(readings)
        mixed = np.zeros(len(readings), bool)
        if self._index is not None:
            mixed = np.array([v is not None and w > 0 for v, w in zip(vectors, weights, strict=True)], bool)
        if self._index is not None and mixed.any():
            asked = np.stack([v for v, known in zip(vectors, mixed, strict=True) if known and v is not None])
            parts = [unit(part) for part in np.split(asked - self._centre, len(self._anchors), axis=1)]
            near = self._index.similarities_of(parts[0])
            weight = np.array(weights, np.float32)[mixed][:, None]
            deep = np.zeros_like(p[mixed])
            _, *counts = shares(len(self._views), 1.0)
            for view, anchors, part, share in zip(self._views[1:], self._anchors, parts, counts, strict=True):
                deep += share * view.probabilities(np.asarray(part @ anchors.T, np.float32))
            p[mixed] = weight * deep + (1 - weight) * p[mixed]
            close[mixed] = (self._views[1].maxima(near) + close[mixed]) / 2
        raw = np.empty_like(p)
        confidence = np.empty_like(p)
        for kind in (False, True):
            rows = mixed == kind
            raw[rows] = raw_scores(p[rows], close[rows], mixed=kind)
            confidence[rows] = self._curves[kind](raw[rows])
        orders = np.argsort(-raw, axis=1, kind="stable")[:, : 4 * limit]
        for row, order in enumerate(orders.tolist()):
            found = []
            for i in order:
                veto = self._vetoes.get(i)
                if (
                    not self._answerable[i]
                    or raw[row, i] <= 0
                    or (veto is not None and close[row, veto] > close[row, i])
                ):
                    continue
                found.append((i, round(float(confidence[row, i]), 6), float(raw[row, i])))
                if len(found) == limit:
                    break
            yield found

    def _by_characters(self, readings: Sequence[Sequence[str]]) -> tuple[Floats, Floats]:
        """Return probabilities and closeness of each message by its best reading."""
        view = self._views[0]
        similar, known = self._lexical.similarities_of([text for texts in readings for text in texts])
        p = view.probabilities(_columns(similar, view.columns))
        close = view.maxima(similar) * known[:, None]
        counts = np.array([len(texts) for texts in readings])
        if (counts == 1).all():
            return p, close
        best = raw_scores(p, close, mixed=False).max(axis=1)
        ends = np.cumsum(counts)
        chosen = [int(end - n + best[end - n : end].argmax()) for n, end in zip(counts, ends, strict=True)]
        return p[chosen], close[chosen]


def _columns(similar: Floats, columns: Ints) -> Floats:
    return similar if len(columns) == similar.shape[1] else similar[:, columns]
