"""Grey bars in place of what is being read, so that nothing jumps when it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.ui.i18n import t
from dashboard.ui.marks import esc


def rows(count: int) -> None:
    """Bars as high as rows of a list; they stay until something is drawn in their place."""
    st.html(bars(count))


def bars(count: int) -> str:
    """The HTML of such bars."""
    inner = "".join(f'<i style="width:{100 - 17 * (n % 3)}%"></i>' for n in range(count))
    return f'<div class="wq-skeleton" role="status" aria-label="{esc(t("loading"))}">{inner}</div>'


@contextmanager
def shown(page: str) -> Iterator[None]:
    """Show bars until ``page`` is drawn, when it was just opened; later draws replace what is there already."""
    slot = st.empty()
    if st.session_state.get("drawn") != page:
        slot.html(bars(6))
    try:
        yield
    except Exception:
        slot.empty()
        raise
    slot.empty()
    st.session_state["drawn"] = page
