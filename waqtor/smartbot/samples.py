"""Labelled messages: the JSONL that evaluation and import read, and the rules that such rows make.

A row is ``{"text": …, "label": … or null, "lang": …}``; ``null`` says that no rule should answer. ``lang`` may be
missing; it is then detected. In training rows the unanswered ones become one rule with the action ``ignore``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from waqtor.contracts.rules import Reply, Rule, RuleFile
from waqtor.errors import InvalidInput
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.rules_io import Loaded, LoadedFile, LoadedRule
from waqtor.smartbot.yaml_tree import Tree

IGNORED = "ignored_messages"
"""Id of the rule that training rows without a label make."""
_MAX_TEXT = 1000
_LANGUAGES = ("ar", "en", "arabizi")


@dataclass(frozen=True, slots=True)
class Sample:
    """A message and the rule that should answer it; ``label`` is ``None`` for none, ``lang`` may be empty."""

    text: str
    label: str | None
    lang: str = ""


def read_samples(path: Path) -> list[Sample]:
    """Read a JSONL file.

    Raises:
        InvalidInput: It cannot be read, or a line is not such a row; the message names the line.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 at byte {error.start}.") from error
    return samples_of(content, str(path))


def samples_of(content: str, name: str) -> list[Sample]:
    """Read the text of a JSONL file called ``name``; errors as in :func:`read_samples`."""
    found = [_sample(line, f"{name}:{i}") for i, line in enumerate(content.split("\n"), 1) if line.strip()]
    if not found:
        raise InvalidInput(f"{name} holds no rows.")
    return found


def _sample(line: str, place: str) -> Sample:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{place}: not JSON ({str(error)[:80]}).") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise InvalidInput(f'{place}: a row needs a "text".')
    label, lang = row.get("label"), row.get("lang")
    if label is not None and not (isinstance(label, str) and label.strip()):
        raise InvalidInput(f'{place}: "label" must be text, or null for out of scope.')
    if lang is not None and not isinstance(lang, str):
        raise InvalidInput(f'{place}: "lang" must be text.')
    text = row["text"].encode("utf-8", "replace").decode("utf-8")
    return Sample(text, label.strip() if label is not None else None, lang or "")


def rule_ids(labels: Iterable[str]) -> dict[str, str]:
    """Return a valid and unique rule id for every label (``Card arrival?`` → ``card_arrival``)."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for label in sorted(set(labels)):
        plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
        base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:56] or "rule"
        base = base if base[0].isalpha() else f"r_{base}"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        found[label] = name
    return found


def language_of(text: str, lang: str = "") -> str:
    """Return the language under which a rule file holds an example: ar, en or arabizi."""
    if lang in _LANGUAGES:
        return lang
    code = lang.lower().replace("_", "-").split("-")[0]
    if code in _LANGUAGES:
        return code
    seen = visible(text)
    detected = detect(seen, normalise(seen)).language
    return detected if detected in _LANGUAGES else "en"


def rules_of(
    samples: Sequence[Sample], ids: Mapping[str, str] | None = None, replies: Mapping[str, str] | None = None
) -> list[Rule]:
    """Return one rule per label with the samples as examples, and the ignore rule for those without a label.

    Args:
        samples: Rows; equal texts of a label count once, those longer than an example may be are cut.
        ids: Rule id of each label; default :func:`rule_ids`.
        replies: Reply text by label; a placeholder that names the rule where there is none.
    """
    names = ids if ids is not None else rule_ids(s.label for s in samples if s.label is not None)
    grouped: dict[str | None, dict[str, dict[str, None]]] = {}
    for sample in samples:
        text = " ".join(visible(sample.text).split())[:_MAX_TEXT].strip()
        if text:
            by_language = grouped.setdefault(sample.label, {})
            by_language.setdefault(language_of(text, sample.lang), {})[text] = None
    rules: list[Rule] = []
    for label in sorted(grouped, key=lambda value: (value is None, value or "")):
        examples = {name: tuple(grouped[label][name]) for name in _LANGUAGES if name in grouped[label]}
        if label is None:
            free = IGNORED if IGNORED not in names.values() else f"{IGNORED}_none"
            rules.append(Rule.model_validate({"id": free, "action": "ignore", "examples": examples}))
            continue
        text = (replies or {}).get(label) or f"Write the answer of {names[label]} here."
        answers = {next(iter(examples)): (Reply(text=text),)}
        said = "" if label.isascii() else visible(label)[:500].strip()  # what an id in small letters cannot say
        rules.append(
            Rule.model_validate({"id": names[label], "description": said, "examples": examples, "replies": answers})
        )
    return rules


def loaded_of(rules: Sequence[Rule]) -> Loaded:
    """Return rules that stand in no file as if they had been loaded from one."""
    tree = Tree("rules.yaml")
    file = LoadedFile("rules.yaml", RuleFile(version=1, rules=tuple(rules)), tree)
    return Loaded(files=[file], rules=[LoadedRule(rule, file, i) for i, rule in enumerate(rules)])
