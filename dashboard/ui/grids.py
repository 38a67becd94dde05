"""Data grids. Cells are literal, so customer text is safe in them; in Arabic the columns run from right to left."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.ui.i18n import is_rtl


def select(
    frame: pd.DataFrame,
    *,
    key: str,
    alt: str,
    rows: int,
    widths: dict[str, Literal["small", "medium", "large"]] | None = None,
) -> int | None:
    """Show ``frame`` and return the place of the selected row, if any."""
    columns = list(frame.columns)
    right = is_rtl()
    if right:
        frame = frame[columns[::-1]]
    config = {
        name: st.column_config.Column(width=(widths or {}).get(str(name)), alignment="right" if right else None)
        for name in columns
        if str(frame[name].dtype) != "bool"
    }
    event: Any = st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=460 if rows > 12 else "auto",
        column_config=config,
        alt=alt,
    )
    picked = event.selection.rows if event is not None else []
    return int(picked[0]) if picked else None


def show(frame: pd.DataFrame, *, key: str, alt: str) -> None:
    """Show ``frame`` without selecting."""
    columns = list(frame.columns)
    right = is_rtl()
    st.dataframe(
        frame[columns[::-1]] if right else frame,
        key=key,
        hide_index=True,
        height=460 if len(frame) > 12 else "auto",
        column_config={name: st.column_config.Column(alignment="right") for name in columns} if right else None,
        alt=alt,
    )
