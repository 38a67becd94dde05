from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from waqtor.errors import ConfigurationError
from waqtor.smartbot.encoders import (
    HashingEncoder,
    VectorCache,
    Vectors,
    layered,
    make_encoder,
    middle_layer,
    unit,
)
from waqtor.smartbot.fit_cache import FitCache
from waqtor.smartbot.message_vectors import MessageVectors


class SlowEncoder:
    """Counts its calls; takes a moment like a model does."""

    name, dim, parts, light = "slow", 8, 1, False

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        if "boom" in texts:
            raise RuntimeError("boom")
        time.sleep(0.01)
        return unit(np.array([[len(t) + i for i in range(8)] for t in texts], np.float32))

    def weight(self, language: str, script: str) -> float:
        return 0.5


def test_hashing_gives_equal_unit_vectors() -> None:
    encoder = HashingEncoder(64)
    rows = encoder.encode(["where is my order", "", "وين طلبي", "where is my order"])
    assert rows.shape == (4, 64)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 0, 1, 1])
    assert (rows[0] == rows[3]).all()
    near, far = encoder.encode(["where is my orders", "قائمة الاسعار"])
    assert rows[0] @ near > 0.8 > 0.3 > rows[0] @ far


async def test_waiting_messages_share_batches_and_results_are_cached() -> None:
    encoder = SlowEncoder()
    vectors = MessageVectors(encoder, capacity=50)
    texts = [f"message {'x' * (i % 7)} {i}" for i in range(40)]
    found = await asyncio.gather(*(vectors.of(text) for text in texts * 2))
    expected = encoder.encode(texts)
    assert np.allclose(np.stack(found[:40]), expected)
    assert len(encoder.batches) <= 5  # the first alone, then the rest by 32, then the check above
    assert all(batch == sorted(batch, key=len) for batch in encoder.batches[:-1])
    calls = len(encoder.batches)
    await vectors.of(texts[5])
    assert len(encoder.batches) == calls
    await vectors.close()


async def test_a_failing_batch_fails_its_messages_and_no_others() -> None:
    vectors = MessageVectors(SlowEncoder())
    with pytest.raises(RuntimeError, match="boom"):
        await vectors.of("boom")
    assert (await vectors.of("fine")).shape == (8,)
    await vectors.close()


async def test_a_cancelled_decision_does_not_disturb_the_others() -> None:
    vectors = MessageVectors(SlowEncoder())
    first, second = asyncio.create_task(vectors.of("same")), asyncio.create_task(vectors.of("same"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).shape == (8,)
    await vectors.close()


def test_vectors_of_rules_are_kept_on_disk(tmp_path: Path) -> None:
    first = SlowEncoder()
    rows = VectorCache(tmp_path, first).vectors(["a", "bb", "a"])
    assert sorted(first.batches[0]) == ["a", "bb"]
    second = SlowEncoder()
    cache = VectorCache(tmp_path, second)
    assert (cache.vectors(["bb", "a"]) == rows[[1, 0]]).all()
    assert second.batches == []
    cache.vectors(["a", "ccc"])
    assert second.batches == [["ccc"]]
    file = next(tmp_path.glob("vectors2-*.npz"))
    file.write_bytes(file.read_bytes()[:50])
    assert (VectorCache(tmp_path, SlowEncoder()).vectors(["a"]) == rows[:1]).all()


def test_fits_are_kept_by_content(tmp_path: Path) -> None:
    cache, key = FitCache(tmp_path), FitCache.key(["a", "b"])
    assert key != FitCache.key(["ab", ""])
    cache.put(key, {"x": np.arange(3)})
    for i in range(6):  # pushes the first out of memory and its file out of the folder
        cache.put(FitCache.key([str(i)]), {"x": np.arange(i)})
    assert FitCache(tmp_path).get(FitCache.key(["5"])) is not None
    assert len(list(tmp_path.glob("heads-*.npz"))) == 3
    (tmp_path / f"heads-{key}.npz").write_bytes(b"torn")
    assert FitCache(tmp_path).get(key) is None


def test_encoder_names() -> None:
    assert make_encoder("hashing").light
    mpnet = make_encoder("mpnet")
    assert "all-mpnet-base-v2" in mpnet.name
    assert mpnet.weight("en", "latin") == 0.6
    assert mpnet.weight("ar", "arabic") == mpnet.weight("arabizi", "latin") == 0
    many = make_encoder("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2")
    assert many.weight("ar", "arabic") == 0.6


@pytest.mark.slow
def test_minilm_is_loaded_from_its_package_and_knows_meaning() -> None:
    encoder = make_encoder("minilm")
    rows = encoder.encode(["where is my parcel", "track my package", "what is the capital of france"])
    assert rows.shape == (3, 2 * 384)
    assert encoder.parts == 2
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    deep = unit(rows[:, :384])
    assert deep[0] @ deep[1] > 0.5 > 0.2 > deep[0] @ deep[2]


def test_a_missing_model_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be loaded"):
        make_encoder(str(tmp_path)).encode(["x"])


def test_a_model_without_layers_gives_its_own_vector_twice() -> None:
    import torch

    class Model:
        def __getitem__(self, place: int) -> object:
            return object()

        def preprocess(self, texts: list[str]) -> list[str]:
            return texts

        def __call__(self, texts: list[str]) -> dict[str, torch.Tensor]:
            return {"sentence_embedding": torch.tensor([[3.0, 4.0]] * len(texts))}

    rows = layered(Model(), ["a", "b"])
    assert rows.shape == (2, 4)
    assert np.allclose(rows[0], np.array([0.6, 0.8, 0.6, 0.8]) / np.sqrt(2))
    assert [middle_layer(layers) for layers in (1, 6, 12, 24)] == [1, 4, 8, 16]
