"""Small pieces of HTML. Everything that a customer or a rule wrote passes through :func:`esc`, once, here."""

from __future__ import annotations

import html
import re
from typing import Final, Literal

Tone = Literal["success", "warning", "danger", "info", "primary", "muted"]
LONGEST: Final = 2000
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def esc(text: object, limit: int = LONGEST) -> str:
    """Text made harmless for HTML and readable: no markup, no control or direction characters, at most ``limit``.

    Direction overrides are taken out because every place that shows text sets its own direction.
    """
    plain = _CONTROL.sub("\ufffd", _INVISIBLE.sub("", str(text)))
    if len(plain) > limit:
        plain = f"{plain[:limit]}… (+{len(plain) - limit:,})"
    return html.escape(plain, quote=True)


def icon(name: str, css: str = "") -> str:
    """A Material Symbol by name (the font comes with Streamlit)."""
    return f'<span class="wq-icon {css}" aria-hidden="true">{esc(name)}</span>'


def badge(label: str, tone: Tone, *, live: bool = False) -> str:
    """A pill with a coloured dot."""
    return f'<span class="wq-badge tone-{tone}{" live" if live else ""}"><i></i>{esc(label)}</span>'


def number(text: object) -> str:
    """A number, code or id that keeps its left-to-right order in Arabic sentences."""
    return f'<span class="wq-num">{esc(text)}</span>'


def percent(share: float) -> str:
    """A share as a whole percentage; never a rounded-up 100 % or a rounded-down 0 %."""
    if 0.99 <= share < 1:
        return "99%"
    return "1%" if 0 < share < 0.01 else f"{round(share * 100)}%"


def initials(name: str) -> str:
    """One letter for the face of a contact; a figure of a person for a number."""
    return next((esc(c.upper()) for c in name if c.isalpha()), icon("person"))


def avatar(name: str, picture: str = "") -> str:
    """A face: the picture, or one letter of the name."""
    inner = f'<img alt="" src="{esc(picture)}" referrerpolicy="no-referrer">' if picture else initials(name)
    return f'<span class="wq-face">{inner}</span>'


def tag(label: str, tone: Tone = "primary") -> str:
    """A small square mark, as "New"."""
    return f'<span class="wq-tag tone-{tone}">{esc(label)}</span>'


def definitions(pairs: list[tuple[str, str]]) -> str:
    """A list of terms and values; both sides are HTML already."""
    return '<dl class="wq-dl">' + "".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in pairs) + "</dl>"


def chips(texts: list[str], limit: int = 200) -> str:
    """Short texts side by side."""
    return '<div class="wq-chips">' + "".join(f"<span>{esc(text, limit)}</span>" for text in texts) + "</div>"
