from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from waqtor.errors import ConfigurationError
from waqtor.smartbot.encoders import SentenceTransformerEncoder, make_encoder
from waqtor.smartbot.onnx_encoder import Graph, OnnxEncoder
from waqtor.smartbot.onnx_export import Exporter, ExportFailed, graph_folder, is_exported

HOSTILE = [
    "",
    " ",
    "a",
    "😀",
    "\u202ewhere\u202c",
    "\ud800 lone",
    "\x00",
    "وين طلبي؟",
    "where is my order " * 500,
    "x" * 20_000,
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the graph of minilm, made by the encoder itself at its first use."""
    folder = tmp_path_factory.mktemp("cache")
    encoder = make_encoder("minilm", folder)
    assert isinstance(encoder, OnnxEncoder)
    assert not encoder.loaded
    encoder.load()
    assert is_exported(graph_folder(folder, encoder.name))
    assert not list(folder.glob(".onnx-*"))
    return folder


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(cache: Path) -> None:
    fast, plain = make_encoder("minilm", cache), make_encoder("minilm")
    assert type(plain) is SentenceTransformerEncoder
    assert fast.name == plain.name  # one cache of vectors serves both
    texts = [f"where is order {i} {'and when does it come ' * (i % 9)}" for i in range(90)]
    texts += ["وين طلبي رقم ١٢", "wain 6alabi", "ça va?", *(t for t in HOSTILE if t != "\ud800 lone")]
    got = fast.encode(texts)
    assert got.dtype == np.float32
    assert fast.dim == 768
    assert np.abs(got - plain.encode(texts)).max() < 1e-5
    assert np.abs(got[:5] - np.concatenate([fast.encode([t]) for t in texts[:5]])).max() < 1e-5
    assert fast.encode(HOSTILE).shape == (len(HOSTILE), 768)
    assert np.isfinite(fast.encode(HOSTILE)).all()
    assert fast.encode([]).shape == (0, 768)


@pytest.mark.slow
def test_serving_imports_no_torch_and_starts_fast(cache: Path) -> None:
    code = (
        "import sys, json; from pathlib import Path; from waqtor.smartbot.encoders import make_encoder;"
        "make_encoder('minilm', Path(sys.argv[1])).encode(['where is my order']);"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'onnx', 'sklearn'};"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(cache)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.slow
def test_threads_share_a_graph(cache: Path) -> None:
    graph = Graph(next(cache.glob("onnx*-minilm-*")), threads=1)
    texts = [f"order {i}" for i in range(20)]
    expected = graph.encode(texts)
    apart: list[float] = []

    def ask() -> None:
        apart.append(float(np.abs(graph.encode(texts) - expected).max()))

    workers = [threading.Thread(target=ask) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(apart) == 4
    assert max(apart) < 1e-6


def test_a_model_that_cannot_be_exported_is_remembered_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "onnx2-x"
    folder.with_name("onnx2-x.refused").write_text("not a plain sentence encoder", encoding="utf-8")
    with pytest.raises(ExportFailed, match="not a plain"):
        Exporter(tmp_path, folder).run()
    (tmp_path / "model").mkdir()
    encoder = OnnxEncoder(str(tmp_path / "model"), "x", tmp_path)
    graph_folder(tmp_path, encoder.name).with_name(f"{graph_folder(tmp_path, encoder.name).name}.refused").write_text(
        "no"
    )
    with pytest.raises(ConfigurationError, match="cannot be loaded"):  # the other way was tried
        encoder.load()


@pytest.mark.slow
async def test_an_export_can_be_ended_and_leaves_nothing_half(tmp_path: Path) -> None:
    encoder = make_encoder("minilm", tmp_path)
    assert isinstance(encoder, OnnxEncoder)
    began = time.monotonic()
    task = asyncio.create_task(asyncio.to_thread(encoder.load))
    await asyncio.sleep(1.0)
    encoder.close()
    with pytest.raises(ConfigurationError, match="stopped"):
        await task
    assert time.monotonic() - began < 10
    assert not is_exported(graph_folder(tmp_path, encoder.name))
    assert not encoder.loaded
