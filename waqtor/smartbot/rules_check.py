"""What a model cannot see: variables, patterns, examples that two rules claim, languages without a reply."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from waqtor.smartbot.lexical import LexicalModel
from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.patterns import PatternError, examine
from waqtor.smartbot.rules_io import Loaded, LoadedRule
from waqtor.smartbot.ruleset import shared_variables
from waqtor.smartbot.templates import BUILTIN, TemplateError, compile_template
from waqtor.smartbot.yaml_tree import Issue

NEAR = 0.93
"""Cosine of character n-grams from which examples of two rules count as nearly the same."""


def check(loaded: Loaded, *, near: bool = True) -> Loaded:
    """Add the semantic issues to a loaded folder and return it.

    Args:
        loaded: As read; rules of files that could not be parsed are missing in it.
        near: Also look for near-duplicates among examples (takes time, yields warnings only).
    """
    shared = shared_variables(loaded)
    for item in loaded.rules:
        known = frozenset(BUILTIN | shared.keys() | item.file.content.variables.keys())
        loaded.issues += _templates(item, known)
        loaded.issues += _patterns(item)
        loaded.issues += _phrases(item)
    loaded.issues += _same_examples(loaded)
    loaded.issues += _cases(loaded)
    if near:
        loaded.issues += _near_examples(loaded)
    return loaded


def _templates(item: LoadedRule, known: frozenset[str]) -> Iterator[Issue]:
    for language, variants in item.rule.replies.items():
        for i, reply in enumerate(variants):
            path = ("replies", language, i, "text")
            try:
                compile_template(reply.text, known)
            except TemplateError as error:
                yield item.issue(path, str(error))


@lru_cache(maxsize=4096)
def _fault(source: str) -> str:
    try:
        examine(source)
    except PatternError as error:
        return str(error)
    return ""


def _patterns(item: LoadedRule) -> Iterator[Issue]:
    for i, source in enumerate(item.rule.patterns):
        fault = _fault(source)
        if fault:
            yield item.issue(("patterns", i), f"pattern {source!r} {fault}")


def _phrases(item: LoadedRule) -> Iterator[Issue]:
    rule = item.rule
    for kind, by_language in (("examples", rule.examples), ("keywords", rule.keywords), ("negatives", rule.negatives)):
        for language, phrases in by_language.items():
            for i, phrase in enumerate(phrases):
                if not normalise(phrase):
                    yield item.issue(
                        (kind, language, i), f"{phrase!r} has no words and no emoji", warning=kind != "keywords"
                    )
    if rule.action == "reply":
        asked = {name for name in ("ar", "en") if rule.examples.get(name) or rule.keywords.get(name)}
        for name in sorted(asked - rule.replies.keys()):
            yield item.issue(("replies",), f"asked in {name!r} but no reply in it", warning=True)


def _same_examples(loaded: Loaded) -> Iterator[Issue]:
    seen: dict[str, tuple[LoadedRule, str]] = {}
    for item, path, phrase, text in _examples(loaded):
        earlier, said = seen.setdefault(text, (item, phrase))
        if earlier.rule.id == item.rule.id:
            continue
        told_apart = earlier.rule.conditions != item.rule.conditions  # by time of day, for example
        yield item.issue(
            path,
            f"the example {phrase!r} stands in rule {earlier.rule.id!r} too ({earlier.file.name}, as {said!r})",
            warning=told_apart,
        )


def _examples(loaded: Loaded) -> Iterator[tuple[LoadedRule, tuple[str | int, ...], str, str]]:
    for item in sorted(loaded.rules, key=lambda found: found.rule.id):
        if not item.rule.enabled:
            continue
        for language, phrases in item.rule.examples.items():
            for i, phrase in enumerate(phrases):
                text = normalise(phrase)
                if text:
                    yield item, ("examples", language, i), phrase, text


def _near_examples(loaded: Loaded) -> Iterator[Issue]:
    found = list(_examples(loaded))
    if not 1 < len(found) <= 6000:
        return
    model = LexicalModel([text for *_, text in found])
    rules = np.array([item.rule.id for item, *_ in found])
    rows = np.arange(len(found))
    for begin in range(0, len(found), 500):
        part = rows[begin : begin + 500]
        close = model.block(part, rows)
        left, right = np.nonzero((close >= NEAR) & (rules[part][:, None] < rules[None, :]))
        for i, j in zip(part[left], right, strict=True):
            (item, path, phrase, text), (other, _, same, text_b) = found[int(j)], found[int(i)]
            if text != text_b:
                yield item.issue(
                    path, f"{phrase!r} is nearly {same!r} of rule {other.rule.id!r} ({other.file.name})", warning=True
                )


def _cases(loaded: Loaded) -> Iterator[Issue]:
    known = {item.rule.id for item in loaded.rules}
    for case in loaded.cases:
        if case.case.rule is not None and case.case.rule not in known:
            yield Issue(case.file, case.line, 1, f"the test expects rule {case.case.rule!r}, which does not exist")
