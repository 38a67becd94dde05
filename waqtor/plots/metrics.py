"""Figures of the engine's metrics over time: a line per series, gaps where the engine was off, marks at restarts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import plotly.graph_objects as go

from waqtor.plots.theme import INFO, MUTED, PRIMARY, WARNING, Language, Theme, empty, styled, word

_COLOURS = (PRIMARY, INFO, WARNING, "#8b5cf6", MUTED)
_LIGHT_PRIMARY = "#14a394"


def metric_lines(
    frame: pd.DataFrame,
    *,
    title: str = "metric_lines",
    unit: str = "value",
    restarts: Sequence[datetime] = (),
    language: Language = "en",
    theme: Theme = "light",
) -> go.Figure:
    """Lines over time; column ``at`` (when; drawn as it stands), and one column per line, where null is a gap.

    Args:
        frame: The values.
        title: What it shows (a word of the theme, or text).
        unit: Of the values (likewise); stands below the title.
        restarts: When the engine began anew; drawn as dotted lines.
        language: Of the words.
        theme: Of the colours.
    """
    at = list(frame["at"])
    series = {str(name): _values(frame[name]) for name in frame.columns if name != "at"}
    if not any(value is not None for values in series.values() for value in values):
        return empty(title, language=language, theme=theme)
    figure = go.Figure()
    for place, (name, values) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        if colour == PRIMARY and theme == "dark":
            colour = _LIGHT_PRIMARY
        alone = sum(value is not None for value in values) == 1
        figure.add_scatter(
            x=at,
            y=values,
            name=word(name, language),
            mode="lines+markers" if alone or _lonely(values) else "lines",
            marker={"size": 5},
            connectgaps=False,
            line={"width": 2, "color": colour},
            hovertemplate="%{y:,.4~g}<extra>%{fullData.name}</extra>",
        )
    for moment in restarts:
        figure.add_shape(
            type="line",
            x0=moment,
            x1=moment,
            y0=0,
            y1=1,
            yref="paper",
            line={"dash": "dot", "width": 1, "color": MUTED},
        )
    figure.update_layout(hovermode="x unified", showlegend=len(series) > 1)
    styled(figure, title, language=language, theme=theme, height=312)
    # On a phone there is room for neither upright axis titles nor slanted times, and for a legend only below.
    figure.update_xaxes(tickangle=0, nticks=4)
    figure.update_yaxes(rangemode="tozero", nticks=5)
    figure.update_layout(legend={"y": -0.16, "yanchor": "top"}, margin={"t": 84})
    return figure.update_layout(title_subtitle={"text": word(unit, language), "font": {"size": 12, "color": MUTED}})


def _values(column: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in column]


def _lonely(values: Sequence[float | None]) -> bool:
    """Whether some value has a gap on both sides: a line alone would not show it."""
    padded = [None, *values, None]
    return any(
        here is not None and before is None and after is None
        for before, here, after in zip(padded, padded[1:], padded[2:], strict=False)
    )
