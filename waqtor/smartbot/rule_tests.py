"""Running the ``*.tests.yaml`` cases through the real pipeline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from waqtor.contracts.views import Trace
from waqtor.smartbot.rules_io import LoadedCase


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with what the bot did; ``fault`` is empty when that was right."""

    case: LoadedCase
    trace: Trace
    fault: str

    def __str__(self) -> str:
        return f"{self.case.file}:{self.case.line}: “{self.case.case.say[:60]}”: {self.fault}"


async def run_cases(cases: Sequence[LoadedCase], test: Callable[[str], Awaitable[Trace]]) -> list[CaseResult]:
    """Try every case and say which are wrong."""
    results: list[CaseResult] = []
    for case in cases:
        trace = await test(case.case.say)
        results.append(CaseResult(case, trace, _fault(case, trace)))
    return results


def _fault(item: LoadedCase, trace: Trace) -> str:
    case = item.case
    acted = trace.rule_id if trace.decision not in ("silent", "clarify") or trace.confidence == 1.0 else None
    if trace.decision == "silent" and trace.threshold is not None and trace.confidence >= trace.threshold:
        acted = trace.rule_id  # an ignore rule, recognised by meaning
    near = f" (nearest {trace.rule_id} at {trace.confidence:.2f}, threshold {trace.threshold or 0:.2f})"
    if case.rule is None and trace.decision not in ("silent", "clarify"):
        return f"must stay silent but {trace.decision}ed by {trace.rule_id} at {trace.confidence:.2f}"
    if case.rule is not None and trace.decision == "clarify":
        return f"expected {case.rule} but asked back: {trace.reason}"
    if case.rule is not None and acted != case.rule:
        return f"expected {case.rule} but got {acted or 'silence'}" + (near if trace.rule_id else "")
    if case.lang is not None and trace.language != case.lang:
        return f"language {trace.language} instead of {case.lang}"
    said = "\n".join(part.text for part in trace.replies)
    if case.reply_contains is not None and case.reply_contains not in said:
        return f"the reply does not contain {case.reply_contains!r}"
    return ""
