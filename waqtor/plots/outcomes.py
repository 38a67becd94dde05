"""Figures of what became of messages: the answer rate and the kinds of decision over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from waqtor.plots.theme import (
    DANGER,
    INFO,
    MUTED,
    PRIMARY,
    SUCCESS,
    WARNING,
    Language,
    Theme,
    empty,
    styled,
    word,
)

if TYPE_CHECKING:
    import pandas as pd

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
    figure = go.Figure(
        go.Scatter(
            x=list(frame["bucket"]),
            y=[round(100 * float(rate), 2) for rate in frame["answer_rate"]],
            customdata=list(zip(answered, decided, strict=True)),
            mode="lines+markers" if len(frame) < 40 else "lines",
            line={"color": SUCCESS, "width": 2},
            hovertemplate="%{y:.0f} % (%{customdata[0]} / %{customdata[1]})<extra></extra>",
        )
    )
    figure.update_layout(hovermode="x unified")
    figure.update_yaxes(title_text=word("share answered", language), range=[0, 104], dtick=25)
    figure.update_xaxes(title_text=word("time", language))
    return styled(figure, "answer_rate", language=language, theme=theme)


def decisions(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Decisions per bucket, stacked by kind; columns ``bucket, decision, decided``."""
    if frame.empty:
        return empty("decisions", language=language, theme=theme)
    figure = go.Figure()
    for kind, colour in DECISION_COLOURS.items():
        rows = frame[frame["decision"] == kind]
        if not rows.empty:
            figure.add_bar(
                x=list(rows["bucket"]),
                y=[int(value) for value in rows["decided"]],
                name=word(kind, language),
                marker_color=colour,
            )
    figure.update_layout(barmode="stack", hovermode="x unified")
    figure.update_yaxes(title_text=word("decision count", language), rangemode="tozero")
    figure.update_xaxes(title_text=word("time", language))
    styled(figure, "decisions", language=language, theme=theme)
    # Up to six kinds: beside the title they would run into it.
    return figure.update_layout(
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "x": 0.5, "xanchor": "center"}
    )
