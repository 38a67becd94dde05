"""Moments and durations as people read them, in the visitor's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard.ui.i18n import t


def zone() -> tzinfo:
    """The visitor's time zone; UTC when the browser does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (OSError, ValueError):
        return UTC


def moment(text: str) -> datetime | None:
    """An ISO-8601 time in the visitor's zone; ``None`` when it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(zone())
    except ValueError:
        return None


def clock(text: str) -> str:
    """Hours and minutes."""
    when = moment(text)
    return f"{when:%H:%M}" if when else "–"


def full(text: str) -> str:
    """Date and time to the second."""
    when = moment(text)
    return f"{when:%Y-%m-%d %H:%M:%S}" if when else "–"


def day(text: str) -> str:
    """Today, yesterday, or the date."""
    when = moment(text)
    if when is None:
        return "–"
    days = (datetime.now(when.tzinfo).date() - when.date()).days
    return t("time.today") if days == 0 else t("time.yesterday") if days == 1 else f"{when:%Y-%m-%d}"


def ago(text: str) -> str:
    """How long ago, in one short unit; the date when it is more than a week."""
    when = moment(text)
    if when is None:
        return "–"
    seconds = (datetime.now(when.tzinfo) - when).total_seconds()
    if seconds < 60:
        return t("time.now")
    if seconds < 3600:
        return t("time.minutes", n=int(seconds // 60))
    if seconds < 86_400:
        return t("time.hours", n=int(seconds // 3600))
    return t("time.days", n=int(seconds // 86_400)) if seconds < 7 * 86_400 else f"{when:%Y-%m-%d}"


def duration(ms: float) -> str:
    """Milliseconds in a fitting unit."""
    if ms < 1:
        return f"{ms * 1000:.0f} µs"
    if ms < 1000:
        return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    if ms < 3_600_000:
        return f"{ms / 60_000:.1f} min"
    return f"{ms / 3_600_000:.1f} h"
