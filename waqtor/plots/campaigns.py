"""Figures of a campaign's report; each takes the :class:`waqtor.contracts.campaigns.CampaignReport`."""

from __future__ import annotations

import html

import plotly.graph_objects as go

from waqtor.contracts.campaigns import CampaignReport
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


def funnel(report: CampaignReport, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Recipients, sent, delivered, read and replied."""
    counts = report.campaign.counts
    steps = {
        "recipients": counts.total, "sent": counts.sent, "delivered": counts.delivered, "read": counts.read,
        "replied": report.replied,
    }  # fmt: skip
    figure = go.Figure(
        go.Funnel(
            y=[word(name, language) for name in steps], x=list(steps.values()), textinfo="value+percent initial",
            marker_color=PRIMARY, connector={"visible": False},
        )
    )  # fmt: skip
    return styled(figure, "campaign_funnel", language=language, theme=theme)


def speed(report: CampaignReport, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Messages per second over time."""
    if not report.speed:
        return empty("campaign_speed", language=language, theme=theme)
    figure = go.Figure(
        go.Bar(
            x=[point["at"] for point in report.speed],
            y=[point["sent"] / report.bucket_s for point in report.speed],
            marker_color=INFO,
        )
    )
    figure.update_yaxes(title_text=word("per second", language), rangemode="tozero")
    figure.update_xaxes(title_text=word("time_utc", language))
    return styled(figure, "campaign_speed", language=language, theme=theme)


def failures(report: CampaignReport, *, language: Language = "en", theme: Theme = "light", most: int = 8) -> go.Figure:
    """Recipients who did not get it, by reason: the ``most`` frequent ones."""
    shown = report.failures[:most][::-1]
    if not shown:
        return empty("campaign_failures", language=language, theme=theme)
    named = [f"{row['code']} {row['reason']}".strip() or row["status"] for row in shown]
    figure = go.Figure(
        go.Bar(
            # The place in front keeps two reasons apart that are cut to the same words.
            y=list(range(len(shown))), x=[row["count"] for row in shown], orientation="h", marker_color=DANGER,
            customdata=[html.escape(text) for text in named], hovertemplate="%{customdata}: %{x}<extra></extra>",
        )
    )  # fmt: skip
    cut = [text if len(text) <= 32 else text[:31] + "…" for text in named]
    figure.update_yaxes(tickvals=list(range(len(shown))), ticktext=[html.escape(text) for text in cut])
    figure.update_xaxes(title_text=word("recipients", language), rangemode="tozero")
    return styled(figure, "campaign_failures", language=language, theme=theme)


def variants(report: CampaignReport, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """Reply rate of each variant with its 95 % interval."""
    shown = [v for v in report.variants if v.reply_rate is not None]
    if not shown:
        return empty("campaign_variants", language=language, theme=theme)
    rates = [100 * (v.reply_rate or 0) for v in shown]
    figure = go.Figure(
        go.Bar(
            x=[v.variant for v in shown], y=rates, marker_color=SUCCESS, width=0.4,
            error_y={
                "type": "data", "symmetric": False, "color": MUTED,
                "array": [100 * (v.reply_high or 0) - rate for v, rate in zip(shown, rates, strict=True)],
                "arrayminus": [rate - 100 * (v.reply_low or 0) for v, rate in zip(shown, rates, strict=True)],
            },
        )
    )  # fmt: skip
    figure.update_yaxes(title_text=word("reply rate", language), rangemode="tozero")
    figure.update_xaxes(type="category", title_text=word("variant", language))
    return styled(figure, "campaign_variants", language=language, theme=theme)


def hours(report: CampaignReport, *, language: Language = "en", theme: Theme = "light") -> go.Figure:
    """When people read: weekday by hour, local time."""
    if not report.hours:
        return empty("campaign_hours", language=language, theme=theme)
    cells = {(cell["weekday"], cell["hour"]): cell["read"] + cell["replied"] for cell in report.hours}
    figure = go.Figure(
        go.Heatmap(
            z=[[cells.get((day, hour), 0) for hour in range(24)] for day in range(1, 8)],
            x=list(range(24)), y=[word(str(day), language) for day in range(1, 8)],
            colorscale=[list(stop) for stop in (SCALE if theme == "light" else SCALE_DARK)], xgap=2, ygap=2,
            colorbar={"thickness": 12, "title": {"text": word("messages", language), "side": "right"}},
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", title_text=word("weekday", language))
    figure.update_xaxes(title_text=word("hour", language), dtick=3)
    return styled(figure, "campaign_hours", language=language, theme=theme)
