"""The eight steps in a row, each leaving its record in the trace."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from waqtor.contracts.event_data import Candidate
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.views import Neighbour, RenderedReply, Trace, TraceStep
from waqtor.smartbot.check import problems
from waqtor.smartbot.decide import Decision, by_rule, by_scores
from waqtor.smartbot.encoders import Encoder, Vectors
from waqtor.smartbot.guard import Guard, Verdict
from waqtor.smartbot.language import Tongue, detect
from waqtor.smartbot.normalise import MAX_CHARS, fold, normalise, visible, words
from waqtor.smartbot.render import Rendered, Shop, render_question, render_rule
from waqtor.smartbot.requests import Request
from waqtor.smartbot.retrieve import NONE_OF_THESE, Hit, Moment, outright
from waqtor.smartbot.ruleset import RuleSet, readings
from waqtor.smartbot.scorer import Query, Score, Scored

_said = lru_cache(maxsize=2048)(normalise)

TRACED = 500
"""Characters of a text that a step's details repeat."""


@dataclass(slots=True)
class _Record:
    """The steps so far; each is timed from the end of the one before."""

    steps: list[TraceStep] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)

    def add(self, step: Any, summary: str, **details: Any) -> None:
        now = time.perf_counter()
        ms = round((now - self.last) * 1000, 4)
        self.last = now
        self.steps.append(TraceStep(step=step, ms=ms, summary=summary, details=details))


class Pipeline:
    """Decides on messages with a given set of rules.

    Args:
        guard: Step 3.
        encoder: Tells how much its vectors count in a language.
        vector: Gives a message's vector.
        shop: For rendering.
        margin: Two rules closer than this are asked about.
    """

    def __init__(
        self, guard: Guard, encoder: Encoder, vector: Callable[[str], Awaitable[Vectors]], shop: Shop, margin: float
    ) -> None:
        self._guard = guard
        self._encoder = encoder
        self._vector = vector
        self._shop = shop
        self._margin = margin

    async def run(self, request: Request, rules: RuleSet, now: int) -> Trace:
        """Return the decision on a message at ``now`` (UTC microseconds), explained."""
        record = _Record()
        seen = visible(request.text)
        folded = fold(seen)
        normal = normalise(seen) if folded != words(folded) else folded
        cut = f", cut to {MAX_CHARS} characters" if len(request.text) > MAX_CHARS else ""
        record.add("normalise", f"“{normal[:60]}”{cut}" if normal else "no words", text=normal[:TRACED])
        tongue = detect(seen, normal)
        texts = tuple(readings(normal, tongue.language)) if normal else ()
        record.add("language", f"{tongue.language}: {tongue.why}", script=tongue.script, readings=list(texts[1:]))
        verdict = await self._guard.check(request, normal, now)
        record.add("guard", verdict.reason or verdict.note or "may answer", reason=verdict.reason)
        hit: Hit | None = None
        scored = Scored()
        if verdict.deaf:
            record.add("retrieve", "skipped")
            record.add("score", "skipped")
        else:
            moment = Moment(now, request.session, request.is_group)
            hit, notes = outright(rules, request.choice, folded, texts, moment)
            if hit is not None:
                summary = f"{hit.stage} hit of {hit.rule.rule.id}"
            else:
                summary = "no outright hit" + "".join(f"; {note}" for note in notes)
            record.add("retrieve", summary, evidence=hit.evidence[:TRACED] if hit else "", notes=notes)
            silent = bool(verdict.reason) or request.choice == NONE_OF_THESE
            scored = await self._score(record, rules, hit, silent, seen, texts, tongue, request, moment)
        decision = self._decide(request, rules, tongue, verdict, hit, scored)
        record.add("decide", f"{decision.kind}: {decision.reason}", threshold=decision.threshold, margin=self._margin)
        decision, rendered = self._render(decision, request, tongue, verdict, now)
        record.add("render", _rendering(rendered), language=rendered.language, variant=rendered.variant)
        decision, parts = _check(record, decision, rendered)
        if parts:
            self._guard.answered(request, _said(parts[0].text), now)
        return _trace(record, request, tongue, decision, hit, scored, parts, rules)

    async def _score(
        self, record: _Record, rules: RuleSet, hit: Hit | None, silent: bool, seen: str, texts: tuple[str, ...],
        tongue: Tongue, request: Request, moment: Moment,
    ) -> Scored:  # fmt: skip
        if not texts or rules.scorer is None or silent or (hit is not None and request.live):
            record.add("score", "not needed" if texts else "nothing to score")
            return Scored()
        weight = self._encoder.weight(tongue.language, tongue.script)
        vector = await self._vector(seen) if weight > 0 and hit is None else None
        found = rules.scorer.predict(Query(texts, vector, weight if vector is not None else 0.0))
        usable = tuple(
            score
            for score in found.scores
            if rules.rules[score.rule_id].holds(moment.now, moment.session, moment.is_group)
        )
        found = replace(found, scores=usable)
        top = usable[0] if usable else None
        shared = rules.scorer.evidence(found.reading, normalise(top.example)) if top is not None else []
        summary = f"{top.rule_id} {top.confidence:.2f} by {found.mixture}" if top else "nothing resembles the message"
        record.add(
            "score",
            summary,
            mixture=found.mixture,
            reading=found.reading[:TRACED],
            known_share=round(found.known_share, 3),
            vetoed=list(found.vetoed),
            shared_ngrams=shared,
            scores=[{"rule_id": s.rule_id, "confidence": s.confidence, "example": s.example} for s in usable],
        )
        return found

    def _decide(
        self, request: Request, rules: RuleSet, tongue: Tongue, verdict: Verdict, hit: Hit | None, scored: Scored
    ) -> Decision:
        if verdict.reason:
            if hit is not None and hit.rule.rule.action in ("opt_out", "opt_in"):
                return by_rule(hit.rule, f"{hit.stage} hit, honoured though {verdict.reason}")
            return Decision("silent", verdict.reason)
        if hit is not None:
            return by_rule(hit.rule, f"{hit.stage} hit")
        if request.choice == NONE_OF_THESE:
            return Decision("handoff", "none of the rules asked about")
        if not request.text.strip() and request.kind != "text":
            return Decision("silent", f"no text to answer: {request.kind}")
        return by_scores(scored.scores, rules, tongue.language, self._margin)

    def _render(
        self, decision: Decision, request: Request, tongue: Tongue, verdict: Verdict, now: int
    ) -> tuple[Decision, Rendered]:
        if decision.kind == "clarify":
            return decision, render_question(decision, tongue.language)
        if decision.kind == "silent" or decision.rule is None or verdict.reason:
            return decision, Rendered()
        rendered = render_rule(decision.rule, request, tongue.language, self._shop, now)
        if decision.kind == "answer" and not rendered.parts:
            why = "; ".join(rendered.problems) or "the rule has no reply"
            decision = replace(decision, kind="silent", reason=f"no reply could be made: {why}")
        return decision, rendered


def _rendering(rendered: Rendered) -> str:
    if not rendered.parts:
        return "nothing to say" + "".join(f"; {problem}" for problem in rendered.problems)
    return f"variant {rendered.variant} in {rendered.language}"


def _check(record: _Record, decision: Decision, rendered: Rendered) -> tuple[Decision, tuple[RenderedReply, ...]]:
    faults = [p for part in rendered.parts for p in problems(part.text, interactive=part.content["type"] != "text")]
    if faults:
        record.add("check", "; ".join(faults), problems=faults)
        return replace(decision, kind="silent", reason=f"the reply failed the check: {faults[0]}"), ()
    record.add("check", "may be sent" if rendered.parts else "nothing to check")
    return decision, rendered.parts


def _trace(
    record: _Record, request: Request, tongue: Tongue, decision: Decision, hit: Hit | None, scored: Scored,
    parts: tuple[RenderedReply, ...], rules: RuleSet,
) -> Trace:  # fmt: skip
    candidates = [Candidate(rule_id=s.rule_id, confidence=round(s.confidence, 4)) for s in scored.scores]
    neighbours = [_neighbour(score) for score in scored.scores]
    stage: str = scored.scores[0].source if scored.scores else ""
    if hit is not None:
        stage = hit.stage
        own = hit.rule.rule.id
        candidates = [
            Candidate(rule_id=own, confidence=1.0), *(c for c in candidates if c.rule_id != own)
        ]  # fmt: skip
        source: Any = "exact" if hit.stage == "button" else hit.stage
        neighbours.insert(0, Neighbour(rule_id=own, example=hit.evidence, similarity=1.0, source=source))
    return Trace(
        trace_id=new_ulid(),
        text=request.text[:MAX_CHARS],
        language=tongue.language,
        decision=decision.kind,
        reason=decision.reason,
        rule_id=decision.rule.rule.id if decision.rule is not None else None,
        confidence=round(decision.confidence, 4),
        threshold=decision.threshold,
        stage=stage,
        candidates=tuple(candidates[:5]),
        neighbours=tuple(neighbours[:5]),
        replies=parts,
        steps=tuple(record.steps),
        revision=rules.revision,
        total_ms=round((time.perf_counter() - record.began) * 1000, 4),
    )


def _neighbour(score: Score) -> Neighbour:
    return Neighbour(rule_id=score.rule_id, example=score.example, similarity=score.similarity, source=score.source)
