"""Numbered SQL migrations: forward only, each in one transaction; ``meta.schema_version`` says how far a store is."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_TOKENS = {
    "sqlite": {"{{rowid}}": "INTEGER NOT NULL PRIMARY KEY", "{{clustered}}": "WITHOUT ROWID"},
    "postgresql": {"{{rowid}}": "BIGINT PRIMARY KEY", "{{clustered}}": ""},
}
_APPEND_ONLY = re.compile(r"\{\{append_only:([a-z_]+)\}\}")
_GUARDS = {
    "sqlite": r"CREATE TRIGGER \1_fixed BEFORE UPDATE ON \1 BEGIN SELECT RAISE(ABORT, '\1 is append-only'); END",
    "postgresql": r"CREATE RULE \1_fixed AS ON UPDATE TO \1 DO INSTEAD NOTHING",
}
"""What keeps the rows of a table as they were written."""


def available(dialect: str) -> list[tuple[int, list[str]]]:
    """Return ``(number, statements)`` of every migration in order, in the dialect's SQL."""
    found: list[tuple[int, list[str]]] = []
    for entry in resources.files(__name__).iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            text = entry.read_text(encoding="utf-8")
            for token, value in _TOKENS[dialect].items():
                text = text.replace(token, value)
            text = _APPEND_ONLY.sub(_GUARDS[dialect], text)
            body = "\n".join(line.partition("--")[0].rstrip() for line in text.splitlines())
            statements = [part.strip() for part in body.split(";\n") if part.strip()]
            found.append((int(match[1]), [statement.rstrip(";") for statement in statements]))
    return sorted(found)


def migrate(dialect: str, version: int, execute: Callable[[str], object]) -> int:
    """Apply every migration above ``version`` inside the caller's transaction; returns the new version."""
    for number, statements in available(dialect):
        if number > version:
            for statement in statements:
                execute(statement)
            version = number
    return version
