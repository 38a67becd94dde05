"""Why a decision fell: near examples with shared n-grams, the effect of each word, the time of each step."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.ui import times
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import esc, number, percent
from waqtor.contracts.views import Trace
from waqtor.contracts.workbench import NearExample, WordEffect

SHOWN = 8
"""N-grams of an example."""


def examples(found: Sequence[NearExample]) -> str:
    """Each example with how alike it is, by characters and by meaning, and the n-grams that did most."""
    return "".join(_example(item) for item in found)


def _example(item: NearExample) -> str:
    meaning = "–" if item.meaning is None else percent(item.meaning)
    facts = (
        f"<span>{esc(t('evidence.characters'))} <b>{number(percent(item.characters))}</b></span>"
        f"<span>{esc(t('evidence.meaning'))} <b>{number(meaning)}</b></span>"
    )
    most = max((gram.share for gram in item.grams), default=0.0) or 1.0
    grams = "".join(
        f'<span title="{gram.share:.3f}" style="--share:{gram.share / most:.2f}">'
        f"<code>{esc(gram.gram.replace(' ', '␣'))}</code>"
        f"<small>{number(percent(gram.share))}</small></span>"
        for gram in item.grams[:SHOWN]
    )
    return (
        f'<div class="wq-cand"><header><b>{esc(item.rule_id)}</b></header>'
        f'<div class="wq-near"><bdi>“{esc(item.example, 200)}”</bdi></div>'
        f'<div class="wq-facts">{facts}</div>'
        f'<div class="wq-grams">{grams or esc(t("evidence.no_grams"))}</div></div>'
    )


def words(found: Sequence[WordEffect]) -> str:
    """The message with each word shaded by how much the confidence falls without it."""
    most = max((abs(word.effect) for word in found), default=0.0) or 1.0
    marked = []
    for word in found:
        tone = "success" if word.effect >= 0 else "danger"
        title = esc(t("evidence.without", change=f"{-100 * word.effect:+.1f}"))
        marked.append(
            f'<span class="tone-{tone}" title="{title}" style="--share:{abs(word.effect) / most:.2f}">'
            f"<bdi>{esc(word.word, 60)}</bdi><small>{number(f'{-100 * word.effect:+.0f}')}</small></span>"
        )
    return f'<div class="wq-words">{"".join(marked)}</div>'


def latency(trace: Trace) -> str:
    """How long each step took, as bars over one another."""
    whole = sum(step.ms for step in trace.steps) or 1.0
    rows = "".join(
        f'<div class="wq-lat"><span>{esc(known(f"step.{step.step}", step.step))}</span>'
        f'<div class="wq-bar tone-info"><i style="width:{100 * step.ms / whole:.1f}%"></i></div>'
        f"{number(times.duration(step.ms))}</div>"
        for step in trace.steps
    )
    return f'<div class="wq-lats">{rows}</div>'
