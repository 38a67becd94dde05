"""Trying rules by hand: many messages at once, why a decision fell, other versions beside, the rules' own tests.

Nothing is sent, stored or counted. Versions other than the serving one are compiled once and kept.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from waqtor.contracts.views import Trace
from waqtor.contracts.workbench import (
    CaseOutcome,
    CasesReport,
    Explanation,
    GramShare,
    NearExample,
    RuleSource,
    TriedMessage,
    WordEffect,
)
from waqtor.settings import Settings
from waqtor.smartbot.encoders import Vectors
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.requests import encodable
from waqtor.smartbot.rule_sources import texts_of
from waqtor.smartbot.rule_tests import run_cases
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import LoadedCase, load_texts, revision_of
from waqtor.smartbot.ruleset import RuleSet, readings
from waqtor.smartbot.scorer import Query
from waqtor.smartbot.trial import Trial

KEPT = 4
WORDS = 24
"""Words whose effect is tried at most."""
GRAMS = 12
EXAMPLES = 5


class Workbench:
    """Tries rules.

    Args:
        settings: The folder of rules.
        trial: Builds and asks rules aside from those that serve.
    """

    def __init__(self, settings: Settings, trial: Trial) -> None:
        self._folder = settings.rules_dir
        self._trial = trial
        self._built: OrderedDict[str, tuple[RuleSet, list[LoadedCase]]] = OrderedDict()

    async def tried(self, texts: Sequence[str], source: RuleSource | None = None) -> list[TriedMessage]:
        """Return what the bot would do with each message.

        Args:
            texts: The messages.
            source: The rules; default: those that serve.

        Raises:
            InvalidInput, RuleFileError: There are no such rules, or they have errors.
        """
        rules = await self._rules(source)
        return [_tried(text, await self._trial.test(rules, text)) for text in texts]

    async def explained(self, text: str, before: RuleSource | None = None) -> Explanation:
        """Return a decision with the examples, n-grams and words it rests on.

        Args:
            text: The message.
            before: Other rules, whose decision is given beside.

        Raises:
            InvalidInput, RuleFileError: There are no such rules, or they have errors.
        """
        rules = self._trial.serving()
        other = await self._rules(before) if before is not None else None
        trace = await self._trial.test(rules, text)
        examples, words = await self._trial.run(lambda: self._evidence(rules, text, trace))
        then = await self._trial.test(other, text) if other is not None else None
        return Explanation(trace=trace, examples=tuple(examples), words=tuple(words), before=then)

    async def cases(self, source: RuleSource | None = None) -> CasesReport:
        """Run the test cases that stand beside the rules.

        Raises:
            InvalidInput, RuleFileError: There are no such rules, or they have errors.
        """
        began = time.perf_counter()
        rules, cases = await self._version(source or RuleSource())
        results = await run_cases(cases, lambda said: self._trial.test(rules, said))
        failures = [
            CaseOutcome(file=r.case.file, line=r.case.line, say=r.case.case.say, fault=r.fault)
            for r in results
            if r.fault
        ]
        return CasesReport(
            total=len(results), failed=len(failures), failures=tuple(failures[:200]), revision=rules.revision,
            ms=round((time.perf_counter() - began) * 1000, 1),
        )  # fmt: skip

    async def _rules(self, source: RuleSource | None) -> RuleSet:
        return self._trial.serving() if source is None else (await self._version(source))[0]

    async def _version(self, source: RuleSource) -> tuple[RuleSet, list[LoadedCase]]:
        found: tuple[RuleSet, list[LoadedCase]] = await self._trial.run(lambda: self._build(source))
        return found

    def _build(self, source: RuleSource) -> tuple[RuleSet, list[LoadedCase]]:
        texts = texts_of(self._folder, source)
        loaded = check(load_texts(texts), near=False)
        serving = self._trial.serving()
        if loaded.revision == serving.revision and not loaded.refusals:
            return serving, loaded.cases
        key = revision_of(texts)
        if key not in self._built:
            self._built[key] = self._trial.build(loaded), []
            while len(self._built) > KEPT:
                self._built.popitem(last=False)
        self._built.move_to_end(key)
        return self._built[key][0], loaded.cases

    def _evidence(self, rules: RuleSet, text: str, trace: Trace) -> tuple[list[NearExample], list[WordEffect]]:
        seen = visible(encodable(text))
        scorer = rules.scorer
        if scorer is None or not normalise(seen):
            return [], []
        reading = next((str(s.details.get("reading", "")) for s in trace.steps if s.step == "score"), "")
        said = reading or normalise(seen)
        near = [n for n in trace.neighbours if n.source in ("semantic", "lexical")]
        examples = [(n, normalise(n.example)) for n in (near or trace.neighbours)[:EXAMPLES]]
        query = self._query(seen)
        meanings = self._meanings(query, [n.example for n, _ in examples])
        found = []
        for (n, normal), meaning in zip(examples, meanings, strict=True):
            shares = scorer.shares(said, normal)
            grams = tuple(GramShare(gram=gram, share=round(share, 4)) for gram, share in shares[:GRAMS])
            characters = round(sum(share for _, share in shares), 4)
            found.append(NearExample(**n.model_dump(), characters=characters, meaning=meaning, grams=grams))
        return found, self._words(rules, seen)

    def _query(self, seen: str) -> Query:
        normal = normalise(seen)
        tongue = detect(seen, normal)
        weight = self._trial.encoder.weight(tongue.language, tongue.script)
        vector: Vectors | None = self._trial.encoder.encode([seen])[0] if weight > 0 else None
        return Query(tuple(readings(normal, tongue.language)) or ("",), vector, weight)

    def _meanings(self, query: Query, examples: Sequence[str]) -> list[float | None]:
        if query.vector is None or not examples:
            return [None] * len(examples)
        rows = self._trial.encoder.encode(list(examples))
        return [round(float(value), 4) for value in np.asarray(rows @ query.vector)]

    def _words(self, rules: RuleSet, seen: str) -> list[WordEffect]:
        """How much the best rule loses when each word is left out."""
        assert rules.scorer is not None
        parts = seen.split()
        if not 1 < len(parts) <= WORDS:
            return []
        without = [" ".join(parts[:i] + parts[i + 1 :]) for i in range(len(parts))]
        whole, *rest = rules.scorer.rank([self._query(text) for text in (seen, *without)], limit=20)
        if not whole.scores:
            return []
        best = whole.scores[0]
        effects = []
        for word, scored in zip(parts, rest, strict=True):
            left = next((s.confidence for s in scored.scores if s.rule_id == best.rule_id), 0.0)
            effects.append(WordEffect(word=word[:200], effect=round(best.confidence - left, 4)))
        return effects


def _tried(text: str, trace: Trace) -> TriedMessage:
    ranked = [*trace.candidates, None, None]
    return TriedMessage(
        text=text,
        language=trace.language,
        decision=trace.decision,
        rule_id=trace.rule_id if trace.decision != "silent" else None,
        confidence=trace.confidence,
        threshold=trace.threshold,
        stage=trace.stage,
        top=ranked[0],
        next=ranked[1],
        reply=trace.replies[0].text if trace.replies else None,
        ms=trace.total_ms,
    )
