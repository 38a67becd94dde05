"""Figures of how good the bot is: thresholds, risk and coverage, calibration, confusions, languages.

They take frames made of :mod:`waqtor.smartbot.metrics` and of the report of :mod:`waqtor.smartbot.evaluate`. All shares
are between 0 and 1 and shown in percent.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from waqtor.plots.figures import numbers
from waqtor.plots.theme import (
    DANGER,
    INFO,
    MUTED,
    PRIMARY,
    SCALE,
    SCALE_DARK,
    SUCCESS,
    Language,
    Theme,
    empty,
    styled,
    word,
)

Points = Mapping[str, float]
"""Chosen thresholds by name."""
_MARKS = ("circle", "diamond", "square", "cross", "star")
_MOST = 400


def threshold_sweep(
    frame: pd.DataFrame,
    *,
    points: Points | None = None,
    target: float | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> go.Figure:
    """What every threshold earns and costs; columns ``threshold, right, wrong`` (shares of all messages).

    Args:
        frame: One row per threshold, in any order.
        points: Drawn as upright lines.
        target: Share of wrong replies, drawn as a level line.
        language: Of the wording.
        theme: Light or dark.
    """
    if frame.empty:
        return empty("threshold_sweep", language=language, theme=theme)
    rows = _thinned(frame.sort_values("threshold", kind="stable"))
    figure = go.Figure()
    for column, colour in (("right", SUCCESS), ("wrong", DANGER)):
        figure.add_scatter(
            x=numbers(rows["threshold"]),
            y=numbers(rows[column]),
            name=word(f"{column}_replies", language),
            mode="lines",
            line={"color": colour, "width": 2},
        )
    if target is not None:
        figure.add_hline(y=target, line_dash="dot", line_color=MUTED)
    for i, (name, threshold) in enumerate((points or {}).items()):
        figure.add_vline(x=threshold, line_dash="dash", line_color=INFO)
        # Below one another: chosen thresholds are often close, and their names must not cover each other.
        figure.add_annotation(
            x=threshold,
            y=0.98 - 0.1 * i,
            yref="paper",
            text=name,
            showarrow=False,
            xanchor="right" if threshold > 0.8 else "left",
            xshift=-4 if threshold > 0.8 else 4,
        )
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(title_text=word("threshold_axis", language))
    figure.update_yaxes(title_text=word("share_of_messages", language), tickformat=".0%", rangemode="tozero")
    return styled(figure, "threshold_sweep", language=language, theme=theme)


def risk_coverage(
    frame: pd.DataFrame, *, points: Points | None = None, language: Language = "en", theme: Theme = "light"
) -> go.Figure:
    """Wrong ones among the replies against messages answered; columns ``threshold, right, wrong``.

    Args:
        frame: One row per threshold, in any order.
        points: Marked on the curve, each where its threshold stands.
        language: Of the wording.
        theme: Light or dark.
    """
    rows = frame.assign(coverage=frame["right"] + frame["wrong"]).sort_values(
        ["coverage", "threshold"], ascending=[True, False], kind="stable"
    )
    rows = rows[rows["coverage"] > 0]
    if rows.empty:
        return empty("risk_coverage", language=language, theme=theme)
    rows = rows.assign(risk=rows["wrong"] / rows["coverage"])
    drawn = _thinned(rows)
    figure = go.Figure(
        go.Scatter(
            x=numbers(drawn["coverage"]),
            y=numbers(drawn["risk"]),
            customdata=numbers(drawn["threshold"]),
            mode="lines",
            line={"color": PRIMARY, "width": 2},
            showlegend=False,
            hovertemplate="%{x:.1%} · %{y:.1%} (%{customdata:.3f})<extra></extra>",
        )
    )
    for i, (name, threshold) in enumerate((points or {}).items()):
        answered = rows[rows["threshold"] >= threshold]
        if answered.empty:
            continue
        at = answered.iloc[-1]
        figure.add_scatter(
            x=[float(at["coverage"])],
            y=[float(at["risk"])],
            name=f"{name} ({threshold:.3f})",
            mode="markers",
            marker={"size": max(7, 17 - 4 * i), "symbol": _MARKS[i % len(_MARKS)]},
        )
    figure.update_xaxes(title_text=word("answered_share", language), tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title_text=word("wrong_among_replies", language), tickformat=".0%", rangemode="tozero")
    return styled(figure, "risk_coverage", language=language, theme=theme)


def reliability(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Stated confidence against the share that was right; columns ``confidence, right, messages``, one row per bin."""
    if frame.empty:
        return empty("reliability", language=language, theme=theme)
    counts = numbers(frame["messages"])
    biggest = max(counts)
    figure = go.Figure(
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", name=word("perfect", language), line={"color": MUTED, "dash": "dash"}
        )
    )
    figure.add_scatter(
        x=numbers(frame["confidence"]),
        y=numbers(frame["right"]),
        customdata=counts,
        mode="lines+markers",
        name=word("measured", language),
        line={"color": PRIMARY, "width": 2},
        marker={"size": [6 + 16 * (n / biggest) ** 0.5 for n in counts], "opacity": 0.8},
        hovertemplate=f"%{{x:.0%}} → %{{y:.0%}} (%{{customdata}} {word('messages', language)})<extra></extra>",
    )
    figure.update_xaxes(title_text=word("stated_confidence", language), tickformat=".0%", range=[-0.02, 1.02])
    figure.update_yaxes(title_text=word("share_right", language), tickformat=".0%", range=[-0.02, 1.05])
    return styled(figure, "reliability", language=language, theme=theme, height=420)


def confusion_map(
    frame: pd.DataFrame, *, most: int = 20, language: Language = "en", theme: Theme = "light"
) -> go.Figure:
    """The right rules against those chosen in their stead; columns ``label, predicted, messages``.

    Args:
        frame: One row per pair; ``predicted`` is null where no rule was chosen.
        most: Pairs shown, the most frequent first.
        language: Of the wording.
        theme: Light or dark.
    """
    if frame.empty:
        return empty("confusion_map", language=language, theme=theme)
    nothing = word("no_rule", language)
    rows = frame.sort_values("messages", ascending=False, kind="stable").head(most)
    said = [nothing if pd.isna(name) or not name else str(name) for name in rows["predicted"]]
    pairs = dict(zip(zip(map(str, rows["label"]), said, strict=True), numbers(rows["messages"]), strict=True))
    labels, guesses = sorted({pair[0] for pair in pairs}), sorted({pair[1] for pair in pairs})
    cells = [[pairs.get((label, guess)) for guess in guesses] for label in labels]
    figure = go.Figure(
        go.Heatmap(
            z=cells,
            x=guesses,
            y=labels,
            text=[["" if n is None else str(n) for n in row] for row in cells],
            texttemplate="%{text}",
            zmin=0,
            zmax=max(pairs.values()),
            colorscale=[list(stop) for stop in (SCALE if theme == "light" else SCALE_DARK)],
            colorbar={"title": {"text": word("messages", language)}, "thickness": 12, "tickformat": "d"},
            hovertemplate="%{y} → %{x}: %{z}<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
        )
    )
    figure.update_xaxes(title_text=word("chosen_rule", language), type="category", tickangle=-45)
    figure.update_yaxes(title_text=word("right_rule", language), type="category", autorange="reversed")
    height = max(320, 190 + 22 * len(labels))
    return styled(figure, "confusion_map", language=language, theme=theme, height=height)


def accuracy_by_language(frame: pd.DataFrame, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Accuracy in scope with its interval; columns ``language, accuracy, low, high, messages``."""
    if frame.empty:
        return empty("accuracy_by_language", language=language, theme=theme)
    value, low, high = (numbers(frame[column]) for column in ("accuracy", "low", "high"))
    figure = go.Figure(
        go.Bar(
            x=[word(str(name), language) for name in frame["language"]],
            y=value,
            marker_color=PRIMARY,
            width=0.5,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [top - at for top, at in zip(high, value, strict=True)],
                "arrayminus": [at - bottom for bottom, at in zip(low, value, strict=True)],
            },
            customdata=numbers(frame["messages"]),
            hovertemplate=f"%{{x}}: %{{y:.1%}} (%{{customdata}} {word('messages', language)})<extra></extra>",
        )
    )
    figure.update_yaxes(title_text=word("accuracy_axis", language), tickformat=".0%", range=[0, 1.02])
    return styled(figure, "accuracy_by_language", language=language, theme=theme)


def _thinned(frame: pd.DataFrame) -> pd.DataFrame:
    """At most some hundred rows with both ends: a curve needs no more, and figures are kept in notebooks."""
    step = -(-len(frame) // _MOST)
    if step <= 1:
        return frame
    return pd.concat([frame.iloc[::step], frame.iloc[[-1]]])
