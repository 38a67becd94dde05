"""A compiled set of rules: immutable, swapped as a whole, shared by all decisions of its revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from waqtor.contracts.rules import Conditions, Reply, Rule
from waqtor.smartbot.arabizi import candidates
from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.patterns import Pattern, compile_pattern
from waqtor.smartbot.rule_names import names_of
from waqtor.smartbot.rules_io import Loaded, LoadedRule
from waqtor.smartbot.scorer import Example, FittedScorer
from waqtor.smartbot.templates import BUILTIN, Template, compile_template

FALLBACK: Mapping[str, tuple[str, ...]] = {
    "ar": ("ar", "en", "arabizi"),
    "en": ("en", "ar", "arabizi"),
    "arabizi": ("arabizi", "ar", "en"),
    "other": ("en", "ar", "arabizi"),
}
"""In which languages a reply or threshold is looked for, by the language of the message."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_zone = lru_cache(maxsize=64)(ZoneInfo)
_ARTICLES = ("", "و", "ف", "ال", "وال", "بال", "لل", "ب", "ل", "ول", "وب", "فال", "ك", "كال")


@dataclass(frozen=True, slots=True)
class CompiledReply:
    """A variant: its text as template and what it is sent as."""

    reply: Reply
    text: Template


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready for use."""

    rule: Rule
    file: str
    line: int
    revision: str
    replies: Mapping[str, tuple[CompiledReply, ...]]
    patterns: tuple[Pattern, ...]
    threshold: Mapping[str, float]
    variables: Mapping[str, str | Mapping[str, str]]
    titles: Mapping[str, str]

    def holds(self, now_us: int, session: str, is_group: bool) -> bool:
        """Tell whether the rule's conditions hold for a message."""
        conditions = self.rule.conditions
        if conditions == _ALWAYS:
            return True
        if conditions.sessions and session not in conditions.sessions:
            return False
        if conditions.groups is not None and conditions.groups != is_group:
            return False
        return _in_time(conditions, now_us)


_ALWAYS = Conditions()


def _in_time(conditions: Conditions, now_us: int) -> bool:
    if not conditions.weekdays and conditions.from_time is None:
        return True
    local = datetime.fromtimestamp(now_us / 1_000_000, _zone(conditions.timezone))
    day = local
    if conditions.from_time is not None and conditions.to_time is not None:
        clock = local.strftime("%H:%M")
        start, end = conditions.from_time, conditions.to_time
        if start <= end:
            if not start <= clock < end:
                return False
        elif clock < end:
            day = local - timedelta(days=1)  # after midnight the span belongs to the day it began
        elif clock < start:
            return False
    return not conditions.weekdays or _DAYS[day.weekday()] in conditions.weekdays


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything that a decision needs, of one revision."""

    revision: str
    rules: Mapping[str, CompiledRule]
    exact: Mapping[str, tuple[str, ...]]
    keywords: Mapping[str, tuple[str, ...]]
    longest_keyword: int
    patterns: tuple[tuple[str, Pattern], ...]
    refused: frozenset[tuple[str, str]]
    examples: tuple[Example, ...]
    scorer: FittedScorer | None = None

    def keyword_hits(self, normal: str) -> list[tuple[str, str]]:
        """Return (rule id, keyword) of the longest keywords in a normalised text; several rules when they tie."""
        if not self.keywords:
            return []
        tokens = normal.split()
        best = 0
        hits: dict[tuple[str, str], None] = {}
        for i, token in enumerate(tokens):
            for first in _without_articles(token):
                phrase = first
                for j in range(i, min(len(tokens), i + self.longest_keyword)):
                    if j > i:
                        phrase = f"{phrase} {tokens[j]}"
                    for rule_id in self.keywords.get(phrase, ()):
                        if len(phrase) > best:
                            best, hits = len(phrase), {}
                        if len(phrase) == best:
                            hits[(rule_id, phrase)] = None
        return list(hits)


def _without_articles(token: str) -> list[str]:
    found = [token]
    if not token.isascii():
        for prefix in _ARTICLES[1:]:
            if token.startswith(prefix) and len(token) - len(prefix) >= 3:
                found.append(token[len(prefix) :])
    return found


def shared_variables(loaded: Loaded) -> dict[str, str | dict[str, str]]:
    """Return the variables of all files by name (the first file's, where several define one)."""
    found: dict[str, str | dict[str, str]] = {}
    for file in loaded.files:
        for name, value in file.content.variables.items():
            found.setdefault(name, dict(value) if isinstance(value, dict) else value)  # type: ignore[arg-type]
    return found


def compile_rules(loaded: Loaded, default_threshold: float) -> RuleSet:
    """Compile a folder without errors; the scorer is fitted separately (:meth:`dataclasses.replace`).

    Args:
        loaded: What ``rules_check`` found no error in.
        default_threshold: Where neither rule nor file says otherwise.
    """
    shared = shared_variables(loaded)
    rules: dict[str, CompiledRule] = {}
    exact: dict[str, dict[str, None]] = {}
    keywords: dict[str, dict[str, None]] = {}
    patterns: list[tuple[str, Pattern]] = []
    refused: set[tuple[str, str]] = set()
    examples: set[Example] = set()
    names = names_of(found.rule.id for found in loaded.rules if found.rule.enabled and found.rule.action != "ignore")
    for item in sorted(loaded.rules, key=lambda found: found.rule.id):
        rule = item.rule
        if not rule.enabled:
            continue
        variables = {**shared, **item.file.content.variables}
        rules[rule.id] = _compile(item, variables, default_threshold)
        patterns += [(rule.id, pattern) for pattern in rules[rule.id].patterns]
        for language, phrases in rule.examples.items():
            for phrase in phrases:
                text = normalise(phrase)
                if text:
                    exact.setdefault(text, {})[rule.id] = None
                    name, ignored = names.get(rule.id, ""), rule.action == "ignore"
                    examples.add(Example(rule.id, text, language, False, phrase, name, ignored=ignored))
        for phrases in rule.keywords.values():
            for phrase in phrases:
                text = normalise(phrase)
                if text:
                    keywords.setdefault(text, {})[rule.id] = None
        for language, phrases in rule.negatives.items():
            for phrase in phrases:
                text = normalise(phrase)
                if text:
                    refused.add((rule.id, text))
                    examples.add(Example(rule.id, text, language, True, phrase))
    return RuleSet(
        revision=loaded.revision,
        rules=rules,
        exact={text: _conditional_first(ids, rules) for text, ids in exact.items()},
        keywords={text: tuple(sorted(ids)) for text, ids in keywords.items()},
        longest_keyword=max((text.count(" ") + 1 for text in keywords), default=0),
        patterns=tuple(patterns),
        refused=frozenset(refused),
        examples=tuple(sorted(examples)),
    )


def _conditional_first(ids: Mapping[str, None], rules: Mapping[str, CompiledRule]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda i: (rules[i].rule.conditions == _ALWAYS, i)))


def _compile(item: LoadedRule, variables: Mapping[str, Any], default_threshold: float) -> CompiledRule:
    rule = item.rule
    known = BUILTIN | variables.keys()
    replies: dict[str, tuple[CompiledReply, ...]] = {
        language: tuple(CompiledReply(reply, compile_template(reply.text, frozenset(known))) for reply in variants)
        for language, variants in rule.replies.items()
        if variants
    }
    return CompiledRule(
        rule=rule,
        file=item.file.name,
        line=item.line,
        revision=item.revision,
        replies=replies,
        patterns=tuple(compile_pattern(source) for source in rule.patterns),
        threshold=_thresholds(rule, item.file.content.defaults.threshold, default_threshold),
        variables=variables,
        titles={language: _title(rule, language) for language in FALLBACK},
    )


def _thresholds(rule: Rule, of_file: Any, default: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for language in FALLBACK:
        value = default
        for source in (rule.threshold, of_file):
            named = _named(source, language)
            if named is not None:
                value = named
                break
        found[language] = value
    return found


def _named(source: Any, language: str) -> float | None:
    if source is None or isinstance(source, float):
        return source
    asked = {"arabizi": ("arabizi", "ar"), "other": ("en",)}.get(language, (language,))
    return next((float(source[name]) for name in asked if name in source), None)


def _title(rule: Rule, language: str) -> str:
    """A button's title for "did you mean": the shortest telling example of at most 20 characters."""
    for name in FALLBACK[language]:
        phrases = [phrase.strip() for phrase in rule.examples.get(name, ())]  # type: ignore[call-overload]
        fitting = sorted((p for p in phrases if 4 <= len(p) <= 20), key=lambda p: (-len(p.split()), len(p), p))
        if fitting:
            return str(fitting[0])
        if phrases:
            return str(min(phrases, key=lambda p: (len(p), p)))[:19] + "…"
    return (rule.description or rule.id.replace("_", " "))[:20]


def readings(normal: str, language: str) -> Sequence[str]:
    """Return the texts that stand for a message: itself, and its Arabic spellings when it is Arabizi."""
    return (normal, *candidates(normal)) if language == "arabizi" else (normal,)
