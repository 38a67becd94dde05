"""Step 4, retrieve: what a message hits outright — a button, an example, a pattern, a keyword."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from waqtor.smartbot.ruleset import CompiledRule, RuleSet

Stage = Literal["button", "exact", "pattern", "keyword"]
NONE_OF_THESE = "clarify:none"
"""Id of the button that says: none of the rules asked about."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that was hit, by what, and the words that did it."""

    rule: CompiledRule
    stage: Stage
    evidence: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where: what conditions of rules are checked against."""

    now: int
    session: str
    is_group: bool


def outright(
    rules: RuleSet, choice: str, folded: str, texts: Sequence[str], moment: Moment
) -> tuple[Hit | None, list[str]]:
    """Return the first outright hit and notes for the trace.

    Args:
        rules: The compiled rules.
        choice: Id of a pressed button, or empty.
        folded: The folded text, for patterns.
        texts: The normalised readings of the message, the message itself first.
        moment: For the rules' conditions.
    """
    notes: list[str] = []
    pressed = rules.rules.get(choice.removeprefix("rule:")) if choice else None
    if pressed is not None and _may(pressed, moment):
        return Hit(pressed, "button", choice), notes
    for text in texts:
        for rule_id in rules.exact.get(text, ()):
            if _may(rules.rules[rule_id], moment):
                return Hit(rules.rules[rule_id], "exact", text), notes
    usable = [(i, p) for i, p in rules.patterns if _may(rules.rules[i], moment) and not _refused(rules, i, texts)]
    for rule_id, pattern in usable:
        try:
            found = pattern.search(folded)
        except TimeoutError:
            notes.append(f"a pattern of {rule_id} took too long and was passed over")
            continue
        if found is not None:
            return Hit(rules.rules[rule_id], "pattern", found[:200]), notes
    for text in texts:
        hits = [
            (rule_id, phrase)
            for rule_id, phrase in rules.keyword_hits(text)
            if _may(rules.rules[rule_id], moment) and not _refused(rules, rule_id, texts)
        ]
        named = sorted({rule_id for rule_id, _ in hits})
        if len(named) == 1:
            return Hit(rules.rules[named[0]], "keyword", hits[0][1]), notes
        if named:
            notes.append(f"keywords of {', '.join(named)} tie, so they do not decide")
    return None, notes


def _may(rule: CompiledRule, moment: Moment) -> bool:
    return rule.holds(moment.now, moment.session, moment.is_group)


def _refused(rules: RuleSet, rule_id: str, texts: Sequence[str]) -> bool:
    return any((rule_id, text) in rules.refused for text in texts)
