"""One run of the learning loop: recorded messages in, suggestions out. Blocking; runs in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from waqtor.contracts.ids import new_ulid
from waqtor.smartbot.crossfit import Matcher, outcome
from waqtor.smartbot.encoders import Vectors, unit
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.ruleset import RuleSet
from waqtor.smartbot.suggestion_clusters import Cluster, Question, cluster
from waqtor.smartbot.suggestion_effect import Traffic, expected
from waqtor.smartbot.suggestions import Suggestion, corrected, made_of, take_out_closed


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message that was decided on.

    Attributes:
        label: What a person said is right: a rule id, empty for "none should answer", ``None`` when nobody judged.
    """

    message_id: str
    session: str
    chat_id: str
    text: str
    decision: str
    label: str | None = None


@dataclass(slots=True)
class Run:
    """What a run found."""

    suggestions: list[Suggestion] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


def propose(
    rules: RuleSet,
    matcher: Matcher,
    recorded: Sequence[Recorded],
    traffic: Traffic,
    *,
    held: Sequence[Suggestion] = (),
    least: int = 5,
    threshold: float = 0.6,
    light: bool = False,
    now: int = 0,
    new_id: Callable[[], str] = new_ulid,
) -> Run:
    """Judge the messages by the rules of today, cluster what is still unanswered, and make suggestions.

    Args:
        rules: The rules that serve.
        matcher: Fits and scores.
        recorded: Messages that were not answered, or that a person judged.
        traffic: Totals of the span.
        held: Suggestions of earlier runs.
        least: Fewest messages of a group.
        threshold: For rules that are not there yet.
        light: The encoder only hashes words: the characters decide alone.
        now: UTC microseconds.
        new_id: Makes ids.
    """
    run = Run()
    run.questions = open_questions(rules, matcher, recorded)
    left = take_out_closed(run.questions, held)
    named = corrected(left, rules.rules)
    in_named = {id(q) for found in named for q in found.questions}
    rest = [q for q in left if id(q) not in in_named]
    found = named + cluster(
        rest, _by_characters if light else _vectors(matcher, rules), least, [e.text for e in rules.examples]
    )
    limits = {name: rule.threshold["en"] for name, rule in rules.rules.items()}
    taken: set[str] = set()
    groups: dict[str, tuple[str, Cluster]] = {}
    for item in found:
        made = made_of(item, limits, held, taken, now, new_id())
        if made is None:
            continue
        if made.kind == "new_rule":
            limits.setdefault(made.rule_id, threshold)
        run.suggestions.append(made)
        groups[made.id] = (made.rule_id, item)
    effects = expected(rules, matcher, groups, run.questions, traffic, threshold)
    for made in run.suggestions:
        effect = effects.get(made.id)
        made.effect = effect.model_dump(mode="json") if effect is not None else None
    run.gone = [s.id for s in held if s.status == "open" and s.id not in taken and not s.edited]
    return run


def open_questions(rules: RuleSet, matcher: Matcher, recorded: Sequence[Recorded]) -> list[Question]:
    """Return the different texts that the rules of today do not answer, or answer otherwise than a person said."""
    known: dict[tuple[str, bool], Question] = {}
    plain = {r.text: normalise(visible(r.text)) for r in recorded}
    for r in recorded:
        if not plain[r.text]:
            continue
        question = known.get((plain[r.text], r.label is not None))
        if question is None:
            question = known[(plain[r.text], r.label is not None)] = Question(
                r.text, plain[r.text], "", decision=r.decision, label=r.label
            )
        question.messages.append(r.message_id)
        question.customers.add((r.session, r.chat_id))
    questions = list(known.values())
    scorer = rules.scorer
    found: list[Question] = []
    for question, message in zip(questions, matcher.messages([q.text for q in questions]), strict=True):
        question.language = message.language
        if scorer is None:
            found.append(question)
            continue
        judged = outcome(message, scorer, rules)
        question.nearest, question.confidence = judged.rule or None, judged.confidence
        winner = rules.rules.get(judged.winner)
        ignored = winner is not None and winner.rule.action == "ignore"
        rule = rules.rules.get(judged.rule)
        answered = rule is not None and judged.score >= rule.threshold[message.language]
        if question.label is None:
            if not answered and not ignored:
                found.append(question)
        elif question.label and not (answered and judged.rule == question.label):
            found.append(question)
    return found


def _by_characters(questions: Sequence[Question]) -> Vectors | None:
    return None


def _vectors(matcher: Matcher, rules: RuleSet) -> Callable[[Sequence[Question]], Vectors | None]:
    """Vectors around the centre of the rules' examples: what all sentences share says nothing of their topic."""
    held, trusted = matcher.example_vectors(rules.examples)
    held = matcher.meaning(held)
    known = held[np.array(trusted, bool)]
    centre = known.mean(axis=0) if len(known) > 4 else np.zeros(held.shape[1], np.float32)

    def of(questions: Sequence[Question]) -> Vectors | None:
        messages = matcher.messages([q.text for q in questions])
        vectors = [m.query.vector for m in messages if m.query.vector is not None]
        if len(vectors) < len(messages):
            return None
        return unit(matcher.meaning(np.stack(vectors)) - centre)

    return of
