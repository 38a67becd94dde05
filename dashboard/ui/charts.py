"""Plotly figures of the pages. Their colours read on light and on dark, and the ground is the card's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import plotly.graph_objects as go

COLOURS = ("#14a394", "#3b82f6", "#d97706")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


def traffic(rows: Sequence[dict[str, Any]], labels: dict[str, str], zone: tzinfo, *, rtl: bool = False) -> go.Figure:
    """Messages per minute.

    Args:
        rows: ``minute`` (epoch ms) and a count per column of ``labels``, oldest first.
        labels: Names of the columns to draw, in order.
        zone: The zone of the time axis.
        rtl: Put the value axis and the legend on the right.
    """
    times = [
        datetime.fromtimestamp(row["minute"] / 1000, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M:00") for row in rows
    ]
    traces = [
        {
            "type": "scatter",
            "x": times,
            "y": [row[column] for row in rows],
            "name": label,
            "mode": "lines",
            "fill": "tozeroy" if place == 0 else None,
            "fillcolor": "rgba(20, 163, 148, 0.16)",
            "line": {"shape": "spline", "smoothing": 0.6, "width": 2.25, "color": COLOURS[place % len(COLOURS)]},
            "hovertemplate": "%{y}<extra>%{fullData.name}</extra>",
        }
        for place, (column, label) in enumerate(labels.items())
    ]
    highest = max((row[column] for row in rows for column in labels), default=0)
    side = {"x": 1 if rtl else 0, "xanchor": "right" if rtl else "left"}
    layout = {
        "height": 310,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 0, "r": 0, "t": 30, "b": 0},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "title": None, **side},
        "uirevision": "traffic",
        "xaxis": {"showgrid": False, "fixedrange": True, "tickformat": "%H:%M", "nticks": 7},
        "yaxis": {
            "rangemode": "tozero",
            "fixedrange": True,
            "side": "right" if rtl else "left",
            "nticks": 5,
            "zeroline": False,
            "range": [0, max(4, highest * 1.15)],
            "tickformat": ",d",
        },
    }
    # In one piece: put together bit by bit it takes ten times as long.
    return go.Figure({"data": traces, "layout": layout})


def turned(figure: go.Figure, *, rtl: bool) -> go.Figure:
    """Fit a figure of :mod:`waqtor.plots` to the page: dates in digits, no dragging, turned for Arabic."""
    xaxis: dict[str, Any] = {"fixedrange": True}
    yaxis: dict[str, Any] = {"fixedrange": True}
    dated = [trace.x for trace in figure.data if trace.type in ("scatter", "bar") and _dated(trace.x)]
    if dated:
        daily = all(_midnight(value) for values in dated for value in values)
        # Two lines: on a phone there is no room for slanted ones.
        xaxis["tickformat"] = "%d\n%Y-%m" if daily else "%H:%M\n%m-%d"
        xaxis["tickangle"] = 0
        xaxis["hoverformat"] = "%Y-%m-%d" if daily else "%Y-%m-%d %H:%M"
        xaxis["nticks"] = 6
    elif rtl:
        xaxis["autorange"] = "reversed"
    if rtl:
        yaxis["side"] = "right"
    figure.update_layout(dragmode=False)
    figure.update_xaxes(xaxis)
    figure.update_yaxes(yaxis)
    if rtl and any(trace.type == "heatmap" for trace in figure.data):
        figure.update_traces(colorbar={"x": -0.02, "xanchor": "right"}, selector={"type": "heatmap"})
    return figure


def _dated(values: Any) -> bool:
    first = values[0] if values is not None and len(values) else None
    return isinstance(first, datetime) or (isinstance(first, str) and _MOMENT.match(first) is not None)


def _midnight(value: Any) -> bool:
    return value.endswith("T00:00:00") if isinstance(value, str) else value.hour == 0
