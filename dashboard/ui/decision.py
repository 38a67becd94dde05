"""A decision of the bot, explained: what it did and why, the nearest rules, and the eight steps."""

from __future__ import annotations

import json
from typing import Any, Final

from dashboard.ui import times
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import Tone, esc, icon, number, percent
from waqtor.contracts.views import Trace, TraceStep

TONES: Final[dict[str, Tone]] = {
    "answer": "success",
    "clarify": "info",
    "handoff": "warning",
    "silent": "muted",
    "opt_out": "primary",
    "opt_in": "primary",
}
SYMBOLS: Final = {
    "answer": "check_circle",
    "clarify": "quiz",
    "handoff": "support_agent",
    "silent": "volume_off",
    "opt_out": "do_not_disturb_on",
    "opt_in": "add_circle",
}
_STEPS: Final = {
    "normalise": "spellcheck",
    "language": "translate",
    "guard": "shield",
    "retrieve": "travel_explore",
    "score": "bar_chart",
    "decide": "gavel",
    "render": "edit_note",
    "check": "fact_check",
}


def why(trace: Trace) -> str:
    """The reason in the visitor's language, from the facts of the decision."""
    facts = {
        "confidence": percent(trace.confidence),
        "threshold": percent(trace.threshold or 0),
        "rule": trace.rule_id or "–",
    }
    if trace.decision == "answer" and trace.threshold is not None and trace.confidence >= trace.threshold:
        return t("why.answer", **facts)
    if trace.decision == "answer" and trace.threshold is None and trace.stage in ("exact", "keyword", "pattern"):
        return t("why.words", **facts)
    if (
        trace.decision == "silent"
        and trace.threshold is not None
        and trace.candidates
        and trace.confidence < trace.threshold
    ):
        return t("why.below", **{**facts, "rule": trace.candidates[0].rule_id})
    if trace.decision == "silent" and not trace.candidates:
        return t("why.nothing")
    return t(f"why.{trace.decision}_other", **facts)


def card(trace: Trace) -> str:
    """The decision, why, and its facts."""
    facts = [
        (t("bench.rule"), number(trace.rule_id) if trace.rule_id else "–"),
        (t("bench.confidence"), number(percent(trace.confidence))),
        (t("bench.threshold"), number(percent(trace.threshold)) if trace.threshold is not None else "–"),
        (t("bench.language"), esc(known(f"lang.{trace.language}", trace.language))),
        (t("bench.stage"), esc(known(f"stage.{trace.stage}", trace.stage or "–"))),
        (t("bench.took"), number(times.duration(trace.total_ms))),
        (t("bench.revision"), number(trace.revision[:12] or "–")),
    ]
    shown = "".join(f"<span>{esc(term)} <b>{value}</b></span>" for term, value in facts)
    engine = f'<p class="wq-small wq-muted wq-about">{esc(trace.reason, 400)}</p>' if trace.reason else ""
    return (
        f'<div class="wq-decision tone-{TONES[trace.decision]}">{icon(SYMBOLS[trace.decision])}<div>'
        f"<h3>{esc(t(f'decision.{trace.decision}'))}</h3><p>{esc(why(trace))}</p>{engine}</div></div>"
        f'<div class="wq-facts">{shown}</div>'
    )


def candidates(trace: Trace, names: dict[str, str]) -> str:
    """The three nearest rules: confidence as a bar, with a mark where answering begins.

    Args:
        trace: The decision.
        names: Descriptions of the rules, by id.
    """
    out = []
    for found in trace.candidates[:3]:
        chosen = found.rule_id == trace.rule_id and trace.decision not in ("silent", "clarify")
        reached = chosen or (trace.threshold is not None and found.confidence >= trace.threshold)
        tone = "success" if chosen else "info" if reached else "muted"
        mark = ""
        if trace.threshold is not None:
            hint = esc(t("bench.threshold_at", value=percent(trace.threshold)))
            mark = f'<u style="inset-inline-start:{_width(trace.threshold)}" title="{hint}"></u>'
        near = next((n for n in trace.neighbours if n.rule_id == found.rule_id), None)
        example = (
            f'<div class="wq-near">{esc(t("bench.nearest"))} <bdi>“{esc(near.example, 160)}”</bdi></div>'
            if near
            else ""
        )
        about = (
            f'<div class="wq-near wq-about">{esc(names[found.rule_id], 160)}</div>' if names.get(found.rule_id) else ""
        )
        out.append(
            f'<div class="wq-cand tone-{tone}"><header><b>{esc(found.rule_id)}</b>'
            f"{number(percent(found.confidence))}</header>"
            f'{about}<div class="wq-bar" role="meter" aria-valuenow="{found.confidence:.3f}"'
            f' aria-valuemin="0" aria-valuemax="1"'
            f' aria-label="{esc(found.rule_id)}"><i style="width:{_width(found.confidence)}"></i>{mark}</div>'
            f"{example}</div>"
        )
    return "".join(out)


def steps(trace: Trace) -> str:
    """The eight steps with durations; each opens to its details."""
    return f'<div class="wq-trace">{"".join(_step(step, place) for place, step in enumerate(trace.steps, 1))}</div>'


def _step(step: TraceStep, place: int) -> str:
    name, meaning = t(f"step.{step.step}"), t(f"step.{step.step}.meaning")
    rows = "".join(
        f"<tr><td>{esc(key, 80)}</td><td><bdi>{esc(_value(value), 600)}</bdi></td></tr>"
        for key, value in step.details.items()
    )
    details = f"<table>{rows}</table>" if rows else ""
    return (
        f'<div class="wq-step"><span class="wq-dot">{icon(_STEPS[step.step])}</span><details><summary><div>'
        f"<b>{number(place)}. {esc(name)}</b> <small>{esc(meaning)}</small><br>"
        f"<small><bdi>{esc(step.summary, 300)}</bdi></small></div>"
        f"<small>{number(times.duration(step.ms))}</small>{icon('expand_more')}</summary>{details}</details></div>"
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False, default=str)


def _width(share: float) -> str:
    return f"{max(0.0, min(1.0, share)) * 100:.1f}%"
