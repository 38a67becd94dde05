"""What accepting suggestions would change, by cross-validation on the very messages they are made of.

In each of three turns a third of every group's questions and of every rule's examples is held back, the rest is
learned with all suggestions in place, and what was held back is judged. So a suggestion's promise rests on messages
that its examples do not contain, in the company of the other suggestions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waqtor.contracts.learning import SuggestionEffect
from waqtor.smartbot.crossfit import Matcher
from waqtor.smartbot.ruleset import RuleSet
from waqtor.smartbot.samples import language_of
from waqtor.smartbot.scorer import Example
from waqtor.smartbot.suggestion_clusters import Cluster, Question, diverse
from waqtor.smartbot.suggestions import EXAMPLES

FOLDS = 3


@dataclass(frozen=True, slots=True)
class Traffic:
    """All messages of the span: how many, and how many were answered (and not judged wrong)."""

    messages: int
    answered: int


def expected(
    rules: RuleSet,
    matcher: Matcher,
    groups: Mapping[str, tuple[str, Cluster]],
    questions: Sequence[Question],
    traffic: Traffic,
    threshold: float,
) -> dict[str, SuggestionEffect]:
    """Return what each suggestion would change.

    Args:
        rules: The rules that serve now.
        matcher: Fits and scores.
        groups: By suggestion id: the rule it goes to, and its questions.
        questions: Everything unanswered, the members of groups included.
        traffic: What the shares are of.
        threshold: For rules that are not there yet.
    """
    if not groups:
        return {}
    owner = {q.key: sid for sid, (_, found) in groups.items() for q in found.questions}
    rule_of = {sid: rule_id for sid, (rule_id, _) in groups.items()}
    sid_of: dict[str, list[str]] = {}
    for sid, rule_id in rule_of.items():
        sid_of.setdefault(rule_id, []).append(sid)
    gained = dict.fromkeys(groups, 0.0)
    answered = dict.fromkeys(groups, 0)
    lost = dict.fromkeys(groups, 0)
    base = list(rules.examples)
    asked = matcher.messages([q.text for q in questions])
    own = matcher.messages([e.original for e in base])
    turn_of = {q.key: i % FOLDS for i, q in enumerate(sorted(questions, key=lambda q: q.key))}
    part = np.arange(len(base)) % FOLDS
    for turn in range(FOLDS):
        learned = [e for i, e in enumerate(base) if e.negative or part[i] != turn]
        for rule_id, found in groups.values():
            rest = [i for i, q in enumerate(found.questions) if turn_of[q.key] != turn]
            if not rest:
                continue
            kept = Cluster(found.language, [found.questions[i] for i in rest], (), found.vectors[rest])
            learned += [example_of(rule_id, q) for q in diverse(kept, EXAMPLES)]
        learned = sorted(set(learned))
        vectors, trusted = matcher.example_vectors(learned)
        fitted, _ = matcher.fit(learned, vectors, trusted)
        for question, message in zip(questions, asked, strict=True):
            if turn_of[question.key] != turn:
                continue
            top = next(iter(fitted.predict(message.query, limit=1).scores), None) if message.query.readings else None
            if top is None or top.rule_id not in sid_of:
                continue
            rule = rules.rules.get(top.rule_id)
            if top.confidence < (rule.threshold[message.language] if rule is not None else threshold):
                continue
            mine = owner.get(question.key)
            sid = mine if mine in sid_of[top.rule_id] else sid_of[top.rule_id][0]
            weight = len(question.messages)
            # Of members we believe the group; a stray is right as often as the scorer says it is.
            gained[sid] += weight * (1.0 if sid == mine else top.confidence)
            answered[sid] += len(question.messages) if sid == mine else 0
        for i, message in enumerate(own):
            if part[i] != turn or base[i].negative or not message.query.readings:
                continue
            top = next(iter(fitted.predict(message.query, limit=1).scores), None)
            if top is not None and top.rule_id != base[i].rule_id and top.rule_id in sid_of:
                lost[sid_of[top.rule_id][0]] += 1
    return {sid: _effect(sid, groups, gained, answered, lost, len(base), traffic) for sid in groups}


def _effect(
    sid: str, groups: Mapping[str, tuple[str, Cluster]], gained: Mapping[str, float], answered: Mapping[str, int],
    lost: Mapping[str, int], examples: int, traffic: Traffic,
) -> SuggestionEffect:  # fmt: skip
    total = max(1, traffic.messages)
    before = traffic.answered / total
    taken = traffic.answered * lost[sid] / max(1, examples)
    size = max(1, groups[sid][1].messages)
    return SuggestionEffect(
        before=round(before, 4),
        after=round(before + (gained[sid] - taken) / total, 4),
        answered=round(answered[sid] / size, 4),
        lost=lost[sid],
        messages=traffic.messages,
    )


def example_of(rule_id: str, question: Question) -> Example:
    """Return the example that a question would be in a rule."""
    return Example(rule_id, question.normal, language_of(question.text, question.language), False, question.text)
