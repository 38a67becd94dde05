"""Plotly figures of the pages. Their colours read on light and on dark, and the ground is the card's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import plotly.graph_objects as go

COLOURS = ("#14a394", "#3b82f6", "#d97706")
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


def traffic(rows: Sequence[dict[str, Any]], labels: dict[str, str], zone: tzinfo, *, rtl: bool = False) -> go.Figure:
    """Messages per minute.

    Args:
        rows: ``minute`` (epoch ms) and a count per column of ``labels``, oldest first.
        labels: Names of the columns to draw, in order.
        zone: The zone of the time axis.
        rtl: Put the value axis and the legend on the right.
    """
    times = [datetime.fromtimestamp(row["minute"] / 1000, UTC).astimezone(zone).replace(tzinfo=None) for row in rows]
    figure = go.Figure()
    for place, (column, label) in enumerate(labels.items()):
        figure.add_trace(
            go.Scatter(
                x=times,
                y=[row[column] for row in rows],
                name=label,
                mode="lines",
                fill="tozeroy" if place == 0 else None,
                fillcolor="rgba(20, 163, 148, 0.16)",
                line={"shape": "spline", "smoothing": 0.6, "width": 2.25, "color": COLOURS[place % len(COLOURS)]},
                hovertemplate="%{y}<extra>%{fullData.name}</extra>",
            )
        )
    highest = max((row[column] for row in rows for column in labels), default=0)
    figure.update_layout(
        height=310,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        hovermode="x unified",
        dragmode=False,
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 1 if rtl else 0,
            "xanchor": "right" if rtl else "left",
            "title": None,
        },
        uirevision="traffic",
    )
    figure.update_xaxes(showgrid=False, fixedrange=True, tickformat="%H:%M", nticks=7)
    figure.update_yaxes(
        rangemode="tozero",
        fixedrange=True,
        side="right" if rtl else "left",
        nticks=5,
        zeroline=False,
        range=[0, max(4, highest * 1.15)],
        tickformat=",d",
    )
    return figure


def turned(figure: go.Figure, *, rtl: bool) -> go.Figure:
    """Fit a figure of :mod:`waqtor.plots` to the page: dates in digits, no dragging, turned for Arabic."""
    figure.update_layout(dragmode=False)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    if any(trace.type in ("scatter", "bar") and _dated(trace.x) for trace in figure.data):
        daily = all(value.hour == 0 for trace in figure.data for value in trace.x)
        figure.update_xaxes(
            tickformat="%Y-%m-%d" if daily else "%m-%d %H:%M",
            hoverformat="%Y-%m-%d" if daily else "%Y-%m-%d %H:%M",
            nticks=6,
        )
    elif rtl:
        figure.update_xaxes(autorange="reversed")
    if rtl:
        figure.update_yaxes(side="right")
        figure.update_traces(colorbar={"x": -0.02, "xanchor": "right"}, selector={"type": "heatmap"})
    return figure


def _dated(values: Any) -> bool:
    return values is not None and len(values) > 0 and isinstance(values[0], datetime)
