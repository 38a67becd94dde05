"""A sentence-transformers model as an ONNX graph: made once in a child process, kept by content.

Exporting needs torch; serving from the result needs onnxruntime and tokenizers only. The child compares the graph
with the original before it hands it over, so a graph that exists is one whose vectors agree.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from waqtor.smartbot.encoders import layered, middle_layer

FORMAT = 2
"""Raised whenever graphs come out differently."""
TOLERANCE = 1e-5
"""Greatest difference of a component from the original model's vector."""
TIMEOUT_S = 300.0
_REFUSED = 3
_PROBES = (
    "where is my order?", "a", "", "وين طلبي رقم 1234؟", "wain 6alabi 😀",
    "I ordered a pair of shoes two weeks ago and would like to return them because they do not fit me at all.",
    "long " * 400,
)  # fmt: skip


class ExportFailed(Exception):
    """The model cannot be had as a graph; the message says why."""


def graph_folder(cache: Path, name: str) -> Path:
    """Return where the graph of an encoder is kept, by its name (which holds the hash of its content)."""
    return cache / f"onnx{FORMAT}-{name}"


def is_exported(folder: Path) -> bool:
    """Tell whether a graph is there; folders appear whole."""
    return (folder / "graph.json").is_file()


class Exporter:
    """Runs the export in a child process that can be ended.

    Args:
        model: Folder of the sentence-transformers model.
        folder: Where the graph is to be; see :func:`graph_folder`.
    """

    def __init__(self, model: Path, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self.ended = False

    def run(self, timeout_s: float = TIMEOUT_S) -> None:
        """Make the graph unless it is there; blocks for some ten seconds.

        Raises:
            ExportFailed: Now, or at an earlier start, when the model is of a kind that cannot be exported.
        """
        refusal = self._folder.with_name(f"{self._folder.name}.refused")
        if is_exported(self._folder):
            return
        if refusal.is_file():
            raise ExportFailed(refusal.read_text(encoding="utf-8"))
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-m", "waqtor.smartbot.onnx_export", str(self._model.resolve())]
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if self.ended:
            raise ExportFailed("stopped")
        with subprocess.Popen(
            [*command, str(self._folder.resolve())],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            self._child = child
            try:
                _, errors = child.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                child.kill()
                raise ExportFailed(f"not done after {timeout_s:g} s") from error
            finally:
                self._child = None
        if child.returncode == 0 and is_exported(self._folder):
            return
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1][:300] if lines else f"exit code {child.returncode}"
        if child.returncode == _REFUSED:
            refusal.write_text(reason, encoding="utf-8")
        raise ExportFailed(reason)

    def end(self) -> None:
        """End a running export; :meth:`run` then raises."""
        self.ended = True
        child = self._child
        if child is not None:
            child.kill()


def export(model_folder: Path, folder: Path) -> None:
    """Export in this process (it imports torch) and move the graph into place in one step.

    Raises:
        ExportFailed: The model has parts other than a transformer, mean or first-token pooling and scaling to
            length 1, or the graph's vectors differ from its own.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(model_folder), device="cpu", model_kwargs={"attn_implementation": "eager"}).eval()
    parts = [type(part).__name__ for part in model]
    pooling = str(model[1].get_config_dict().get("pooling_mode", "")) if len(parts) > 1 else ""
    plain = parts[:2] == ["Transformer", "Pooling"] and parts[2:] in ([], ["Normalize"])
    if not plain or pooling not in ("mean", "cls"):
        raise ExportFailed(f"not a plain sentence encoder: {', '.join(parts)}, pooling {pooling or 'unknown'}")
    temporary = Path(tempfile.mkdtemp(prefix=".onnx-", dir=folder.parent))
    try:
        _write_graph(torch, model[0].auto_model, temporary / "model.onnx")
        model.tokenizer.save_pretrained(temporary)
        if not (temporary / "tokenizer.json").is_file():
            raise ExportFailed("its tokenizer has no tokenizer.json")
        description = {
            "pooling": pooling,
            "max_length": int(model.max_seq_length or 512),
            "dim": int(model.encode(["a"], show_progress_bar=False).shape[1]),
            "middle": middle_layer(int(model[0].auto_model.config.num_hidden_layers)),
        }
        (temporary / "graph.json").write_text(json.dumps(description), encoding="utf-8")
        _compare(model, temporary)
        try:
            temporary.rename(folder)
        except OSError:
            if not is_exported(folder):
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_graph(torch: Any, transformer: Any, path: Path) -> None:
    class Hidden(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            found = self.transformer(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
            return found.last_hidden_state, found.hidden_states[middle]

    middle = middle_layer(int(transformer.config.num_hidden_layers))
    ones = torch.ones((2, 7), dtype=torch.long)
    names = ["input_ids", "attention_mask", "hidden", "middle"]
    torch.onnx.export(
        Hidden().eval(),
        (ones, ones),
        str(path),
        input_names=names[:2],
        output_names=names[2:],
        dynamic_axes={name: {0: "messages", 1: "tokens"} for name in names},
        opset_version=17,
        dynamo=False,
    )


def _compare(model: Any, folder: Path) -> None:
    from waqtor.smartbot.onnx_encoder import Graph

    theirs = layered(model, _PROBES)
    apart = float(np.abs(Graph(folder).encode(_PROBES) - theirs).max())
    if not apart <= TOLERANCE:
        raise ExportFailed(f"vectors differ by {apart:.1e}")


def main(arguments: list[str]) -> int:
    """Export ``arguments``: model folder, target folder. Exit code 3: this model cannot be exported."""
    try:
        export(Path(arguments[0]), Path(arguments[1]))
    except ExportFailed as error:
        sys.stderr.write(f"{error}\n")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
