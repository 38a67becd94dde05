"""Recorded messages through two versions of the rules: which answers would change.

Equal texts are decided on once per version: a decision depends on the text and the pressed button alone, unless a
rule has conditions (time of day, session, group), in which case every message is decided on by itself. Vectors are
kept between runs, and the scores of a chunk of messages are computed at once; the decisions themselves are made by
the pipeline that also serves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from waqtor.contracts.rules import Conditions
from waqtor.contracts.views import Trace
from waqtor.smartbot.encoders import Encoder, Vectors
from waqtor.smartbot.guard import Guard, GuardLimits, MemoryControls, MemoryGuardState
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.pipeline import Pipeline
from waqtor.smartbot.render import Shop
from waqtor.smartbot.requests import Request, encodable
from waqtor.smartbot.ruleset import RuleSet, readings
from waqtor.smartbot.scorer import Query, Scored

Kind = Literal["gained", "lost", "different"]
_Asked = tuple[tuple[str, ...], int | None]
ANSWERS = ("answer", "handoff", "opt_out", "opt_in")
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Past:
    """A recorded message; ``at`` is UTC microseconds."""

    message_id: str
    text: str
    session: str = ""
    choice: str = ""
    is_group: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """A message whose answer would change.

    Attributes:
        kind: ``gained`` (silent before), ``lost`` (silent now), ``different`` (another rule, decision or text).
        before, after: Rule, decision, confidence and first reply of both versions.
        at: When the message came, UTC microseconds.
    """

    message_id: str
    text: str
    language: str
    kind: Kind
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    at: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "message_id": self.message_id,
            "text": self.text,
            "language": self.language,
            "kind": self.kind,
            "before": dict(self.before),
            "after": dict(self.after),
            "at": self.at,
        }


class MessageVectors(Protocol):
    """Gives vectors of many messages."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, shape (texts, dim)."""
        ...


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Scores of a chunk's messages, made ahead; stands in for the scorer of a rule set."""

    scores: Mapping[_Asked, Scored]
    index_kind: str

    def predict(self, query: Query, limit: int = 5) -> Scored:
        return self.scores.get(_asked(query), Scored())  # absent: hit outright, so the scores decide nothing

    def rank(self, queries: Sequence[Query], limit: int = 5) -> list[Scored]:
        return [self.predict(query) for query in queries]

    def evidence(self, text: str, example: str) -> list[str]:
        return []

    def shares(self, text: str, example: str) -> list[tuple[str, float]]:
        return []


class RuleReplay:
    """Decides on recorded messages by two versions of the rules.

    Args:
        encoder: That of the bot.
        vectors: Where the vectors of messages are kept between runs.
        shop: For rendering.
        margin: As in the pipeline.
        quick: Decide on equal texts once and score in bulk. Without, every message goes through the pipeline by
            itself, as a live one does: slower by an order of magnitude, and meant for comparison.
    """

    def __init__(
        self, encoder: Encoder, vectors: MessageVectors, shop: Shop, margin: float, *, quick: bool = True
    ) -> None:
        self._encoder = encoder
        self._cache = vectors
        self._quick = quick
        self._known: dict[str, Vectors] = {}
        self._pipeline = Pipeline(
            Guard(GuardLimits(), MemoryGuardState(), MemoryControls()), encoder, self._vector, shop, margin
        )

    async def _vector(self, text: str) -> Vectors:
        if self._quick:
            return self._known[text]
        return np.asarray(self._encoder.encode([text])[0], np.float32)

    async def changes(
        self, past: Sequence[Past], before: RuleSet, after: RuleSet, progress: Callable[[int], None] = lambda done: None
    ) -> list[Changed]:
        """Return the messages whose answer would change, in their order.

        Args:
            past: The messages.
            before: One version.
            after: The other.
            progress: Is told after each chunk how many messages are done.
        """
        found: list[Changed] = []
        async for part, done in self.chunks(past, before, after):
            found += part
            progress(done)
        return found

    async def chunks(
        self, past: Sequence[Past], before: RuleSet, after: RuleSet
    ) -> AsyncIterator[tuple[list[Changed], int]]:
        """Yield the changes of each chunk of messages, and how many messages are done."""
        timeless = self._quick and not (_conditional(before) or _conditional(after))
        decided: dict[Any, tuple[Kind | None, str, dict[str, Any], dict[str, Any]]] = {}
        for begin in range(0, len(past), CHUNK):
            chunk = past[begin : begin + CHUNK]
            fresh = [item for item in chunk if _key(item, timeless=timeless) not in decided]
            old, new = self._prepared(fresh, before, after) if self._quick else (before, after)
            found: list[Changed] = []
            for item in chunk:
                key = _key(item, timeless=timeless)
                outcome = decided.get(key)
                if outcome is None:
                    outcome = await self._compare(item, old, new, timeless=timeless)
                    if timeless:
                        decided[key] = outcome
                kind, language, was, now = outcome
                if kind is not None:
                    found.append(Changed(item.message_id, item.text, language, kind, was, now, item.at))
            yield found, begin + len(chunk)

    async def _compare(
        self, item: Past, before: RuleSet, after: RuleSet, *, timeless: bool
    ) -> tuple[Kind | None, str, dict[str, Any], dict[str, Any]]:
        request = Request(
            encodable(item.text), session=item.session, is_group=item.is_group, choice=item.choice, live=False
        )
        was = await self._pipeline.run(request, before, item.at)
        now = await self._pipeline.run(request, after, item.at)
        return _kind(was, now), now.language, _facts(was), _facts(now)

    def _prepared(self, chunk: Sequence[Past], before: RuleSet, after: RuleSet) -> tuple[RuleSet, RuleSet]:
        """Return the rule sets with the scores of a chunk at hand."""
        self._known = {}
        parts: dict[str, tuple[tuple[str, ...], float]] = {}
        for text in dict.fromkeys(item.text for item in chunk):
            seen = visible(encodable(text))
            normal = normalise(seen)
            if normal and seen not in parts:
                tongue = detect(seen, normal)
                weight = self._encoder.weight(tongue.language, tongue.script)
                parts[seen] = tuple(readings(normal, tongue.language)), weight
        wanted = [seen for seen, (_, weight) in parts.items() if weight > 0]
        if wanted:
            self._known = dict(zip(wanted, self._cache.vectors(wanted), strict=True))
        queries = [Query(texts, self._known.get(seen), weight) for seen, (texts, weight) in parts.items()]
        return _scored_ahead(before, queries), _scored_ahead(after, queries)


def _key(item: Past, *, timeless: bool) -> Any:
    return (item.text, item.choice) if timeless else item


def _asked(query: Query) -> _Asked:
    """What tells two queries of a chunk apart: the words, and the very vector (equal words may differ in signs)."""
    return query.readings, id(query.vector) if query.vector is not None else None


def _scored_ahead(rules: RuleSet, queries: Sequence[Query]) -> RuleSet:
    if rules.scorer is None:
        return rules
    asked = {_asked(q): q for q in queries if not any(text in rules.exact for text in q.readings)}
    scores = dict(zip(asked, rules.scorer.rank(list(asked.values())), strict=True))
    return replace(rules, scorer=_Chunk(scores, rules.scorer.index_kind))


def _conditional(rules: RuleSet) -> bool:
    plain = Conditions()
    return any(rule.rule.conditions != plain for rule in rules.rules.values())


def _facts(trace: Trace) -> dict[str, Any]:
    return {
        "decision": trace.decision,
        "rule_id": trace.rule_id if trace.decision != "silent" else None,
        "confidence": trace.confidence,
        "reply": trace.replies[0].text if trace.replies else None,
    }


def _kind(was: Trace, now: Trace) -> Kind | None:
    spoke, speaks = bool(was.replies) or was.decision in ANSWERS, bool(now.replies) or now.decision in ANSWERS
    if spoke != speaks:
        return "gained" if speaks else "lost"
    if not speaks:
        return None
    same = (was.decision, was.rule_id) == (now.decision, now.rule_id)
    return None if same and [p.content for p in was.replies] == [p.content for p in now.replies] else "different"
