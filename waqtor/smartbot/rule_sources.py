"""Where a version of the rules comes from: the files, git, a folder beside them, or texts that somebody edits."""

from __future__ import annotations

from pathlib import Path

from waqtor.contracts.workbench import RuleSource
from waqtor.errors import InvalidInput
from waqtor.smartbot.rules_git import texts_at
from waqtor.smartbot.rules_io import read_texts


def texts_of(folder: Path, source: RuleSource) -> dict[str, str]:
    """Return the files of a version: name → text. Blocking.

    Raises:
        InvalidInput: There is no such revision or folder.
    """
    if source.kind == "git":
        return texts_at(folder, source.ref or "HEAD")
    if source.kind == "folder":
        return _beside(folder, source.folder)
    texts, _ = read_texts(folder)
    if source.kind == "texts":
        texts = {name: text for name, text in {**texts, **source.texts}.items() if text.strip()}
    return texts


def described(source: RuleSource) -> str:
    """Return the source in a word or two: ``files``, ``git HEAD~1``, ``folder rules-next``, ``texts orders.yaml``."""
    more = {"git": source.ref or "HEAD", "folder": source.folder, "texts": ", ".join(sorted(source.texts))}
    return f"{source.kind} {more.get(source.kind, '')}".strip()[:200]


def _beside(folder: Path, name: str) -> dict[str, str]:
    """Only folders beside the rules may be named: this is no way to look around on the machine."""
    parent = folder.resolve().parent
    found = (parent / name).resolve()
    if not name or found == parent or not found.is_relative_to(parent) or not found.is_dir():
        raise InvalidInput(f"There is no folder {name!r} beside the rules.")
    texts, _ = read_texts(found)
    if not texts:
        raise InvalidInput(f"There are no rules in the folder {name!r}.")
    return texts
