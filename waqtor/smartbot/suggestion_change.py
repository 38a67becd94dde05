"""From a suggestion to a changed rule file: the smallest diff, checked, tried, written and committed. Blocking."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waqtor.contracts.rules import Rule
from waqtor.errors import Conflict, InvalidInput, RevisionConflict
from waqtor.smartbot.compiler import refuse
from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.rule_store import as_rule
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_edit import CUSTOM, add_rule, replace_rule, write_atomically
from waqtor.smartbot.rules_io import Loaded, LoadedRule, load_folder, load_texts, read_texts
from waqtor.smartbot.suggestions import Suggestion
from waqtor.smartbot.yaml_tree import parse


@dataclass(frozen=True, slots=True)
class Change:
    """A rule file before and after, and all files together with the change."""

    file: str
    before: str
    after: str
    loaded: Loaded

    @property
    def diff(self) -> str:
        """As a unified diff."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            f"a/{self.file}" if self.before else "/dev/null",
            f"b/{self.file}",
        )
        return "".join(lines)

    @property
    def revision(self) -> str:
        """Of the file that the change is based on."""
        return hashlib.sha256(self.before.encode("utf-8", "replace")).hexdigest()[:12]


def change_of(folder: Path, suggestion: Suggestion, examples: Mapping[str, list[str]]) -> Change:
    """Return what accepting would write.

    Args:
        folder: The rules.
        suggestion: What is accepted.
        examples: Its phrases by language.

    Raises:
        InvalidInput: It is not complete: a new rule that replies needs replies.
        Conflict: There is nothing to add.
        RuleFileError: The rules would not pass the checks.
    """
    before = load_folder(folder)
    item = next((i for i in before.rules if i.rule.id == suggestion.rule_id), None)
    if item is not None:
        file, rule = item.file.name, _extended(item.rule, examples)
        held = before.texts[file]
        text = _inserted(held, item, rule) or replace_rule(held, rule.id, rule)
    else:
        file, rule = CUSTOM, _fresh(suggestion, examples)
        text = add_rule(before.texts.get(CUSTOM, ""), rule)
    texts = {**before.texts, file: text}
    after = check(load_texts(texts), near=False)
    known = {str(issue) for issue in check(before, near=False).errors}
    after.issues = [i for i in after.issues if i.warning or str(i) not in known or i.file == file]
    refuse(after)
    return Change(file, before.texts.get(file, ""), text, after)


def _extended(rule: Rule, examples: Mapping[str, list[str]]) -> Rule:
    held = {normalise(p) for phrases in rule.examples.values() for p in phrases}
    merged: dict[Any, tuple[str, ...]] = dict(rule.examples)
    added = 0
    for language, phrases in examples.items():
        fresh = [p for p in phrases if normalise(p) not in held]
        added += len(fresh)
        if fresh:
            merged[language] = (*merged.get(language, ()), *fresh)
    if not added:
        raise Conflict(f"The rule {rule.id!r} has all these examples already.", rule_id=rule.id)
    return Rule.model_validate({**rule.model_dump(), "examples": merged})


def _inserted(text: str, item: LoadedRule, rule: Rule) -> str | None:
    """The file with lines added after the last example of each language; ``None`` where its style defeats that."""
    lines = text.splitlines()
    places: list[tuple[int, list[str]]] = []
    for language, phrases in rule.examples.items():
        old = item.rule.examples.get(language, ())
        fresh = phrases[len(old) :]
        if not fresh:
            continue
        if not old:
            return None
        at = item.file.tree.place(("rules", item.number, "examples", language, len(old) - 1))[0] - 1
        found = re.match(r"(\s*- )\S", lines[at])
        if found is None:
            return None
        places.append((at + 1, [found[1] + _scalar(phrase) for phrase in fresh]))
    for at, added in sorted(places, reverse=True):
        lines[at:at] = added
    changed = "\n".join(lines) + "\n"
    tree = parse(changed, "")
    held = next((r for r in (tree.data or {}).get("rules") or [] if r.get("id") == rule.id), None)
    if tree.issues or held is None or Rule.model_validate(held) != rule:
        return None
    return changed


def _scalar(phrase: str) -> str:
    """A phrase as a YAML scalar: plain where it reads as itself, else in single quotes."""
    if parse(f"- {phrase}\n", "").data == [phrase]:
        return phrase
    return "'" + phrase.replace("'", "''") + "'"


def _fresh(suggestion: Suggestion, examples: Mapping[str, list[str]]) -> Rule:
    replies = {name: [{"text": text}] for name, text in suggestion.replies.items() if text.strip()}
    if suggestion.action == "reply" and not replies:
        raise InvalidInput(
            "Write what the new rule answers first (replies), or choose handoff or ignore.",
            issues=[
                {"in": "body", "field": "replies", "message": "a rule that replies needs replies", "type": "missing"}
            ],
        )
    return as_rule(
        {
            "id": suggestion.rule_id,
            "description": suggestion.description or f"About: {suggestion.title}"[:500],
            "action": suggestion.action,
            "examples": {name: tuple(phrases) for name, phrases in examples.items() if phrases},
            "replies": replies if suggestion.action != "ignore" else {},
        }
    )


def write(folder: Path, change: Change) -> None:
    """Write the file, unless somebody changed it since.

    Raises:
        RevisionConflict: It is not what the change is based on.
    """
    current, _ = read_texts(folder)
    if current.get(change.file, "") != change.before:
        raise RevisionConflict(f"{change.file} was changed by somebody else; look at the diff again.", file=change.file)
    write_atomically(folder / change.file, change.after)
