"""Vectors of recorded messages on disk: appended as messages are encoded, read in place, bounded.

Unlike the vectors of examples (:class:`waqtor.smartbot.encoders.VectorCache`) they are many, so the files are never
rewritten to add some. Two files an encoder: SHA-1 of the texts, 20 bytes each, and the vectors, float32. What a crash
left half written at the end is cut off by the next writer. One process writes at a time; another reads what there is
and keeps its own in memory.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from waqtor.smartbot.encoders import Encoder, Vectors

CAPACITY = 250_000
"""Vectors kept (384 MB at 384 numbers); beyond that the files start anew."""
_KEY = 20


class TrafficVectors:
    """Gives vectors of texts, encoding those not seen before.

    Args:
        folder: Where the files are; ``None``, or a light encoder: vectors are kept in memory only.
        encoder: Whose vectors they are.
        capacity: Most vectors kept.
    """

    def __init__(self, folder: Path | None, encoder: Encoder, capacity: int = CAPACITY) -> None:
        self._encoder = encoder
        self._folder = folder if not encoder.light else None
        self._capacity = capacity
        self._place: dict[bytes, int] = {}
        self._rows: list[Vectors] = []
        self._stored: Vectors | None = None
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        self._opened = False

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of ``texts``, shape (texts, dim)."""
        self._open()
        keys = [hashlib.sha1(text.encode("utf-8", "replace")).digest() for text in texts]
        found = {key: self._row(self._place[key]) for key in keys if key in self._place}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            ordered = sorted(missing.items(), key=lambda item: (len(item[1]), item[1]))
            rows = self._encoder.encode([text for _, text in ordered])
            found.update((key, row) for (key, _), row in zip(ordered, rows, strict=True))
            self._add([key for key, _ in ordered], rows)
        if not keys:
            return np.zeros((0, max(1, self._encoder.dim)), np.float32)
        return np.stack([found[key] for key in keys])

    def _row(self, place: int) -> Vectors:
        held = len(self._stored) if self._stored is not None else 0
        return self._stored[place] if self._stored is not None and place < held else self._rows[place - held]

    def _add(self, keys: Sequence[bytes], rows: Vectors) -> None:
        if len(self._place) + len(keys) > self._capacity:
            self._start_anew()
        if self._files is not None:
            names, vectors = self._files
            try:
                vectors.write(np.ascontiguousarray(rows, np.float32).tobytes())
                vectors.flush()
                names.write(b"".join(keys))
                names.flush()
            except OSError:  # a full disk costs the next run some encoding, nothing else
                self._files = None
        for key, row in zip(keys, rows, strict=True):
            self._place[key] = len(self._place)
            self._rows.append(row)

    def _start_anew(self) -> None:
        """Forget everything. The files are replaced, not emptied: another process may have them mapped."""
        self._place, self._rows, self._stored = {}, [], None
        if self._files is not None:
            self.close()
            for path in self._paths():
                path.unlink(missing_ok=True)
            self._files = self._locked()

    def _paths(self) -> list[Path]:
        assert self._folder is not None
        return [self._folder / f"messages-{self._encoder.name}.{kind}" for kind in ("keys", "rows")]

    def _locked(self) -> tuple[BinaryIO, BinaryIO] | None:
        names, vectors = (path.open("a+b") for path in self._paths())
        try:
            fcntl.flock(names, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            names.close()
            vectors.close()
            return None
        return names, vectors

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        if self._folder is None:
            return
        if not self._encoder.dim:
            self._encoder.encode(["dim"])
        size = 4 * self._encoder.dim
        names, vectors = self._paths()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files = self._locked()
            count = min(names.stat().st_size // _KEY, vectors.stat().st_size // size)
            if self._files is not None:
                for file, width in zip(self._files, (_KEY, size), strict=True):
                    file.truncate(count * width)
            with names.open("rb") as file:
                held = file.read(count * _KEY)
            if count:
                self._stored = np.memmap(vectors, np.float32, "r", shape=(count, self._encoder.dim))
        except OSError:
            self._files, self._stored = None, None
            return
        self._place = {held[i * _KEY : (i + 1) * _KEY]: i for i in range(count)}
        if len(self._place) < count:  # not written by this class
            self._start_anew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what is at hand stays so."""
        for file in self._files or ():
            file.close()
        self._files = None
