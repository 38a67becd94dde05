"""Figures of webhook statistics: attempts by hour and by event, those that succeeded and those that failed."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from waqtor.plots.theme import DANGER, SUCCESS, Language, Theme, empty, styled, word


def _counts(column: pd.Series) -> list[int]:
    return [int(value) for value in column]


def attempts_by_hour(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Delivery attempts per hour; columns ``hour`` (start), ``success, failed``."""
    if frame.empty:
        return empty("attempts_by_hour", language=language, theme=theme)
    figure = go.Figure()
    for column, colour in (("success", SUCCESS), ("failed", DANGER)):
        figure.add_bar(
            x=list(frame["hour"]), y=_counts(frame[column]), name=word(column, language), marker_color=colour
        )
    figure.update_layout(barmode="stack", hovermode="x unified")
    figure.update_xaxes(title_text=word("time", language))
    figure.update_yaxes(title_text=word("attempts", language), rangemode="tozero", tickformat=",d")
    return styled(figure, "attempts_by_hour", language=language, theme=theme, height=320)


def attempts_by_event(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Delivery attempts per event, the most frequent on top; columns ``event, success, failed``."""
    if frame.empty:
        return empty("attempts_by_event", language=language, theme=theme)
    order = (frame["success"] + frame["failed"]).sort_values().index
    rows = frame.loc[order]
    figure = go.Figure()
    for column, colour in (("success", SUCCESS), ("failed", DANGER)):
        figure.add_bar(
            x=_counts(rows[column]),
            y=[str(name) for name in rows["event"]],
            orientation="h",
            name=word(column, language),
            marker_color=colour,
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title_text=word("attempts", language), rangemode="tozero", tickformat=",d")
    figure.update_yaxes(type="category")
    height = max(320, 110 + 26 * len(rows))
    styled(figure, "attempts_by_event", language=language, theme=theme, height=height)
    # Below: beside the title there is no room where the figure is half a page wide.
    return figure.update_layout(legend={"y": -0.25, "yanchor": "top"})
