"""Figures of what became of messages: the answer rate and the kinds of decision over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from waqtor.plots.theme import (
    DANGER,
    INFO,
    MUTED,
    PRIMARY,
    SUCCESS,
    WARNING,
    Language,
    Theme,
    drawn,
    empty,
    word,
)

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

DECISION_COLOURS: Final[Mapping[str, str]] = {
    "answer": SUCCESS,
    "clarify": INFO,
    "handoff": WARNING,
    "silent": MUTED,
    "opt_out": DANGER,
    "opt_in": PRIMARY,
}
"""The colour of each kind of decision, in the order in which they are stacked."""


def answer_rate(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Percent of judged messages that were answered, per bucket; columns ``bucket, decided, answered, answer_rate``."""
    if frame.empty:
        return empty("answer_rate", language=language, theme=theme)
    decided, answered = ([int(value) for value in frame[name]] for name in ("decided", "answered"))
    line = {
        "type": "scatter",
        "x": moments(frame["bucket"]),
        "y": [round(100 * float(rate), 2) for rate in frame["answer_rate"]],
        "customdata": [list(pair) for pair in zip(answered, decided, strict=True)],
        "mode": "lines+markers" if len(frame) < 40 else "lines",
        "line": {"color": SUCCESS, "width": 2},
        "hovertemplate": "%{y:.0f} % (%{customdata[0]} / %{customdata[1]})<extra></extra>",
    }
    return drawn(
        [line], "answer_rate", language=language, theme=theme, layout={"hovermode": "x unified"},
        xaxis={"title": "time"}, yaxis={"title": "share answered", "range": [0, 104], "dtick": 25},
    )  # fmt: skip


def decisions(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Decisions per bucket, stacked by kind; columns ``bucket, decision, decided``."""
    if frame.empty:
        return empty("decisions", language=language, theme=theme)
    traces = []
    for kind, colour in DECISION_COLOURS.items():
        rows = frame[frame["decision"] == kind]
        if not rows.empty:
            traces.append(
                {
                    "type": "bar", "x": moments(rows["bucket"]), "y": [int(value) for value in rows["decided"]],
                    "name": word(kind, language), "marker": {"color": colour},
                }
            )  # fmt: skip
    # Up to six kinds: their names stand below.
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0.5, "xanchor": "center"}
    margin = {"l": 8, "r": 8, "t": 56, "b": 8}
    return drawn(
        traces, "decisions", language=language, theme=theme, xaxis={"title": "time"},
        yaxis={"title": "decision count", "rangemode": "tozero"},
        layout={"barmode": "stack", "hovermode": "x unified", "legend": legend, "margin": margin},
    )  # fmt: skip


def moments(column: Any) -> list[str]:
    """Return a column of times as ISO-8601: Plotly takes many times as long over objects."""
    return [at.isoformat() for at in column]
