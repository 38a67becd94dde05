"""Recorded messages through two versions of the rules: which answers would change.

Equal texts are decided on once per version: a decision depends on the text and the pressed button alone, unless a
rule has conditions (time of day, session, group), in which case every message is decided on by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from waqtor.contracts.rules import Conditions
from waqtor.contracts.views import Trace
from waqtor.smartbot.encoders import Encoder, VectorCache, Vectors
from waqtor.smartbot.guard import Guard, GuardLimits, MemoryControls, MemoryGuardState
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.pipeline import Pipeline
from waqtor.smartbot.render import Shop
from waqtor.smartbot.requests import Request, encodable
from waqtor.smartbot.ruleset import RuleSet

Kind = Literal["gained", "lost", "different"]
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
    """

    message_id: str
    text: str
    language: str
    kind: Kind
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "message_id": self.message_id,
            "text": self.text,
            "language": self.language,
            "kind": self.kind,
            "before": dict(self.before),
            "after": dict(self.after),
        }


class RuleReplay:
    """Decides on recorded messages by two versions of the rules.

    Args:
        encoder: That of the bot.
        vectors: Where the vectors of messages are kept between runs.
        shop: For rendering.
        margin: As in the pipeline.
        dedupe: Decide on equal texts once.
    """

    def __init__(
        self, encoder: Encoder, vectors: VectorCache, shop: Shop, margin: float, *, dedupe: bool = True
    ) -> None:
        self._encoder = encoder
        self._cache = vectors
        self._dedupe = dedupe
        self._known: dict[str, Vectors] = {}
        self._pipeline = Pipeline(
            Guard(GuardLimits(), MemoryGuardState(), MemoryControls()), encoder, self._vector, shop, margin
        )

    async def _vector(self, text: str) -> Vectors:
        return self._known[text]

    async def changes(
        self, past: Sequence[Past], before: RuleSet, after: RuleSet, progress: Callable[[int], None] = lambda done: None
    ) -> list[Changed]:
        """Return the messages whose answer would change, in their order."""
        timeless = self._dedupe and not (_conditional(before) or _conditional(after))
        decided: dict[Any, tuple[Kind | None, str, dict[str, Any], dict[str, Any]]] = {}
        found: list[Changed] = []
        for begin in range(0, len(past), CHUNK):
            chunk = past[begin : begin + CHUNK]
            self._prepare([p.text for p in chunk])
            for item in chunk:
                key = (item.text, item.choice) if timeless else item
                outcome = decided.get(key)
                if outcome is None:
                    outcome = decided[key] = await self._compare(item, before, after, timeless=timeless)
                kind, language, was, now = outcome
                if kind is not None:
                    found.append(Changed(item.message_id, item.text, language, kind, was, now))
            progress(min(len(past), begin + CHUNK))
        return found

    async def _compare(
        self, item: Past, before: RuleSet, after: RuleSet, *, timeless: bool
    ) -> tuple[Kind | None, str, dict[str, Any], dict[str, Any]]:
        request = Request(
            encodable(item.text), session=item.session, is_group=item.is_group, choice=item.choice, live=False
        )
        was = await self._pipeline.run(request, before, item.at)
        now = await self._pipeline.run(request, after, item.at)
        return _kind(was, now), now.language, _facts(was), _facts(now)

    def _prepare(self, texts: Sequence[str]) -> None:
        """Have the vectors of a chunk at hand: encoded in one batch, or from the cache of earlier runs."""
        wanted: dict[str, None] = {}
        for text in dict.fromkeys(texts):
            seen = visible(encodable(text))
            normal = normalise(seen)
            tongue = detect(seen, normal)
            if normal and seen not in self._known and self._encoder.weight(tongue.language, tongue.script) > 0:
                wanted[seen] = None
        if wanted:
            rows = self._cache.vectors(list(wanted))
            self._known.update(zip(wanted, rows, strict=True))


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
