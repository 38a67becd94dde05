"""What the bot would say of messages it has not learned from: scoring in bulk, and cross-fitting on examples.

Cross-fitting makes calibration data where no traffic was labelled: in each of several turns a block of like
rules is left out altogether, and their examples play the strangers (messages that no rule should answer), while a
part of the other rules' examples is held back. Every example is scored by models that have not seen it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from waqtor.smartbot.compiler import encoded
from waqtor.smartbot.encoders import Encoder, HashingEncoder, VectorCache, Vectors
from waqtor.smartbot.fit_cache import FitCache
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import fold, normalise, visible
from waqtor.smartbot.retrieve import Moment, outright
from waqtor.smartbot.rule_names import name_examples
from waqtor.smartbot.ruleset import RuleSet, readings
from waqtor.smartbot.scorer import Example, FittedScorer, FusedScorer, Query

FOLDS = 5
"""Turns of cross-fitting; each leaves out one block of rules. Smaller ones leave siblings in: harder strangers."""
PARTS = 6
"""A turn holds back one of so many parts of the other rules' examples; with few examples each one missing is felt."""
Kind = Literal["in", "ignored", "stranger"]
Scores = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the scorer takes it."""

    text: str
    folded: str
    language: str
    query: Query


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the bot makes of a message.

    Attributes:
        rule: The rule it would answer by, were the threshold 0; empty when nothing resembles the message.
        confidence: Of that rule.
        score: What is held against the threshold: the confidence, or below 0 when a rule that ignores wins.
        winner: The best rule of all, be it one that ignores.
        language: As detected.
    """

    rule: str
    confidence: float
    score: float
    winner: str
    language: str


@dataclass(slots=True)
class Judged:
    """Outcomes beside the truth, as columns of equal length.

    Attributes:
        score: Held against the threshold.
        right: Whether answering would be right.
        confidence: Stated probability of being right.
        rule: The rule that would answer.
        winner: The best rule, or one that ignores.
        label: The right rule; ``None`` for out of scope.
        language: As detected.
        kind: in scope, ignored (an example of an ignore rule), or stranger.
        turn: In which turn of cross-fitting it was scored; else empty.
        text: What was scored in cross-fitting; else empty.
    """

    score: Scores = field(default_factory=lambda: np.zeros(0))
    right: Bools = field(default_factory=lambda: np.zeros(0, bool))
    confidence: Scores = field(default_factory=lambda: np.zeros(0))
    rule: list[str] = field(default_factory=list)
    winner: list[str] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)
    language: list[str] = field(default_factory=list)
    kind: list[Kind] = field(default_factory=list)
    turn: list[int] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.score)

    def where(self, keep: Bools) -> Judged:
        """Return the rows of a mask."""
        rows = [int(i) for i in np.flatnonzero(keep)]
        return Judged(
            self.score[keep],
            self.right[keep],
            self.confidence[keep],
            [self.rule[i] for i in rows],
            [self.winner[i] for i in rows],
            [self.label[i] for i in rows],
            [self.language[i] for i in rows],
            [self.kind[i] for i in rows],
            [self.turn[i] for i in rows] if self.turn else [],
            [self.text[i] for i in rows] if self.text else [],
        )


def judge(outcomes: Sequence[Outcome], labels: Sequence[str | None], kinds: Sequence[Kind]) -> Judged:
    """Return outcomes beside the right rules."""
    right = [o.rule == label and label is not None for o, label in zip(outcomes, labels, strict=True)]
    return Judged(
        np.array([o.score for o in outcomes], float),
        np.array(right, bool),
        np.array([o.confidence for o in outcomes], float),
        [o.rule for o in outcomes],
        [o.winner for o in outcomes],
        list(labels),
        [o.language for o in outcomes],
        list(kinds),
    )


class Matcher:
    """Fits scorers on subsets of rules' examples and scores messages with them, as the pipeline would.

    Args:
        encoder: Encodes examples and messages.
        cache_dir: Where vectors are kept between runs; ``None``: nowhere.
    """

    def __init__(self, encoder: Encoder, cache_dir: Path | None = None) -> None:
        self._encoder = encoder
        self._vectors = VectorCache(cache_dir, encoder)

    def messages(self, texts: Sequence[str]) -> list[Message]:
        """Return messages ready to be scored; those in languages that the encoder knows are encoded."""
        seen = [visible(text) for text in texts]
        normal = [normalise(text) for text in seen]
        tongues = [detect(s, n) for s, n in zip(seen, normal, strict=True)]
        weights = [
            self._encoder.weight(t.language, t.script) if n else 0.0 for t, n in zip(tongues, normal, strict=True)
        ]
        wanted = [i for i, weight in enumerate(weights) if weight > 0]
        rows = dict(zip(wanted, self._vectors.vectors([seen[i] for i in wanted]), strict=True)) if wanted else {}
        return [
            Message(
                texts[i],
                fold(seen[i]),
                tongues[i].language,
                Query(tuple(readings(normal[i], tongues[i].language)) if normal[i] else (), rows.get(i), weights[i]),
            )
            for i in range(len(texts))
        ]

    def example_vectors(self, examples: Sequence[Example]) -> tuple[Vectors, list[bool]]:
        """Return the vectors of examples (zeros where the encoder does not count) and where it counts."""
        return encoded(self._encoder, self._vectors, examples)

    def meaning(self, vectors: Vectors) -> Vectors:
        """Return of vectors what the encoder's last layer says, the part that compares topics, of length 1 again."""
        parts = self._encoder.parts
        own = vectors[..., : max(1, vectors.shape[-1] // parts)]  # a single column of zeros: nothing was encoded
        return np.asarray(own * np.sqrt(np.float32(parts)), np.float32)

    def fit(self, examples: Sequence[Example], vectors: Vectors, trusted: Sequence[bool]) -> tuple[FittedScorer, float]:
        """Fit a scorer, as :class:`RuleCompiler` does; return it and the seconds that took."""
        names = name_examples(examples, trusted)
        if names:
            more, known = self.example_vectors(names)
            examples, vectors, trusted = [*examples, *names], np.vstack([vectors, more]), [*trusted, *known]
        scorer = FusedScorer(
            quick=self._encoder.light, cache=FitCache(None), encoder=self._encoder.name, parts=self._encoder.parts
        )
        began = time.perf_counter()
        fitted = scorer.fit(examples, vectors, trusted)
        return fitted, time.perf_counter() - began


def outcome(message: Message, scorer: FittedScorer, rules: RuleSet, *, hits: bool = True) -> Outcome:
    """Return what the bot makes of a message.

    Args:
        message: From :meth:`Matcher.messages`.
        scorer: Fitted on (some of) the examples of ``rules``.
        rules: Tell which rules ignore, and what is hit outright.
        hits: Whether outright hits (examples, patterns, keywords) decide, as they do in the pipeline.
    """
    if not message.query.readings:
        return Outcome("", 0.0, 0.0, "", message.language)
    if hits:
        hit, _ = outright(rules, "", message.folded, message.query.readings, _NOW)
        if hit is not None:
            found = hit.rule.rule.id
            if hit.rule.rule.action != "ignore":
                return Outcome(found, 1.0, 1.0, found, message.language)
            return Outcome("", 0.0, -1.0, found, message.language)
    scores = scorer.predict(message.query, limit=5).scores
    if not scores:
        return Outcome("", 0.0, 0.0, "", message.language)
    winner = scores[0].rule_id
    best = next((s for s in scores if rules.rules[s.rule_id].rule.action != "ignore"), None)
    if best is None:
        return Outcome("", 0.0, -1.0, winner, message.language)
    score = best.confidence if best is scores[0] else best.confidence - 1.0
    return Outcome(best.rule_id, best.confidence, score, winner, message.language)


_NOW = Moment(0, "", False)


def crossfit(
    rules: RuleSet,
    matcher: Matcher,
    folds: int = FOLDS,
    most: int = 6000,
    progress: Callable[[str], None] | None = None,
) -> Judged:
    """Score every example of the rules by models that have not seen it; see above.

    Args:
        rules: Compiled rules; their scorer is not used.
        matcher: Fits and scores.
        folds: Turns, and blocks of rules.
        most: Examples scored at most; more are thinned evenly, which saves time and changes little.
        progress: Is told of each turn.

    Returns:
        Nothing (length 0) when there are fewer than three rules with examples.
    """
    examples = [e for e in rules.examples if rules.rules[e.rule_id].rule.enabled]
    names = sorted({e.rule_id for e in examples if not e.negative and rules.rules[e.rule_id].rule.action != "ignore"})
    if len(names) < 3:
        return judge([], [], [])
    folds = min(folds, len(names))
    vectors, trusted = matcher.example_vectors(examples)
    messages = matcher.messages([e.original for e in examples])
    group = _blocks(names, examples, matcher.meaning(vectors), folds)
    rank: dict[str, int] = {}
    part = np.zeros(len(examples), np.int64)
    for i, example in enumerate(examples):
        rank[example.label] = rank.get(example.label, bisect_left(names, example.rule_id)) + 1
        part[i] = rank[example.label] % PARTS
    asked = [i for i, e in enumerate(examples) if not e.negative]
    step = max(1, -(-len(asked) // most))
    chosen = set(asked[::step])
    outcomes: list[Outcome] = []
    labels: list[str | None] = []
    kinds: list[Kind] = []
    turns: list[int] = []
    texts: list[str] = []
    for turn in range(folds):
        outside = {name for name, number in group.items() if number == turn}
        learned = [i for i, e in enumerate(examples) if e.rule_id not in outside and (e.negative or part[i] != turn)]
        held = [i for i in asked if i in chosen and (examples[i].rule_id in outside or part[i] == turn)]
        if not held or not learned:
            continue
        fitted, seconds = matcher.fit([examples[i] for i in learned], vectors[learned], [trusted[i] for i in learned])
        if progress is not None:
            progress(f"cross-fit {turn + 1} of {folds}: {len(learned)} examples in {seconds:.1f} s")
        for i in held:
            outcomes.append(outcome(messages[i], fitted, rules, hits=False))
            stranger = examples[i].rule_id in outside
            ignored = rules.rules[examples[i].rule_id].rule.action == "ignore"
            labels.append(None if stranger or ignored else examples[i].rule_id)
            turns.append(turn)
            texts.append(examples[i].original)
            kinds.append("stranger" if stranger else "ignored" if ignored else "in")
    found = judge(outcomes, labels, kinds)
    found.turn, found.text = turns, texts
    return found


def _blocks(names: Sequence[str], examples: Sequence[Example], vectors: Vectors, folds: int) -> dict[str, int]:
    """Cut the rules into blocks of equal size with like beside like, so that a topic is left out as a whole.

    Were rules left out at random, nearly every stranger would have a sibling among the rules that stay: far harder than
    the strangers that customers send (figures in docs/evaluation.md).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    number = {name: i for i, name in enumerate(names)}
    mine = [(i, number[e.rule_id]) for i, e in enumerate(examples) if not e.negative and e.rule_id in number]
    rows, owners = np.array([i for i, _ in mine]), np.array([owner for _, owner in mine])
    words = HashingEncoder().encode([examples[i].text for i in rows])
    centres = np.zeros((len(names), words.shape[1] + vectors.shape[1]))
    np.add.at(centres, owners, np.hstack([words, vectors[rows]]))
    centres /= np.bincount(owners, minlength=len(names))[:, None]
    order = leaves_list(linkage(centres, "average"))
    return {names[int(rule)]: place * folds // len(names) for place, rule in enumerate(order)}
