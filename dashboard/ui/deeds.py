"""Commands of a page: carried out in a button's callback, told on the next draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.ui import trouble
from waqtor.errors import WaqtorError


def do(work: Callable[[], Any], done: str) -> Any:
    """Carry out ``work``; returns what it returns, or ``None`` when it failed.

    Args:
        work: The command.
        done: What to say when it went well.
    """
    try:
        result = work()
    except WaqtorError as error:
        st.session_state["deed_error"] = error
        return None
    st.session_state["deed_done"] = done
    return result


def tell() -> None:
    """Say what the last command did, once; a page calls it first."""
    problem = st.session_state.pop("deed_error", None)
    if problem is not None:
        trouble.box(problem)
    done = st.session_state.pop("deed_done", None)
    if done:
        st.toast(done, icon=":material/check_circle:")


class Pages:
    """Newer and older pages of a list that is read by cursor; the way back is kept for the visit.

    Args:
        key: Prefix of the buttons' keys.
        of: What is listed; another filter starts at the first page again.
    """

    def __init__(self, key: str, of: object) -> None:
        self._key = f"{key}_way"
        if st.session_state.get(f"{key}_of") != of:
            st.session_state[f"{key}_of"] = of
            st.session_state[self._key] = []
        self._prefix = key

    @property
    def way(self) -> list[str]:
        """The cursors that led here; empty on the first page."""
        return list(st.session_state.get(self._key, ()))

    @property
    def cursor(self) -> str | None:
        """Where the page begins."""
        return self.way[-1] if self.way else None

    def go(self, way: list[str]) -> None:
        """Turn to the page at the end of ``way``."""
        st.session_state[self._key] = way

    def buttons(self, newer: str, older: str, next_cursor: str | None) -> None:
        """Draw the buttons that have somewhere to lead."""
        way = self.way
        if not way and next_cursor is None:
            return
        with st.container(horizontal=True):
            st.button(newer, key=f"{self._prefix}_newer", disabled=not way, on_click=self.go, args=(way[:-1],))
            ahead = [*way, next_cursor] if next_cursor else way
            st.button(older, key=f"{self._prefix}_older", disabled=next_cursor is None, on_click=self.go, args=(ahead,))
