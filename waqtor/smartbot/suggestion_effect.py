"""What accepting suggestions would change, by cross-validation on the very messages they are made of.

In each of three turns a third of every group's questions is held back, the rest is learned with all suggestions in
place, and what was held back is judged. So a suggestion's promise rests on messages that its examples do not contain,
in the company of the other suggestions. Messages that are answered already are judged too: a new rule takes some from
rules that answer them, most of them rightly, because nothing better was there before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waqtor.contracts.learning import SuggestionEffect
from waqtor.smartbot.crossfit import Matcher, Message, outcome
from waqtor.smartbot.retrieve import Moment, outright
from waqtor.smartbot.ruleset import RuleSet
from waqtor.smartbot.samples import language_of
from waqtor.smartbot.scorer import Example, FittedScorer, Score
from waqtor.smartbot.suggestion_clusters import Cluster, Question, diverse
from waqtor.smartbot.suggestions import EXAMPLES

FOLDS = 3
_NOW = Moment(0, "", False)
_NEAR = 5
"""Candidates of a message that are looked at."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """All messages of the span.

    Attributes:
        messages: How many.
        answered: How many were answered (and not judged wrong).
        texts: Some of those that were answered; a new rule takes messages from others, rightly or not.
    """

    messages: int
    answered: int
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sums:
    """What the turns add up, in messages: ``rate`` turns a sampled answered message into those it stands for."""

    gained: dict[str, float]
    answered: dict[str, int]
    lost: dict[str, int]


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
    limits = {rule_id: threshold for rule_id, _ in groups.values()}
    sums = _Sums(dict.fromkeys(groups, 0.0), dict.fromkeys(groups, 0), dict.fromkeys(groups, 0))
    turn_of = {q.key: i % FOLDS for i, q in enumerate(sorted(questions, key=lambda q: q.key))}
    asked = list(zip(questions, matcher.messages([q.text for q in questions]), strict=True))
    served = _answered_now(rules, matcher, traffic.texts)
    own = list(zip(rules.examples, matcher.messages([e.original for e in rules.examples]), strict=True))
    for turn in range(FOLDS):
        mine = _learned(groups, turn_of, turn)
        fitted = _fit(matcher, [*rules.examples, *mine])
        _add_unanswered(sums, groups, [(q, m) for q, m in asked if turn_of[q.key] == turn], fitted, rules, limits)
        _add_answered(sums, groups, served[turn::FOLDS], fitted, rules, limits, traffic.answered / max(1, len(served)))
    # Of the rules' own examples a third is enough: it is the one figure that is told, and not summed.
    held = {id(e) for i, (e, _) in enumerate(own) if i % FOLDS == 0 and not e.negative}
    without = _fit(matcher, [*(e for e, _ in own if id(e) not in held), *_learned(groups, turn_of, -1)])
    _add_lost(sums, groups, [(e, m) for e, m in own if id(e) in held], without)
    if not served:  # nothing known of them: what becomes of the rules' own examples stands for it
        for sid, n in sums.lost.items():
            sums.gained[sid] -= traffic.answered * n / max(1, len(own))
    return {sid: _effect(sid, groups, sums, traffic) for sid in groups}


def _learned(groups: Mapping[str, tuple[str, Cluster]], turn_of: Mapping[str, int], turn: int) -> list[Example]:
    """The examples that the suggestions would add, made without the questions of this turn."""
    learned: list[Example] = []
    for rule_id, found in groups.values():
        rest = [i for i, q in enumerate(found.questions) if turn_of[q.key] != turn]
        if rest:
            kept = Cluster(found.language, [found.questions[i] for i in rest], (), found.vectors[rest])
            learned += [example_of(rule_id, q) for q in diverse(kept, EXAMPLES)]
    return learned


def _fit(matcher: Matcher, learned: Sequence[Example]) -> FittedScorer:
    examples = sorted(set(learned))
    vectors, trusted = matcher.example_vectors(examples)
    return matcher.fit(examples, vectors, trusted)[0]


def _limit(rules: RuleSet, limits: Mapping[str, float], rule_id: str, language: str) -> float:
    rule = rules.rules.get(rule_id)
    return float(rule.threshold[language]) if rule is not None else limits[rule_id]


def _owners(groups: Mapping[str, tuple[str, Cluster]]) -> dict[str, list[str]]:
    """The suggestions of each rule."""
    owners: dict[str, list[str]] = {}
    for sid, (rule_id, _) in groups.items():
        owners.setdefault(rule_id, []).append(sid)
    return owners


def _add_unanswered(
    sums: _Sums, groups: Mapping[str, tuple[str, Cluster]], asked: Sequence[tuple[Question, Message]],
    fitted: FittedScorer, rules: RuleSet, limits: Mapping[str, float],
) -> None:  # fmt: skip
    owner = {q.key: sid for sid, (_, found) in groups.items() for q in found.questions}
    sids = _owners(groups)
    for question, message in asked:
        top = next(iter(_scores(fitted, message)), None)
        if top is None or top.rule_id not in sids:
            continue
        if top.confidence < _limit(rules, limits, top.rule_id, message.language):
            continue
        mine = owner.get(question.key)
        sid = mine if mine in sids[top.rule_id] else sids[top.rule_id][0]
        weight = len(question.messages)
        # Of members we believe the group; a stray is right as often as the scorer says it is.
        sums.gained[sid] += weight * (1.0 if sid == mine else top.confidence)
        sums.answered[sid] += weight if sid == mine else 0


def _answered_now(rules: RuleSet, matcher: Matcher, texts: Sequence[str]) -> list[tuple[str, Message]]:
    """The messages that the rules of today answer from what they learned, with the rule."""
    if rules.scorer is None or not texts:
        return []
    found = []
    for message in matcher.messages(texts):
        judged = outcome(message, rules.scorer, rules)
        rule = rules.rules.get(judged.rule)
        if rule is not None and judged.score >= rule.threshold[message.language]:
            found.append((judged.rule, message))
    return found


def _add_answered(
    sums: _Sums, groups: Mapping[str, tuple[str, Cluster]], served: Sequence[tuple[str, Message]],
    fitted: FittedScorer, rules: RuleSet, limits: Mapping[str, float], rate: float,
) -> None:  # fmt: skip
    """What becomes of messages that are answered already.

    Both what is answered now and what would be are believed as far as the scorer that knows the suggestions believes
    them: the one of today is sure of many a message whose true rule it cannot know.
    """
    sids = _owners(groups)
    for was, message in served:
        if outright(rules, "", message.folded, message.query.readings, _NOW)[0] is not None:
            continue  # examples, patterns and keywords decide before anything that is learned
        scores = _scores(fitted, message)
        if not scores:
            continue
        top = scores[0]
        answered = top.confidence >= _limit(rules, limits, top.rule_id, message.language)
        if top.rule_id == was and answered:
            continue
        before = next((s.confidence for s in scores if s.rule_id == was), 0.0)
        if top.rule_id != was:
            before = min(before, 1 - top.confidence)
        change = (top.confidence if answered else 0.0) - before
        nearest = next((s.rule_id for s in scores if s.rule_id in sids), None)
        share = [sids[nearest][0]] if nearest is not None else list(groups)
        for sid in share:
            sums.gained[sid] += rate * change / len(share)


def _add_lost(
    sums: _Sums, groups: Mapping[str, tuple[str, Cluster]], held: Sequence[tuple[Example, Message]],
    fitted: FittedScorer,
) -> None:  # fmt: skip
    sids = _owners(groups)
    for example, message in held:
        top = next(iter(_scores(fitted, message)), None)
        if top is not None and top.rule_id != example.rule_id and top.rule_id in sids:
            sums.lost[sids[top.rule_id][0]] += FOLDS


def _scores(fitted: FittedScorer, message: Message) -> Sequence[Score]:
    return fitted.predict(message.query, limit=_NEAR).scores if message.query.readings else ()


def _effect(sid: str, groups: Mapping[str, tuple[str, Cluster]], sums: _Sums, traffic: Traffic) -> SuggestionEffect:
    total = max(1, traffic.messages)
    before = traffic.answered / total
    size = max(1, groups[sid][1].messages)
    return SuggestionEffect(
        before=round(before, 4),
        after=round(before + sums.gained[sid] / total, 4),
        answered=round(sums.answered[sid] / size, 4),
        lost=sums.lost[sid],
        messages=traffic.messages,
    )


def example_of(rule_id: str, question: Question) -> Example:
    """Return the example that a question would be in a rule."""
    return Example(rule_id, question.normal, language_of(question.text, question.language), False, question.text)
