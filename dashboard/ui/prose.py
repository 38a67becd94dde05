"""Pages of plain reading: headed paragraphs and lists from the catalogues."""

from __future__ import annotations

import streamlit as st

from dashboard.ui.i18n import t
from dashboard.ui.marks import Tone, badge, esc, icon


def part(key: str, points: tuple[str, ...] = ()) -> None:
    """A card: title ``key``, its text ``key.text``, and a list of ``key.<point>``."""
    listed = "".join(f"<li>{esc(t(f'{key}.{point}'))}</li>" for point in points)
    with st.container(border=True, key=f"card_{key.replace('.', '_')}"):
        st.subheader(t(key), anchor=False)
        st.html(f"<p>{esc(t(f'{key}.text'))}</p>" + (f'<ul class="wq-list">{listed}</ul>' if listed else ""))


def fact(symbol: str, title: str, text: str, label: str, tone: Tone) -> None:
    """A titled paragraph with a verdict beside it."""
    st.html(
        f'<div class="wq-decision tone-{tone}">{icon(symbol)}<div><h3>{esc(title)}</h3>'
        f"<p>{badge(label, tone)}</p><p>{esc(text)}</p></div></div>"
    )
