"""Changing a rule in its YAML file as a person would: only its lines change, comments stay.

The text of the file is edited, not dumped: a replaced rule is re-written from its own lines (values that did not
change keep their comments and style), an added one is appended, a deleted one goes with the comment right above
it. The result is parsed again and must hold exactly the rules that were meant; if the file's style defeats the
surgery (flow lists, anchors across rules) the whole file is dumped instead.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import SingleQuotedScalarString

from waqtor.contracts.rules import Rule
from waqtor.smartbot.yaml_tree import parse

CUSTOM = "custom.yaml"
HEADER = "# yaml-language-server: $schema=./rules.schema.json\nversion: 1\n\nrules:\n"
_ORDER = tuple(Rule.model_fields)
_HARMLESS = re.compile(r"[a-z\u0620-\u064a]{4,}(?: [a-z\u0620-\u064a]+)+")
"""Most phrases: words of letters alone, which nobody reads as anything but text. To try each would take time."""


def round_trip() -> YAML:
    """Return the one way in which rule files are written."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.allow_unicode = True
    # An expectation of silence is written out: an empty "rule:" would look forgotten.
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def plain(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain data without what equals the defaults."""
    data = rule.model_dump(mode="json", exclude_defaults=True)
    return {name: data[name] for name in _ORDER if name in data and data[name] not in ({}, [], None)}


def format_text(text: str) -> str:
    """Return a rule file in the canonical form; comments and blank lines stay.

    Raises:
        ValueError: It is not YAML.
    """
    try:
        data = round_trip().load(text)
    except (YAMLError, ValueError) as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return _dump(data)


def _dump(data: Any) -> str:
    out = io.StringIO()
    round_trip().dump(data, out)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(lines).rstrip("\n") + "\n"


def replace_rule(text: str, rule_id: str, rule: Rule) -> str:
    """Return the file with the rule's content replaced.

    Raises:
        KeyError: The file has no such rule.
    """
    wanted = plain(rule)
    begin, end = _span(text, rule_id)
    lines = text.splitlines()
    indent = len(lines[begin]) - len(lines[begin].lstrip())
    try:
        block = "x:\n" + "\n".join(f"  {line[indent:]}" if line.strip() else "" for line in lines[begin:end]) + "\n"
        loaded = round_trip().load(block)
        _merge(loaded["x"][0], wanted)
        fresh = [" " * indent + line if line else "" for line in _dump_item(loaded["x"][0])]
        changed = "\n".join([*lines[:begin], *fresh, *lines[end:]]) + "\n"
        if _holds(changed, text, rule_id, wanted):
            return changed
    except (YAMLError, ValueError, TypeError, KeyError, IndexError):
        pass
    data = round_trip().load(text)
    _merge(next(item for item in data["rules"] if item.get("id") == rule_id), wanted)
    return _dump(data)


def add_rule(text: str, rule: Rule) -> str:
    """Return the file with the rule appended; an empty text becomes a new file."""
    wanted = plain(rule)
    base = text if text.strip() else HEADER
    data = parse(base, "").data
    rules = (data.get("rules") if isinstance(data, dict) else None) or []
    item = CommentedMap()
    _merge(item, wanted)
    body = base.rstrip("\n")
    ends_with_rules = isinstance(data, dict) and (not data or list(data)[-1] == "rules")
    if ends_with_rules and not re.search(r"(?m)^rules:\s*[\[~n]", body):
        gap = "\n\n" if rules else "\n"
        changed = body + gap + "\n".join("  " + line if line else "" for line in _dump_item(item)) + "\n"
        if _holds(changed, base, rule.id, wanted):
            return changed
    whole = round_trip().load(base)
    if not whole.get("rules"):
        whole["rules"] = CommentedSeq()
    whole["rules"].append(item)
    return _dump(whole)


def delete_rule(text: str, rule_id: str) -> str:
    """Return the file without the rule.

    Raises:
        KeyError: The file has no such rule.
    """
    begin, end = _span(text, rule_id)
    lines = text.splitlines()
    first = begin
    while first > 0 and lines[first - 1].lstrip().startswith("#") and lines[first - 1].startswith(" "):
        first -= 1
    while end < len(lines) and not lines[end].strip():
        end += 1
    kept = [*lines[:first], *lines[end:]]
    changed = "\n".join(kept).rstrip("\n") + "\n"
    if parse(changed, "").data is not None and not _rules(changed):
        changed = re.sub(r"(?m)^rules:[ \t]*$", "rules: []", changed)
    if _holds(changed, text, rule_id, None):
        return changed
    data = round_trip().load(text)
    at = next(i for i, item in enumerate(data["rules"]) if item.get("id") == rule_id)
    del data["rules"][at]
    return _dump(data)


def _rules(text: str) -> list[dict[str, Any]]:
    data = parse(text, "").data
    return list((data or {}).get("rules") or []) if isinstance(data, dict) else []


def _holds(changed: str, before: str, rule_id: str, wanted: Mapping[str, Any] | None) -> bool:
    """Whether ``changed`` is ``before`` with the rule replaced, added or (``None``) removed, and nothing else."""
    tree = parse(changed, "")
    if tree.issues or not isinstance(tree.data, dict):
        return False
    old = {item["id"]: item for item in _rules(before)}
    new = {item["id"]: item for item in _rules(changed)}
    if wanted is None:
        old.pop(rule_id, None)
        return old == new
    others = {key: value for key, value in old.items() if key != rule_id}
    mine = new.pop(rule_id, None)
    return others == new and mine is not None and plain(Rule.model_validate(mine)) == dict(wanted)


def _span(text: str, rule_id: str) -> tuple[int, int]:
    """First line and the line after the last of a rule, without the blank and comment lines that follow it."""
    tree = parse(text, "")
    rules = _rules(text)
    at = next((i for i, item in enumerate(rules) if item.get("id") == rule_id), None)
    if at is None:
        raise KeyError(rule_id)
    lines = text.splitlines()
    begin = tree.place(("rules", at))[0] - 1
    end = tree.place(("rules", at + 1))[0] - 1 if at + 1 < len(rules) else _after_rules(lines, begin)
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return begin, end


def _after_rules(lines: Sequence[str], begin: int) -> int:
    for i in range(begin + 1, len(lines)):
        if lines[i] and not lines[i][0].isspace() and not lines[i].startswith(("-", "#")):
            return i
    return len(lines)


def _dump_item(item: Any) -> list[str]:
    yaml = round_trip()
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump({"x": CommentedSeq([item])}, out)
    lines = [line.rstrip() for line in out.getvalue().splitlines()[1:]]
    return [line[2:] for line in lines]


def _merge(target: Any, wanted: Mapping[str, Any]) -> None:
    """Make a round-trip mapping hold ``wanted``, touching only what differs."""
    for name in [name for name in target if name not in wanted]:
        del target[name]
    for name, value in wanted.items():
        held = target.get(name)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            _merge(held, value)
        elif isinstance(held, CommentedSeq) and isinstance(value, list):
            _merge_list(held, value)
        elif name not in target or held != value or type(held) is bool is not type(value):
            target[name] = styled(value)


def _merge_list(held: CommentedSeq, value: Sequence[Any]) -> None:
    """Align two lists: items that stay keep their comments, the others are removed and inserted."""
    i = 0
    while i < len(value):
        if i < len(held) and held[i] == value[i]:
            i += 1
        elif i < len(held) and held[i] not in value[i:]:
            if isinstance(held[i], CommentedMap) and isinstance(value[i], Mapping):
                _merge(held[i], value[i])
                i += 1
            elif len(held) > len(value):
                held.pop(i)
            else:
                held[i] = styled(value[i])
                i += 1
        else:
            held.insert(i, styled(value[i]))
            i += 1
    while len(held) > len(value):
        held.pop()


def styled(value: Any) -> Any:
    """Return plain data as it is written: text that another reader would take for something else is quoted."""
    if isinstance(value, str):
        if _HARMLESS.fullmatch(value):
            return value
        trial = parse(f"rules:\n  - id: {value}\n" if "\n" not in value else "", "")
        risky = (
            bool(trial.issues) or _rules(f"rules:\n  - id: {value}\n") != [{"id": value}]
            if "\n" not in value
            else False
        )
        return SingleQuotedScalarString(value) if risky else value
    if isinstance(value, Mapping):
        return CommentedMap({key: styled(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return CommentedSeq([styled(item) for item in value])
    return value


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that readers see the old or the new one, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        temporary.chmod(path.stat().st_mode & 0o777)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
