"""What the package promises about itself: names, weight, shape."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import waqtor

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "waqtor").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")]


def test_public_names_are_pinned() -> None:
    assert waqtor.__all__ == [
        "AsyncWaqtorClient", "WaqtorClient", "WaqtorError", "__version__", "connect", "hookimpl",
    ]  # fmt: skip
    assert waqtor.__all__ == sorted(waqtor.__all__)
    for name in waqtor.__all__:
        assert getattr(waqtor, name) is not None


def test_importing_waqtor_pulls_in_nothing_heavy() -> None:
    heavy = ("torch", "sklearn", "pandas", "duckdb", "streamlit", "fastapi", "sqlalchemy", "pydantic")
    code = f"import sys, waqtor; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_sidecar_starts_without_torch_when_the_encoder_is_light() -> None:
    code = (
        "import sys; from waqtor.bootstrap import Engine; from waqtor.settings import Settings; "
        "Engine(Settings(encoder='hashing')); print([m for m in ('torch','streamlit','plotly') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().splitlines()[-1] == "[]"


def test_files_stay_small() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert [str(path.relative_to(ROOT)) for path, size in sizes.items() if size > 400] == []
    assert statistics.median(size for size in sizes.values() if size > 3) <= 150


def test_modules_are_nouns_with_a_docstring() -> None:
    for path in SOURCES:
        assert path.stem not in {"utils", "helpers", "manager", "common", "misc"}
        text = path.read_text(encoding="utf-8")
        assert not text.strip() or text.lstrip().startswith(('"""', "#")), path


def test_each_change_has_a_fragment_that_reads_well() -> None:
    fragments = [path for path in (ROOT / "changes").iterdir() if path.suffix == ".md"]
    assert fragments
    for path in fragments:
        assert path.name.split(".")[-2] in {"feature", "fix", "breaking", "doc", "internal"}, path.name
        assert len(path.read_text(encoding="utf-8").strip()) > 20
