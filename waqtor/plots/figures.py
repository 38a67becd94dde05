"""Figures of the named queries' frames (:mod:`waqtor.analytics.frames`), one function per query."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from waqtor.plots.outcomes import DECISION_COLOURS, moments
from waqtor.plots.theme import (
    DANGER,
    INFO,
    PRIMARY,
    SCALE,
    SCALE_DARK,
    Language,
    Theme,
    drawn,
    empty,
    styled,
    word,
)


def traffic(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Messages received and sent per bucket; columns ``bucket, received, sent``."""
    if frame.empty:
        return empty("traffic", language=language, theme=theme)
    few = len(frame) < 3
    traces = [
        {
            "type": "scatter", "x": moments(frame["bucket"]), "y": numbers(frame[column]),
            "name": word(column, language),
            "line": {"color": colour, "width": 2, "shape": "hv" if few else "linear"},
            "mode": "lines+markers" if few else "lines",  # a line of one point is not seen
        }
        for column, colour in (("received", PRIMARY), ("sent", INFO))
    ]  # fmt: skip
    return drawn(
        traces, "traffic", language=language, theme=theme, layout={"hovermode": "x unified"}, xaxis={"title": "time"},
        yaxis={"title": "messages", "rangemode": "tozero"},
    )  # fmt: skip


def languages(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Share of the languages; columns ``language, decided, answer_rate``."""
    if frame.empty:
        return empty("languages", language=language, theme=theme)
    bars = {
        "type": "bar",
        "x": [word(str(name), language) for name in frame["language"]],
        "y": numbers(frame["decided"]),
        "marker": {"color": PRIMARY},
        "text": [_percent(rate) for rate in frame["answer_rate"]],
        "textposition": "outside",
        "hovertemplate": "%{x}: %{y} (%{text})<extra></extra>",
        "cliponaxis": False,
    }
    yaxis = {"title": "messages", "rangemode": "tozero"}
    return drawn([bars], "languages", language=language, theme=theme, yaxis=yaxis)


def top_rules(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """The rules that answer most, the first on top; columns ``rule_id, answers, confidence``."""
    if frame.empty:
        return empty("top_rules", language=language, theme=theme)
    rows = frame.iloc[::-1]
    mean = word("mean confidence", language)
    bars = {
        "type": "bar",
        "x": numbers(rows["answers"]),
        "y": [str(rule) for rule in rows["rule_id"]],
        "orientation": "h",
        "marker": {"color": PRIMARY},
        "customdata": numbers(rows["confidence"]),
        "hovertemplate": f"%{{y}}: %{{x}} ({mean} %{{customdata:.2f}})<extra></extra>",
    }
    return drawn(
        [bars], "top_rules", language=language, theme=theme, height=max(240, 90 + 26 * len(rows)),
        xaxis={"title": "answers", "rangemode": "tozero"}, yaxis={"type": "category"},
    )  # fmt: skip


def heat_map(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Messages by weekday (1 = Monday) and hour; columns ``weekday, hour, received``. Hours without any are zero."""
    if frame.empty:
        return empty("heat_map", language=language, theme=theme)
    rows = zip(numbers(frame["weekday"]), numbers(frame["hour"]), numbers(frame["received"]), strict=True)
    counts = {(day, hour): received for day, hour, received in rows}
    cells = {
        "type": "heatmap",
        "z": [[counts.get((day, hour), 0) for hour in range(24)] for day in range(1, 8)],
        "x": list(range(24)),
        "y": [word(str(day), language) for day in range(1, 8)],
        "colorscale": [list(stop) for stop in (SCALE if theme == "light" else SCALE_DARK)],
        "colorbar": {"title": {"text": word("messages", language)}, "thickness": 12},
        "hovertemplate": "%{y} %{x}:00 · %{z}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    }
    return drawn(
        [cells], "heat_map", language=language, theme=theme, xaxis={"title": "hour", "dtick": 3},
        yaxis={"autorange": "reversed"},
    )  # fmt: skip


def confidences(
    frame: pd.DataFrame, *, threshold: float | None = None, language: Language = "en", theme: Theme = "light"
) -> go.Figure:
    """Histogram of confidences by decision, in steps of 0.05; columns ``confidence, decision``.

    Args:
        frame: One row per decision.
        threshold: Drawn as a line when given.
        language: Of the wording.
        theme: Light or dark.
    """
    if frame.empty:
        return empty("confidences", language=language, theme=theme)
    figure = go.Figure()
    for decision, colour in DECISION_COLOURS.items():
        values = frame.loc[frame["decision"] == decision, "confidence"]
        counts = [0] * 20
        for value in values:
            if value is not None and not math.isnan(value):
                counts[min(19, max(0, int(value * 20)))] += 1
        if any(counts):
            # Counted here: the figure then holds 20 numbers and not every decision ever made.
            middles = [round(0.025 + 0.05 * step, 3) for step in range(20)]
            figure.add_bar(x=middles, y=counts, name=word(decision, language), marker_color=colour, width=0.048)
    figure.update_layout(barmode="stack")
    if threshold is not None:
        figure.add_vline(
            x=threshold,
            line_dash="dash",
            line_color=DANGER,
            annotation_text=word("threshold", language),
            annotation_position="top left",
        )
    figure.update_xaxes(title_text=word("confidence", language), range=[0, 1])
    figure.update_yaxes(title_text=word("decision count", language), rangemode="tozero")
    return styled(figure, "confidences", language=language, theme=theme)


def numbers(column: Any) -> list[float | int]:
    """Return a column as plain numbers: Plotly writes NumPy arrays as base64, which no reviewer can read."""
    return [value.item() if hasattr(value, "item") else value for value in column]


def _percent(rate: Any) -> str:
    return "" if rate is None or rate != rate else f"{100 * rate:.0f} %"
