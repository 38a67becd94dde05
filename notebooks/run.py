"""Execute the paired notebooks: ``python notebooks/run.py`` rewrites every ``.ipynb`` from its ``.py``, with outputs.

The ``.py`` (percent format) is what is written and reviewed; the executed ``.ipynb`` is for readers.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def sources() -> list[Path]:
    """The notebooks' ``.py`` files."""
    return sorted(path for path in FOLDER.glob("[0-9]*.py"))


def execute(source: Path, *, folder: Path = FOLDER, timeout: int = 600, **parameters: Any) -> nbformat.NotebookNode:
    """Run a notebook and return it with outputs.

    Args:
        source: The ``.py`` file.
        folder: Working directory of the kernel.
        timeout: Seconds per cell.
        **parameters: Put into a cell after the one tagged ``parameters``.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    notebook = jupytext.read(source)
    if parameters:
        lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        cell = nbformat.v4.new_code_cell(lines, metadata={"tags": ["injected-parameters"]})
        place = next(i for i, each in enumerate(notebook.cells) if "parameters" in each.metadata.get("tags", []))
        notebook.cells.insert(place + 1, cell)
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
        # Unix sockets: nobody else on the machine can talk to the kernel, and no port is opened. Their place must be
        # absolute, since the kernel runs in another folder than we do.
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, km=manager, timeout=timeout, store_widget_state=False, resources=resources).execute()
    return notebook


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what changes with every run: times, kernel details, progress bars; give cells ids by their place."""
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).clear()
    return notebook


def main() -> None:
    """Execute every notebook, or those named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="the .py files; all when none is named")
    parser.add_argument("--parameters", type=json.loads, default={}, help="a JSON object for the parameters cell")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the executed notebooks")
    asked = parser.parse_args()
    # Committed outputs come from the sample, never from the log of whoever runs this.
    os.environ["WAQTOR_API_URL"] = "http://127.0.0.1:9"
    os.environ["WAQTOR_DATA_DIR"] = f"{tempfile.gettempdir()}/waqtor-no-log"
    for source in asked.notebooks or sources():
        target = asked.to / source.with_suffix(".ipynb").name
        nbformat.write(tidy(execute(source, folder=asked.to, **asked.parameters)), target)
        print(f"{target.name}: {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
