"""Build the wheel and check that it holds every file of the package: ``python .ci/wheel.py [FOLDER]``."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(folder: Path) -> int:
    """Build into ``folder``; returns 1 when something is missing in the wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("waqtor-*.whl"):
        old.unlink()
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("waqtor-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    files = subprocess.run(["git", "ls-files", "waqtor"], cwd=ROOT, capture_output=True, text=True, check=True)
    missing = sorted(set(files.stdout.split()) - names)
    strange = sorted(n for n in names if not n.startswith(("waqtor/", "waqtor-")) or "__pycache__" in n)
    sys.stdout.write(f"{wheel.name}: {wheel.stat().st_size // 1000} kB, {len(names)} files\n")
    for name in missing:
        sys.stdout.write(f"missing: {name}\n")
    for name in strange:
        sys.stdout.write(f"does not belong there: {name}\n")
    return 1 if missing or strange else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
