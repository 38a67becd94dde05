"""Step 5, score: which rule a message belongs to, and how likely that is right.

Three heads (:mod:`waqtor.smartbot.heads`), two on the encoder's centred vectors (last and middle layer) and one on
character n-grams, are mixed (45, 15 and 40 of 100) where the encoder knows the language; elsewhere the characters
decide alone. The raw score
of a rule is its mixed probability times a power of the mean cosine to its nearest example (so a message that
resembles nothing scores low even when one rule is the least bad); a curve per mixture makes it a confidence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from waqtor.smartbot.bulk import BulkRanker
from waqtor.smartbot.calibration import Curve
from waqtor.smartbot.encoders import Vectors, unit
from waqtor.smartbot.fit_cache import Arrays, FitCache
from waqtor.smartbot.fit_threads import side_by_side
from waqtor.smartbot.heads import Head
from waqtor.smartbot.index import VectorIndex, make_index
from waqtor.smartbot.lexical import LexicalModel
from waqtor.smartbot.views import (
    BEND,
    LEXICAL_STRENGTH,
    SEMANTIC_LANDMARKS,
    SEMANTIC_STRENGTH,
    Side,
    View,
    calibrate,
    make_view,
    raw_scores,
    shares,
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, order=True)
class Example:
    """A phrase of a rule; ``negative`` marks what the rule must not answer. ``text`` is normalised.

    ``rule_name`` holds the telling words of the rule's id; ``is_name`` marks those words themselves, which are learned
    from but are no phrase of a customer (:mod:`waqtor.smartbot.rule_names`). ``ignored`` marks those of a rule that
    leaves its messages unanswered.
    """

    rule_id: str
    text: str
    language: str = "en"
    negative: bool = False
    original: str = ""
    rule_name: str = ""
    is_name: bool = False
    ignored: bool = False

    @property
    def label(self) -> str:
        """The class it belongs to."""
        return f"!{self.rule_id}" if self.negative else self.rule_id


@dataclass(frozen=True, slots=True)
class Score:
    """A rule with its confidence and its nearest example."""

    rule_id: str
    confidence: float
    raw: float
    example: str
    similarity: float
    source: Literal["semantic", "lexical"]


@dataclass(frozen=True, slots=True)
class Query:
    """A message to score: its normalised ``readings`` (Arabizi has several), its vector, and the vector's weight."""

    readings: tuple[str, ...]
    vector: Vectors | None = None
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of a message, best first, and facts for the trace."""

    scores: tuple[Score, ...] = ()
    reading: str = ""
    known_share: float = 0.0
    vetoed: tuple[str, ...] = ()
    mixture: str = ""


class FittedScorer(Protocol):
    """Scores messages; immutable, safe to share between threads."""

    @property
    def index_kind(self) -> str:
        """Which kind of vector index serves: none, exact or hnsw."""
        ...

    def predict(self, query: Query, limit: int = 5) -> Scored:
        """Return the best rules."""
        ...

    def rank(self, queries: Sequence[Query], limit: int = 5) -> list[Scored]:
        """Return the best rules for many messages at once, without looking for their nearest examples.

        Confidences may differ from those of :meth:`predict` in the seventh digit (:mod:`waqtor.smartbot.bulk`).
        """
        ...

    def evidence(self, text: str, example: str) -> list[str]:
        """Return the n-grams that two normalised texts share, the most telling first."""
        ...

    def shares(self, text: str, example: str) -> list[tuple[str, float]]:
        """Return those n-grams with what each adds to the cosine of the two, the most first."""
        ...


class Scorer(Protocol):
    """Learns from examples."""

    def fit(self, examples: Sequence[Example], vectors: Vectors, trusted: Sequence[bool]) -> FittedScorer:
        """Learn.

        Args:
            examples: All examples in any order; the result does not depend on it.
            vectors: The encoder's unit vector of each, shape (examples, dim).
            trusted: Whether the encoder knows the language of each.
        """
        ...


class FusedScorer:
    """The scorer described above.

    Args:
        quick: Fit ridge heads (closed form) instead of logistic regression; meant for the light encoder.
        cache: Where fits are kept.
        encoder: Name of the encoder whose vectors come in; part of the cache's keys.
        parts: How many equally long parts a vector has; see :class:`waqtor.smartbot.encoders.Encoder`.
    """

    def __init__(
        self, *, quick: bool = False, cache: FitCache | None = None, encoder: str = "", parts: int = 1
    ) -> None:
        self._quick = quick
        self._parts = parts
        self._cache = cache or FitCache(None)
        self._encoder = encoder

    def fit(self, examples: Sequence[Example], vectors: Vectors, trusted: Sequence[bool]) -> FittedScorer:
        """Learn from examples; see :class:`Scorer`.

        BLAS has one thread: on a busy machine its others wait by spinning, on the cores that serve (measured on two
        cores under load: 12 s and more instead of 0.4 s for 600 examples). The heads of thousands of examples are
        fitted two at a time instead, on threads that give way.
        """
        order = sorted(range(len(examples)), key=lambda i: (examples[i].label, examples[i]))
        ordered = [examples[i] for i in order]
        if not ordered:
            return _Nothing()
        labels = sorted({example.label for example in ordered})
        number = {label: i for i, label in enumerate(labels)}
        y = np.array([number[example.label] for example in ordered], np.int64)
        mask = np.array([bool(trusted[i]) for i in order], bool)
        phrases = np.array([not example.is_name for example in ordered], bool)
        held = vectors[order][mask]
        centre = np.zeros(vectors.shape[1], np.float32)
        if (mask & phrases).sum() > 4:
            centre = np.asarray(held[phrases[mask]].mean(axis=0), np.float32)
        units = [unit(part) for part in np.split(held - centre, self._parts, axis=1)] if mask.any() else []
        lexical = LexicalModel([example.text for example in ordered])

        answerable = np.array([not label.startswith("!") for label in labels], bool)
        answered = answerable.copy()
        answered[[number[example.label] for example in ordered if example.ignored]] = False
        sides = [Side(np.arange(len(ordered)), lexical.block, LEXICAL_STRENGTH)]
        if mask.any():
            known = np.flatnonzero(mask)
            sides += [Side(known, _cosines(rows), SEMANTIC_STRENGTH, BEND, SEMANTIC_LANDMARKS, 0) for rows in units]
        key = self._key(ordered, mask)
        kept = self._cache.get(key)

        def view(number: int) -> View:
            side, head = sides[number], _kept_head(kept, number)
            return make_view(side, y[side.rows], phrases[side.rows], answered, quick=self._quick, head=head)

        works = [partial(view, number) for number in range(len(sides))]
        if kept is not None:
            views, curves = [work() for work in works], _kept_curves(kept)
        else:
            with _one_thread():
                views = side_by_side(works, len(ordered))
                curves = calibrate(views, y, answerable)
            self._cache.put(key, _arrays(views, curves))
        index = make_index(units[0]) if mask.any() else None
        anchors = [rows[view.columns] for rows, view in zip(units, views[1:], strict=False)]
        return _Fused(ordered, labels, lexical, views, index, anchors, centre, answerable, curves)

    def _key(self, ordered: Sequence[Example], mask: NDArray[np.bool_]) -> str:
        parts = [self._encoder, str(self._quick), str(self._parts)]
        for example, known in zip(ordered, mask, strict=True):
            kind = "name" if example.is_name else "ignored" if example.ignored else ""
            parts += [example.label, example.text, example.original if known else "", kind]
        return FitCache.key(parts)


def _one_thread() -> AbstractContextManager[object]:
    import scipy.linalg  # noqa: F401 - it brings a BLAS of its own, which can be limited only once it is loaded
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _cosines(rows: Vectors) -> Callable[[NDArray[np.int64], NDArray[np.int64]], Floats]:
    return lambda left, right: np.asarray(rows[left] @ rows[right].T, np.float32)


def _arrays(views: Sequence[View], curves: Mapping[bool, Curve]) -> Arrays:
    arrays: Arrays = {"curves": np.array([[c.slope, c.offset] for c in (curves[False], curves[True])])}
    for i, view in enumerate(views):
        arrays[f"weights{i}"] = view.head.weights
        arrays[f"present{i}"] = view.head.present
        arrays[f"sharpness{i}"] = np.array(view.head.sharpness)
        arrays[f"discount{i}"] = np.array(view.head.discount, np.float32)
    return arrays


def _kept_head(kept: Arrays | None, number: int) -> Head | None:
    if kept is None:
        return None
    weights, present = np.asarray(kept[f"weights{number}"], np.float32), np.asarray(kept[f"present{number}"], bool)
    discount = np.asarray(kept[f"discount{number}"], np.float32)
    return Head(weights, present, float(kept[f"sharpness{number}"]), discount)


def _kept_curves(kept: Arrays) -> dict[bool, Curve]:
    alone, mixed = np.asarray(kept["curves"], float)
    return {False: Curve(float(alone[0]), float(alone[1])), True: Curve(float(mixed[0]), float(mixed[1]))}


class _Nothing:
    index_kind = "none"

    def predict(self, query: Query, limit: int = 5) -> Scored:
        return Scored()

    def rank(self, queries: Sequence[Query], limit: int = 5) -> list[Scored]:
        return [Scored() for _ in queries]

    def evidence(self, text: str, example: str) -> list[str]:
        return []

    def shares(self, text: str, example: str) -> list[tuple[str, float]]:
        return []


@dataclass(frozen=True, slots=True)
class _Fused:
    examples: list[Example]
    labels: list[str]
    lexical: LexicalModel
    views: list[View]
    index: VectorIndex | None
    anchors: list[Vectors]
    centre: Vectors
    answerable: NDArray[np.bool_]
    curves: dict[bool, Curve]

    @property
    def index_kind(self) -> str:
        return self.index.kind if self.index is not None else "none"

    def predict(self, query: Query, limit: int = 5) -> Scored:
        """Return the best rules for a message; see :class:`FittedScorer`."""
        p, close, similar, known, reading = max(
            (self._read(reading) for reading in query.readings),
            key=lambda found: float(raw_scores(found[0], found[1], mixed=False).max()),
        )
        near: Floats | None = None
        if query.vector is not None and query.weight > 0 and self.index is not None:
            parts = [unit(part) for part in np.split(query.vector - self.centre, len(self.anchors))]
            near = self.index.similarities(parts[0])
            characters, *deep = shares(len(self.views), query.weight)
            p = characters * p
            for view, anchors, part, share in zip(self.views[1:], self.anchors, parts, deep, strict=True):
                # From the anchors themselves: an approximate index leaves out most rows.
                p = p + share * view.probabilities(anchors @ part)
            close = np.asarray((self.views[1].maxima(near) + close) / 2, np.float32)
        raw = raw_scores(p, close, mixed=near is not None)
        confidence = self.curves[near is not None](raw)
        order = [int(i) for i in np.argsort(-raw, kind="stable")[: 4 * limit] if self.answerable[i] and raw[i] > 0]
        vetoed = tuple(self.labels[i] for i in order if self._refused(i, close))
        scores = [
            self._score(i, float(confidence[i]), float(raw[i]), similar, near)
            for i in order
            if self.labels[i] not in vetoed
        ]
        mixture = "encoder and characters" if near is not None else "characters"
        return Scored(tuple(scores[:limit]), reading, known, vetoed, mixture)

    def rank(self, queries: Sequence[Query], limit: int = 5) -> list[Scored]:
        """Return the best rules for many messages; see :class:`FittedScorer`."""
        number = {label: i for i, label in enumerate(self.labels)}
        vetoes = {i: number[f"!{label}"] for label, i in number.items() if f"!{label}" in number}
        ranker = BulkRanker(
            self.lexical, self.views, self.index, self.anchors, self.centre, self.answerable, vetoes, self.curves
        )
        found = ranker.ranked([q.readings for q in queries], [q.vector for q in queries],
                              [q.weight for q in queries], limit)  # fmt: skip
        return [
            Scored(tuple(Score(self.labels[i], confidence, raw, "", 0.0, "lexical") for i, confidence, raw in best))
            for best in found
        ]

    def evidence(self, text: str, example: str) -> list[str]:
        """Return the shared n-grams; see :class:`FittedScorer`."""
        return self.lexical.shared_grams(text, example)

    def shares(self, text: str, example: str) -> list[tuple[str, float]]:
        """Return the shared n-grams with their shares; see :class:`FittedScorer`."""
        return self.lexical.shares(text, example)

    def _read(self, reading: str) -> tuple[Floats, Floats, Floats, float, str]:
        similar, known = self.lexical.similarities(reading)
        view = self.views[0]
        return view.probabilities(similar[view.columns]), view.maxima(similar) * known, similar, known, reading

    def _refused(self, number: int, close: Floats) -> bool:
        """Whether a negative of the rule is nearer than all its examples."""
        label = f"!{self.labels[number]}"
        place = bisect_left(self.labels, label)
        return place < len(self.labels) and self.labels[place] == label and close[place] > close[number]

    def _score(self, number: int, confidence: float, raw: float, similar: Floats, near: Floats | None) -> Score:
        own = self.views[0].phrases_of(number)
        row = int(own[similar[own].argmax()])
        similarity = float(similar[row])
        source: Literal["semantic", "lexical"] = "lexical"
        if near is not None:
            places = self.views[1].phrases_of(number)
            if len(places):
                place = int(places[near[places].argmax()])
                if float(near[place]) >= similarity:
                    row, similarity, source = int(self.views[1].rows[place]), float(near[place]), "semantic"
        example = self.examples[row].original or self.examples[row].text
        return Score(self.labels[number], round(confidence, 6), raw, example, round(similarity, 4), source)
