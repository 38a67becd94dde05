"""Sentence vectors from an ONNX graph: onnxruntime and tokenizers alone, a third of torch's time, no torch import."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from waqtor.errors import ConfigurationError
from waqtor.smartbot.encoders import SentenceTransformerEncoder, Vectors, joined
from waqtor.smartbot.onnx_export import Exporter, graph_folder, is_exported

_log = structlog.get_logger(__name__)

BATCH = 32
"""Most messages run at once; they are sorted by length first, since a batch is padded to its longest."""
BATCH_TOKENS = 2048
"""Most tokens run at once, padding included."""


class Graph:
    """An exported model in memory.

    Args:
        folder: As :func:`waqtor.smartbot.onnx_export.export` left it.
        threads: That one run uses; 0: two, or one on a single core. A third gains nothing on short messages.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        about = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        self.dim = 2 * int(about["dim"])
        self._first_token = about["pooling"] == "cls"
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(int(about["max_length"]))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(2, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        # A waiting thread that spins takes the core which the event loop needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # or one long message raises the process's memory for good
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (len(texts), dim)."""
        out = np.zeros((len(texts), self.dim), np.float32)
        tokens = [self._tokenizer.encode(text.encode("utf-8", "replace").decode().strip()).ids for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        at = 0
        while at < len(order):
            size = 1
            for i in order[at + 1 : at + BATCH]:
                if (size + 1) * len(tokens[i]) > BATCH_TOKENS:
                    break
                size += 1
            rows = order[at : at + size]
            out[rows] = self._run([tokens[i] for i in rows])
            at += size
        return out

    def _run(self, tokens: list[list[int]]) -> Vectors:
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        last, middle = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        counted = mask.astype(np.float32)
        sums = [np.einsum("mtd,mt->md", layer, counted) for layer in (last, middle)]
        return joined(last[:, 0] if self._first_token else sums[0], sums[1])


class OnnxEncoder(SentenceTransformerEncoder):
    """A sentence-transformers model served from its ONNX graph; the same vectors, so the same name and caches.

    At the very first use the graph is made in a child process, which takes some ten seconds, about as long as
    importing torch here would. A model that cannot be exported is served by sentence-transformers.

    Args:
        model: Folder of the model.
        name: Of the encoder; the hash of the content is added.
        cache: Where graphs are kept.
        threads: See :class:`Graph`.
    """

    def __init__(self, model: str, name: str, cache: Path, threads: int = 0) -> None:
        super().__init__(model, name)
        self._folder = graph_folder(cache, self.name)
        self._threads = threads
        self._graph: Graph | None = None
        self._exporter = Exporter(Path(model), self._folder)

    @property
    def loaded(self) -> bool:
        """Whether the graph, or in its stead the model, is in memory."""
        return self._graph is not None or super().loaded

    def load(self) -> None:
        """Load the graph now, making it first where it is missing.

        Raises:
            ConfigurationError: There is neither graph nor model.
        """
        with self._lock:
            if self.loaded:
                return
            try:
                if not is_exported(self._folder):
                    _log.info("encoder.export", encoder=self.name)
                    self._exporter.run()
                graph = Graph(self._folder, self._threads)
                self.dim = graph.dim
                self._graph = graph
                return
            except Exception as error:
                _log.warning("encoder.slow_path", encoder=self.name, reason=f"{type(error).__name__}: {error}"[:300])
                if self._exporter.ended:
                    raise ConfigurationError("The encoder was stopped while its model was being exported.") from error
        super().load()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the model's unit vectors."""
        self.load()
        return self._graph.encode(texts) if self._graph is not None else super().encode(texts)

    def close(self) -> None:
        """End an export that is under way."""
        self._exporter.end()
