"""Characters: tf-idf over the 2–4-grams of words, in plain numpy, fast for one message at a time.

The weighting is that of scikit-learn's ``TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4),
sublinear_tf=True)`` (a test holds it to that): few-shot Arabic lives on it, and it bears typos and dialect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SIZES = (2, 3, 4)


def grams(text: str) -> Counter[str]:
    """Return the character n-grams of the space-padded words of a normalised text."""
    found: Counter[str] = Counter()
    for word in text.split():
        padded = f" {word} "
        length = len(padded)
        for size in SIZES:
            if length <= size:
                found[padded] += 1
                break
            found.update(padded[i : i + size] for i in range(length - size + 1))
    return found


def _counted(texts: Sequence[str]) -> tuple[list[str], Ints, Ints, Ints]:
    """Return the n-grams of all texts, sorted, and of each cell that is not 0 its row, column and count.

    Each word is cut once, since most texts are made of the same few.
    """
    number: dict[str, int] = {}
    pieces: dict[str, Ints] = {}
    rows: list[Ints] = []
    empty = np.zeros(0, np.int64)
    for text in texts:
        mine = []
        for word in text.split():
            cut = pieces.get(word)
            if cut is None:
                cut = np.array([number.setdefault(gram, len(number)) for gram in grams(word).elements()], np.int64)
                pieces[word] = cut
            mine.append(cut)
        rows.append(np.concatenate(mine) if mine else empty)
    found = sorted(number)
    place = np.empty(len(found), np.int64)
    place[[number[gram] for gram in found]] = np.arange(len(found))
    columns = place[np.concatenate(rows)] if number else empty
    cells = np.repeat(np.arange(len(rows)), [len(row) for row in rows]) * max(1, len(found)) + columns
    cells, counts = np.unique(cells, return_counts=True)
    return found, cells // max(1, len(found)), cells % max(1, len(found)), counts


class LexicalModel:
    """The n-grams of a set of examples: vectors, similarities to every example, and class scores.

    Args:
        texts: Normalised examples; row numbers below are positions in it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.rows = len(texts)
        found, row, column, count = _counted(texts)
        self.vocabulary = {gram: number for number, gram in enumerate(found)}
        seen = np.bincount(column, minlength=len(found)).astype(np.float32)
        self.idf = np.asarray(np.log((1 + self.rows) / (1 + seen)) + 1, np.float32)
        self.unseen_idf = float(np.log(1 + self.rows) + 1)
        self._matrix: Any = None
        self._turned: Any = None
        values = (1 + np.log(count.astype(np.float32))) * self.idf[column]
        norms = np.sqrt(np.bincount(row, weights=values * values, minlength=self.rows))
        order = np.lexsort((row, column))
        self._rows = row[order].astype(np.int32)
        self._values = np.asarray((values / norms[row])[order], np.float32)
        self._starts = np.searchsorted(column[order], np.arange(len(found) + 1))

    def _weights(self, counted: Counter[str]) -> tuple[NDArray[np.int64], Floats, float]:
        known = [(self.vocabulary[gram], count) for gram, count in counted.items() if gram in self.vocabulary]
        columns = np.fromiter((column for column, _ in known), np.int64, len(known))
        counts = np.fromiter((count for _, count in known), np.float32, len(known))
        values = (1 + np.log(counts)) * self.idf[columns]
        missing = sum(1 for gram in counted if gram not in self.vocabulary)
        norm = float(np.sqrt((values * values).sum()))
        whole = float(np.sqrt(norm * norm + missing * self.unseen_idf**2))
        if norm > 0:
            values = values / norm
        return columns, np.asarray(values, np.float32), norm / whole if whole else 0.0

    def similarities(self, text: str) -> tuple[Floats, float]:
        """Return the cosine of ``text`` to every example and the share of the text that the examples know.

        The cosine counts known n-grams only (the scale the class scores were fitted on); times the share it is
        the cosine over all of the message.
        """
        columns, values, known = self._weights(grams(text))
        if not len(columns):
            return np.zeros(self.rows, np.float32), 0.0
        starts, ends = self._starts[columns], self._starts[columns + 1]
        lengths = ends - starts
        offsets = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        at = np.arange(int(lengths.sum())) + offsets
        weights = self._values[at] * np.repeat(values, lengths)
        return np.bincount(self._rows[at], weights=weights, minlength=self.rows).astype(np.float32), known

    def similarities_of(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Return the same of many texts: cosines, shape (texts, examples), and the shares, shape (texts,)."""
        from scipy.sparse import csr_matrix

        rows = [self._weights(grams(text)) for text in texts]
        ends = np.cumsum([0, *(len(columns) for columns, *_ in rows)])
        columns = np.concatenate([row[0] for row in rows]) if rows else np.zeros(0, np.int64)
        values = np.concatenate([row[1] for row in rows]) if rows else np.zeros(0, np.float32)
        asked = csr_matrix((values, columns, ends), shape=(len(rows), len(self.vocabulary)))
        if self._turned is None:
            shape = (len(self.vocabulary), self.rows)
            self._turned = csr_matrix((self._values, self._rows, self._starts), shape=shape)
        known = np.array([row[2] for row in rows], np.float32)
        return np.asarray((asked @ self._turned).toarray(), np.float32), known

    def block(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> Floats:
        """Return the similarities of examples to examples, by row numbers, shape (left, right)."""
        from scipy.sparse import csc_matrix

        if self._matrix is None:
            shape = (self.rows, len(self.vocabulary))
            self._matrix = csc_matrix((self._values, self._rows, self._starts), shape=shape).tocsr()
        return np.asarray((self._matrix[left] @ self._matrix[right].T).toarray(), np.float32)

    def shares(self, text: str, example: str) -> list[tuple[str, float]]:
        """Return the n-grams that a message shares with an example and what each adds to their cosine, most first.

        The shares sum to the cosine of :meth:`similarities`, in which only known n-grams of the message count.
        """
        ours, theirs = grams(text), grams(example)
        left, right = (dict(zip(*self._weights(counted)[:2], strict=True)) for counted in (ours, theirs))
        found = [
            (gram, float(left[column] * right[column]))
            for gram in ours.keys() & theirs.keys()
            if (column := self.vocabulary.get(gram)) is not None
        ]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def shared_grams(self, text: str, example: str, limit: int = 8) -> list[str]:
        """Return the n-grams that a message shares with an example, the most telling first."""
        both = grams(text).keys() & grams(example).keys() & self.vocabulary.keys()
        return sorted(both, key=lambda gram: (-self.idf[self.vocabulary[gram]], gram))[:limit]
