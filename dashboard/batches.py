"""Messages that somebody pastes or uploads: text, CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass

from waqtor.errors import InvalidInput

MOST = 5000
"""Messages of a batch."""
LONGEST = 4096
_TEXTS = ("text", "message", "body", "say", "utterance", "نص", "رسالة")
_LABELS = ("label", "rule", "rule_id", "intent")


@dataclass(frozen=True, slots=True)
class Row:
    """A message; ``label`` is the right rule, ``None`` for none, and ``labelled`` whether that is known."""

    text: str
    label: str | None = None
    labelled: bool = False


def of_lines(text: str) -> list[Row]:
    """One message a line; empty lines are passed over."""
    return _bounded(Row(line.strip()) for line in text.splitlines() if line.strip())


def of_file(name: str, content: bytes) -> list[Row]:
    """The messages of an uploaded file, by its ending.

    Raises:
        InvalidInput: It is not UTF-8, or not what its ending says; the message names the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not UTF-8 at byte {error.start}.") from error
    ending = name.rsplit(".", 1)[-1].lower()
    rows = {"csv": _csv, "jsonl": _jsonl, "json": _jsonl}.get(ending)
    found = of_lines(text) if rows is None else _bounded(rows(text, name))
    if not found:
        raise InvalidInput(f"{name} holds no messages.")
    return found


def _bounded(rows: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        if len(found) == MOST:
            raise InvalidInput(f"At most {MOST:,} messages at once.")
        found.append(Row(row.text[:LONGEST], row.label, row.labelled))
    return found


def _csv(text: str, name: str) -> Iterable[Row]:
    if "\0" in text:
        raise InvalidInput(f"{name} is not a CSV file.")
    try:
        table = [row for row in csv.reader(io.StringIO(text, newline="")) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidInput(f"{name} is not a CSV file: {error}.") from error
    if not table:
        return
    head = [cell.strip().casefold() for cell in table[0]]
    texts = next((head.index(known) for known in _TEXTS if known in head), None)
    labels = next((head.index(known) for known in _LABELS if known in head), None)
    for row in table[1:] if texts is not None else table:
        said = row[texts or 0].strip() if len(row) > (texts or 0) else ""
        if said:
            known = texts is not None and labels is not None and len(row) > labels
            yield Row(said, (row[labels].strip() or None) if known and labels is not None else None, known)


def _jsonl(text: str, name: str) -> Iterable[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{name}:{number}: not JSON.") from error
        if isinstance(row, str):
            yield Row(row)
            continue
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InvalidInput(f'{name}:{number}: a row needs a "text".')
        label = row.get("label")
        if label is not None and not isinstance(label, str):
            raise InvalidInput(f'{name}:{number}: "label" must be text, or null for no rule.')
        if row["text"].strip():
            yield Row(row["text"].encode("utf-8", "replace").decode(), label or None, "label" in row)
