"""Tuned thresholds written into rule files: into each file's ``defaults``, and into rules that got one of their own.

As in :mod:`waqtor.smartbot.rules_edit` the text is edited, not dumped: comments and everything else stay. Above the
threshold a comment beginning with ``# tuned:`` says what it rests on; the next tuning replaces it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from waqtor.contracts.rules import Rule
from waqtor.smartbot.rules_edit import format_text, replace_rule, round_trip
from waqtor.smartbot.rules_io import LoadedFile, is_test_file
from waqtor.smartbot.thresholds import Choice, Thresholds
from waqtor.smartbot.yaml_tree import parse

MARK = "# tuned:"
Value = float | dict[str, float]


def default_value(thresholds: Thresholds) -> Value | None:
    """Return what goes into ``defaults.threshold``; ``None`` when nothing can be promised."""
    overall = thresholds.overall.threshold
    if overall is None:
        return None
    own = {name: c.threshold for name, c in thresholds.languages.items() if c.threshold is not None}
    if not own:
        return overall
    strictest = max(overall, *own.values())
    return {name: own.get(name, strictest) for name in ("ar", "en", "arabizi") if name in own or name != "arabizi"}


def evidence(thresholds: Thresholds) -> list[str]:
    """Return the comment lines that say what the thresholds rest on."""
    lines = [f"{MARK} {thresholds.promise()}"]
    parts = {"all": thresholds.overall, **thresholds.languages}
    lines += [f"{MARK} {name}: {_fact(choice)}" for name, choice in parts.items()]
    return lines


def _fact(choice: Choice) -> str:
    if choice.threshold is None:
        return choice.note
    return (
        f"{choice.threshold:.4g} on {choice.messages} messages: {choice.right:.1%} answered rightly, "
        f"{choice.wrong:.1%} wrongly (bound {choice.bound:.1%})"
    )


def tuned_files(files: Sequence[LoadedFile], texts: Mapping[str, str], thresholds: Thresholds) -> dict[str, str]:
    """Return the new text of every rule file that changes.

    Args:
        files: The loaded rule files.
        texts: Their texts by name.
        thresholds: What to write. Rules that name their own threshold keep it, unless they got one by tuning by rule.
    """
    value = default_value(thresholds)
    if value is None:
        return {}
    changed: dict[str, str] = {}
    for file in files:
        if is_test_file(file.name) or not file.content.rules:
            continue
        text = set_default(texts[file.name], value, evidence(thresholds))
        for rule in file.content.rules:
            own = thresholds.rules.get(rule.id)
            if own is not None and own.threshold is not None and rule.threshold != own.threshold:
                text = replace_rule(text, rule.id, _with(rule, own.threshold))
        if text != texts[file.name]:
            changed[file.name] = text
    return changed


def kept_by_hand(files: Sequence[LoadedFile], thresholds: Thresholds) -> list[str]:
    """Return the rules whose own threshold stays, so that the tuned one does not hold for them."""
    return [
        rule.id
        for file in files
        for rule in file.content.rules
        if rule.threshold is not None and rule.id not in thresholds.rules
    ]


def _with(rule: Rule, threshold: float) -> Rule:
    return rule.model_copy(update={"threshold": threshold})


def set_default(text: str, value: Value, comment: Sequence[str] = ()) -> str:
    """Return a rule file with ``defaults.threshold`` set, and a comment above it."""
    wanted = parse(text, "").data
    wanted = {**wanted, "defaults": {**(wanted.get("defaults") or {}), "threshold": value}}
    changed = _edited(text, value, comment)
    if changed is not None and parse(changed, "").data == wanted:
        return changed
    data = round_trip().load(text)
    for node in (data, data.get("defaults")):
        if isinstance(node, CommentedMap):
            node.fa.set_block_style()
    block = _dumped(data)
    changed = _edited(block, value, comment)
    if changed is not None and parse(changed, "").data == wanted:
        return changed
    if not isinstance(data.get("defaults"), Mapping):
        data.insert(list(data).index("rules"), "defaults", CommentedMap())
    data["defaults"]["threshold"] = value
    return _dumped(data)


def _dumped(data: Any) -> str:
    out = io.StringIO()
    round_trip().dump(data, out)
    return format_text(out.getvalue())


def _edited(text: str, value: Value, comment: Sequence[str]) -> str | None:
    """The file with lines replaced or inserted; ``None`` when its style defeats that."""
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if re.match(r"defaults:\s*(#.*)?$", line)), None)
    if begin is None:
        rules = next((i for i, line in enumerate(lines) if re.match(r"rules:", line)), None)
        if rules is None or any(line.startswith("defaults:") for line in lines):
            return None
        while rules > 0 and lines[rules - 1].startswith("#"):
            rules -= 1
        block = ["defaults:", *(f"  {line}" for line in (*comment, _line(value))), ""]
        return "\n".join([*lines[:rules], *block, *lines[rules:]]) + "\n"
    end = next((i for i in range(begin + 1, len(lines)) if lines[i] and not lines[i][0].isspace()), len(lines))
    body = lines[begin + 1 : end]
    first = next((line for line in body if line.strip() and not line.lstrip().startswith("#")), "  x")
    indent = first[: len(first) - len(first.lstrip())]
    place = next((i for i, line in enumerate(body) if re.match(rf"{indent}threshold:", line)), None)
    start, stop = 0, 0
    if place is not None:
        start, stop = place, place + 1
        while stop < len(body) and body[stop].strip() and body[stop].startswith(indent + " "):
            stop += 1
        while start > 0 and body[start - 1].strip().startswith(MARK):
            start -= 1
    fresh = [indent + line for line in (*comment, _line(value))]
    return "\n".join([*lines[: begin + 1], *body[:start], *fresh, *body[stop:], *lines[end:]]) + "\n"


def _line(value: Value) -> str:
    if isinstance(value, dict):
        return "threshold: {" + ", ".join(f"{name}: {number:.6g}" for name, number in value.items()) + "}"
    return f"threshold: {value:.6g}"
