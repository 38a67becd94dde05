"""The rule files in git, through the git command: what changed, old versions, and commits of one file."""

from __future__ import annotations

import subprocess
from pathlib import Path

from waqtor.contracts.workbench import RuleCommit
from waqtor.errors import Conflict, InvalidInput

TIMEOUT_S = 20.0


def _git(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *args], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Conflict(f"git cannot be used here: {error}") from error


def require_clean(folder: Path, name: str) -> None:
    """Make sure that a commit of this file will hold nothing but the change to come.

    Raises:
        Conflict: The folder is in no git repository, or the file has changes that are not committed.
    """
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        raise Conflict("The rules are not in a git repository; accept without a commit, or run git init there.")
    status = _git(folder, "status", "--porcelain", "--", name)
    if status.stdout.strip():
        raise Conflict(f"{name} has changes that are not committed; commit them first, or accept without a commit.")


def commit_file(folder: Path, name: str, message: str) -> str:
    """Commit one file and nothing else; return the commit's id.

    Raises:
        Conflict: git refused; the file stays changed.
    """
    for args in (("add", "--", name), ("commit", "-q", "-m", message, "--", name)):
        done = _git(folder, *args)
        if done.returncode:
            raise Conflict(f"git refused the commit: {(done.stderr or done.stdout).strip()[:300]}")
    return _git(folder, "rev-parse", "HEAD").stdout.strip()


def texts_at(folder: Path, ref: str) -> dict[str, str]:
    """Return the YAML files of a rules folder as they were at a git revision: name → text.

    Raises:
        InvalidInput: There is no such revision, or no rules in it.
    """
    if ref.startswith("-"):
        raise InvalidInput(f"{ref}: not a git revision.")
    prefix = _git(folder, "rev-parse", "--show-prefix")
    if prefix.returncode:
        raise InvalidInput(f"{folder} is in no git repository.")
    inside = prefix.stdout.strip()
    top = Path(_git(folder, "rev-parse", "--show-toplevel").stdout.strip())
    listed = _git(top, "ls-tree", "-r", "-z", "--name-only", ref, "--", inside or ".")
    if listed.returncode:
        raise InvalidInput(f"{ref}: {listed.stderr.strip()[:200]}")
    texts: dict[str, str] = {}
    for path in listed.stdout.split("\0"):
        name = path.removeprefix(inside)
        if path.endswith((".yaml", ".yml")) and not any(part.startswith(".") for part in Path(name).parts):
            texts[name] = _git(top, "show", f"{ref}:{path}").stdout
    if not texts:
        raise InvalidInput(f"There are no rules at {ref}.")
    return texts


def commits_of(folder: Path, name: str, limit: int = 50) -> list[RuleCommit]:
    """Return the commits that touched a file, the latest first; none where git knows nothing of it.

    Raises:
        Conflict: The folder is in no git repository.
    """
    if _git(folder, "rev-parse", "--is-inside-work-tree").returncode:
        raise Conflict("The rules are not in a git repository; run git init there to keep their history.")
    shown = _git(folder, "log", f"-{limit}", "--follow", "--format=%H%x1f%an%x1f%cI%x1f%s%x1e", "--", name)
    rows = (row.strip("\n").split("\x1f") for row in shown.stdout.split("\x1e"))
    return [RuleCommit(commit=row[0], author=row[1], created=row[2], subject=row[3]) for row in rows if len(row) == 4]


def changes_of(folder: Path, name: str, ref: str = "") -> str:
    """Return what a commit changed in a file, as a diff; without ``ref`` what is not committed yet.

    Raises:
        InvalidInput: There is no such commit.
        Conflict: The folder is in no git repository.
    """
    if ref.startswith("-"):
        raise InvalidInput(f"{ref}: not a git revision.")
    if _git(folder, "rev-parse", "--is-inside-work-tree").returncode:
        raise Conflict("The rules are not in a git repository; run git init there to keep their history.")
    args = ("show", "--format=", ref, "--", name) if ref else ("diff", "HEAD", "--", name)
    shown = _git(folder, *args)
    if shown.returncode and ref:
        raise InvalidInput(f"{ref}: there is no such commit.")
    return shown.stdout
