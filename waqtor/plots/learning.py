"""Figures of the learning loop."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from waqtor.plots.figures import numbers
from waqtor.plots.theme import PRIMARY, Language, Theme, empty, styled, word

if TYPE_CHECKING:
    import pandas as pd


def suggestions(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Customers that each suggestion would serve, the most on top, with the points of accuracy that it promises.

    What customers wrote is escaped: Plotly would read links and tags in it. Columns ``about, rule, customers, gain``;
    ``gain`` is in percentage points over all messages, or missing.
    """
    if frame.empty:
        return empty("suggestions", language=language, theme=theme)
    rows = frame.iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=numbers(rows["customers"]),
            y=[escape(str(about)) for about in rows["about"]],
            orientation="h",
            marker_color=PRIMARY,
            customdata=[str(rule) for rule in rows["rule"]],
            text=["" if gain != gain or gain is None else f"{gain:+.1f}" for gain in rows["gain"]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{customdata}}: %{{x}} (%{{text}} {word('points', language)})<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=word("customers", language), rangemode="tozero")
    figure.update_yaxes(type="category")
    return styled(figure, "suggestions", language=language, theme=theme, height=max(240, 90 + 34 * len(rows)))
