# ruff: noqa: SIM905 — word lists read better as text
"""Groups of like messages among those that the bot did not answer: average linkage, one language at a time.

Where the encoder knows the language the distance mixes its centred vectors with character n-grams; elsewhere the
n-grams decide alone. Average linkage is deterministic and needs no number of groups; where it cuts was chosen on
clinc150 and arbanking77 (docs/suggestions.md has the figures).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from waqtor.smartbot.encoders import Vectors
from waqtor.smartbot.lexical import LexicalModel

MOST = 4000
"""Different texts of a language that are linked with each other; more are joined to the nearest group."""
CUT = 0.58
"""Distance at which two groups are not joined any more, where the encoder knows the language."""
CUT_CHARACTERS = 0.85
"""The same by characters alone."""
_SHARE = 0.7
"""What the encoder's similarity counts beside that of the characters."""
_STOP = frozenset(
    """
    a an and are be can could do does for from have hi how i if in is it me my of on or our please so tell that
    the there this to u want was we what when where which who why will with would you your am not no but at by في
    من على الى عن هل ما ماهو كم كيف متى وين فين اين ايش شو انا انت هذا هذه ذا لو سمحت ابي ابغي ابغى عايز بدي يا و
    او مع عندكم عندي لي لكم هو هي ممكن اذا ان لا مو مش الله
    """.split()
)


@dataclass(slots=True)
class Question:
    """A text that was not answered, with everybody who wrote it.

    Attributes:
        text: As the first one wrote it.
        normal: Normalised; equal ones are one question.
        language: As detected.
        messages: Ids of the messages.
        customers: (session, chat) of those who wrote it.
        decision, nearest, confidence: What the bot made of it: the nearest rule and its confidence.
        label: The rule that a person said is right; ``None`` when nobody judged, empty for "no rule".
    """

    text: str
    normal: str
    language: str
    messages: list[str] = field(default_factory=list)
    customers: set[tuple[str, str]] = field(default_factory=set)
    decision: str = "silent"
    nearest: str | None = None
    confidence: float = 0.0
    label: str | None = None

    @property
    def key(self) -> str:
        """Stands for the text where it must not be kept."""
        return hashlib.sha256(f"{self.language}|{self.normal}".encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(slots=True)
class Cluster:
    """Questions about the same thing, the most typical first."""

    language: str
    questions: list[Question]
    words: tuple[str, ...] = ()
    vectors: Vectors = field(default_factory=lambda: np.zeros((0, 1), np.float32))

    @property
    def messages(self) -> int:
        """How many messages."""
        return sum(len(q.messages) for q in self.questions)

    @property
    def customers(self) -> int:
        """How many people."""
        return len({c for q in self.questions for c in q.customers})

    @property
    def keys(self) -> frozenset[str]:
        """The keys of its questions."""
        return frozenset(q.key for q in self.questions)


def cluster(
    questions: Sequence[Question],
    vectors_of: Callable[[Sequence[Question]], Vectors | None],
    least: int = 5,
    texts: Iterable[str] = (),
) -> list[Cluster]:
    """Group questions; the groups that serve most people come first.

    Args:
        questions: Different texts of any languages.
        vectors_of: Gives the encoder's centred unit vectors of questions of a language; ``None``: it knows it not.
        least: Fewest messages of a group.
        texts: Normalised texts of the rules, to tell which words are typical.
    """
    found: list[Cluster] = []
    known = list(texts)
    background = Counter(word for text in known for word in set(text.split()))
    for language in sorted({q.language for q in questions}):
        mine = sorted((q for q in questions if q.language == language), key=lambda q: (-len(q.messages), q.normal))
        if sum(len(q.messages) for q in mine) < least:
            continue
        vectors = vectors_of(mine)
        found += [c for c in _grouped(mine, vectors, language, known) if c.messages >= least]
    everything = background + Counter(word for q in questions for word in set(q.normal.split()))
    for item in found:
        item.words = typical_words(item, everything)
    return sorted(found, key=lambda c: (-c.customers, -c.messages, c.questions[0].normal))


def _grouped(mine: list[Question], vectors: Vectors | None, language: str, known: Sequence[str]) -> list[Cluster]:
    # With the rules' texts beside them, the words that all questions share still count for something.
    lexical = LexicalModel([*(q.normal for q in mine), *known])
    rows = np.arange(len(mine))
    head = rows[:MOST]
    similar = _similarities(lexical, vectors, head, head)
    labels = _linked(similar, CUT if vectors is not None else CUT_CHARACTERS)
    members: dict[int, list[int]] = {}
    for row, label in zip(head, labels, strict=True):
        members.setdefault(int(label), []).append(int(row))
    typical = {label: similar[np.ix_(found, found)].mean(axis=1) for label, found in members.items()}
    for begin in range(MOST, len(mine), 1000):
        part = rows[begin : begin + 1000]
        near = _similarities(lexical, vectors, part, head)
        places = {label: near[:, found].mean(axis=1) for label, found in members.items() if len(found) > 1}
        if not places:
            break
        table = np.stack(list(places.values()))
        cut = 1 - (CUT if vectors is not None else CUT_CHARACTERS)
        for column, row in enumerate(part):
            best = int(table[:, column].argmax())
            if table[best, column] >= cut:
                label = list(places)[best]
                members[label].append(int(row))
                typical[label] = np.append(typical[label], table[best, column])
    found = []
    for label, rows_of in members.items():
        order = [rows_of[i] for i in np.argsort(-typical[label], kind="stable")]
        kept = vectors[order] if vectors is not None else np.zeros((len(order), 1), np.float32)
        found.append(Cluster(language, [mine[i] for i in order], vectors=np.asarray(kept, np.float32)))
    return found


def _similarities(
    lexical: LexicalModel, vectors: Vectors | None, left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float32]:
    characters = lexical.block(left, right)
    if vectors is None:
        return characters
    return np.asarray(_SHARE * (vectors[left] @ vectors[right].T) + (1 - _SHARE) * characters, np.float32)


def _linked(similar: NDArray[np.float32], cut: float) -> NDArray[np.int64]:
    if len(similar) < 2:
        return np.ones(len(similar), np.int64)
    from sklearn.cluster import AgglomerativeClustering

    distances = np.clip(1 - similar, 0, 2).astype(np.float64)
    np.fill_diagonal(distances, 0)
    model = AgglomerativeClustering(n_clusters=None, metric="precomputed", linkage="average", distance_threshold=cut)
    return np.asarray(model.fit(distances).labels_, np.int64)


def typical_words(found: Cluster, everything: Counter[str], most: int = 4) -> tuple[str, ...]:
    """Return the words that tell a group from all other messages (frequency in it against frequency overall)."""
    counted = Counter(word for q in found.questions for word in set(q.normal.split()))
    size = len(found.questions)
    scored = {
        word: (n / size) * np.log((1 + everything.total()) / (1 + everything[word]))
        for word, n in counted.items()
        if word not in _STOP and len(word) > 1 and n >= min(2, size)
    }
    ordered = sorted(scored, key=lambda word: (-scored[word], word))[:most]
    if ordered:
        return tuple(ordered)
    return tuple(found.questions[0].normal.split()[:most])


def diverse(found: Cluster, most: int) -> list[Question]:
    """Return questions for examples: typical ones that are unlike each other (farthest first, from the centre).

    The outer tenth of the group is left out: there are the strays.
    """
    inner = found.questions[: max(most, round(len(found.questions) * 0.9))]
    if len(inner) <= most:
        return list(inner)
    lexical = LexicalModel([q.normal for q in inner])
    rows = np.arange(len(inner))
    vectors = found.vectors[: len(inner)] if found.vectors.shape[1] > 1 else None
    similar = _similarities(lexical, vectors, rows, rows)
    chosen = [0]
    nearest = similar[0].copy()
    while len(chosen) < most:
        nearest[chosen] = np.inf
        best = int(nearest.argmin())
        chosen.append(best)
        nearest = np.maximum(nearest, similar[best])
    return [inner[i] for i in sorted(chosen)]
