"""Step 6, decide: answer, ask back, hand over, or stay silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from waqtor.smartbot.ruleset import CompiledRule, RuleSet
from waqtor.smartbot.scorer import Score

Kind = Literal["answer", "clarify", "handoff", "silent", "opt_out", "opt_in"]
PLAUSIBLE = 0.6
"""A rule is worth asking about from this share of its threshold."""

_KINDS: dict[str, Kind] = {
    "reply": "answer",
    "handoff": "handoff",
    "opt_out": "opt_out",
    "opt_in": "opt_in",
    "ignore": "silent",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, why, and by which rule; ``options`` are the rules to ask about."""

    kind: Kind
    reason: str
    rule: CompiledRule | None = None
    confidence: float = 0.0
    threshold: float | None = None
    options: tuple[CompiledRule, ...] = ()


def by_rule(rule: CompiledRule, reason: str, confidence: float = 1.0, threshold: float | None = None) -> Decision:
    """Return what a rule that was hit wants done."""
    kind = _KINDS[rule.rule.action]
    if rule.rule.action == "ignore":
        reason = f"{reason}; the rule says to ignore it"
    return Decision(kind, reason, rule, confidence, threshold)


def by_scores(scores: Sequence[Score], rules: RuleSet, language: str, margin: float) -> Decision:
    """Return the decision on scored rules, best first.

    A rule answers from its threshold on, unless another is closer than ``margin`` and would answer too or nearly:
    then the customer is asked. Below the threshold the customer is asked too when two rules share what
    confidence there is; otherwise the bot stays silent.
    """
    if not scores:
        return Decision("silent", "nothing resembles the message")
    best = rules.rules[scores[0].rule_id]
    top, threshold = scores[0].confidence, best.threshold[language]
    close = [best]
    for score in scores[1:3]:
        other = rules.rules[score.rule_id]
        if top - score.confidence < margin and score.confidence >= PLAUSIBLE * other.threshold[language]:
            close.append(other)
    plausible = top >= PLAUSIBLE * threshold
    askable = len(close) > 1 and plausible and all(rule.rule.action in ("reply", "handoff") for rule in close)
    if askable:
        names = " and ".join(rule.rule.id for rule in close)
        return Decision("clarify", f"{names} are closer than {margin:g}", best, top, threshold, tuple(close[:3]))
    if top >= threshold:
        return by_rule(best, f"confidence {top:.2f} reaches the threshold {threshold:.2f}", top, threshold)
    return Decision("silent", f"confidence {top:.2f} is below the threshold {threshold:.2f}", best, top, threshold)
