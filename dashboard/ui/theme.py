"""The style sheet, and the colours that charts need by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import streamlit as st

from dashboard.ui import i18n, rtl

PRIMARY: Final = "#0f766e"
SUCCESS: Final = "#16a34a"
WARNING: Final = "#f59e0b"
DANGER: Final = "#ef4444"
INFO: Final = "#3b82f6"
SPACING: Final = (4, 8, 16, 24, 32)
RADII: Final = (6, 12, 16)
SIDEBAR: Final[dict[str, Literal["auto", "expanded", "collapsed"]]] = {
    "auto": "auto",
    "open": "expanded",
    "closed": "collapsed",
}
STATIC: Final = Path(__file__).resolve().parents[1] / "static"


@lru_cache(maxsize=1)
def _sheet() -> str:
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def apply() -> None:
    """Put the styles on the page; the entry script calls it once per run."""
    st.html(f"<style>{_sheet()}{rtl.css(page=i18n.is_rtl())}</style>")


def quoted(text: str) -> str:
    """Text as a CSS string that nothing in it can end; it stands inside a style element."""
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\{ord(c):x} " for c in text[:80]) + '"'


def name_brand(name: str) -> None:
    """Put a name where the logo is."""
    st.html(
        "<style>[data-testid=stSidebarHeader] img { display: none; }"
        f"[data-testid=stSidebarHeader]::before {{ content: {quoted(name)}; }}</style>"
    )


def mark_new(pages: Sequence[str], label: str) -> None:
    """Put a tag on the navigation's links to these pages."""
    if pages:
        links = ", ".join(f'[data-testid="stSidebarNav"] a[href$="/{page}"]::after' for page in pages)
        st.html(f"<style>{links} {{ content: {quoted(label)}; }}</style>")


def is_dark() -> bool:
    """Whether the visitor sees the dark theme (known from the second run of a visit on)."""
    return st.context.theme.type == "dark"
