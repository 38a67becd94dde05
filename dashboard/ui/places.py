"""Pages in place of a page: not found, locked behind the access code, and something that broke."""

from __future__ import annotations

import logging
import secrets
from urllib.parse import urlsplit

import streamlit as st

from dashboard import locks
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, icon, number

_log = logging.getLogger("dashboard")


def asked_for() -> str:
    """The page that the address names; empty for the first one, or when it is not known."""
    return urlsplit(st.context.url or "").path.strip("/")


def no_dialog() -> None:
    """Keep Streamlit's own words about an unknown address off the page.

    Hiding its dialog is not enough, because the page behind it takes no clicks: behaviour.js closes it at the mark.
    """
    with st.container(key="lost"):
        st.html('<i class="wq-lost"></i><style>section[role="dialog"] { display: none !important; }</style>')


def not_found(path: str) -> None:
    """There is no page at this address."""
    no_dialog()
    with st.container(border=True, key="card_not_found"):
        _said("explore_off", t("place.not_found"), t("place.not_found.hint"), number(f"/{path[:80]}"))
        _home()


def locked(page: str) -> None:
    """The page is behind the access code; asks for it at once, and again when wanted."""
    with st.container(border=True, key="card_locked"):
        _said("lock", t("place.locked"), t("place.locked.hint"))
        with st.container(horizontal=True, horizontal_alignment="center"):
            if st.button(t("place.locked.enter"), key="lock_enter", type="primary", icon=":material/key:"):
                st.session_state["lock_asked"] = page
                ask()
            st.page_link("app_pages/overview.py", label=t("place.home"), icon=":material/home:")
    if st.session_state.get("lock_asked") != page or "lock_said" in st.session_state:
        st.session_state["lock_asked"] = page
        ask()


@st.dialog(" ", width="small", icon=":material/lock:")
def ask() -> None:
    """The dialog that takes the code."""
    if st.session_state.get("unlocked"):
        st.rerun()
    st.subheader(t("place.code"), anchor=False)
    with st.form("lock_form", border=False):
        st.text_input(t("place.code"), type="password", key="lock_code", label_visibility="collapsed")
        st.form_submit_button(t("place.code.open"), key="lock_open", type="primary", width="stretch", on_click=_try)
    said = st.session_state.pop("lock_said", None)
    if said is not None:
        st.error(said, icon=":material/error:")


def _try() -> None:
    wait = locks.lock().wait()
    if wait > 0:
        st.session_state["lock_said"] = t("place.code.wait", n=int(wait) + 1)
    elif not locks.enter(st.session_state["lock_code"]):
        st.session_state["lock_said"] = t("place.code.wrong")


def broken(error: Exception) -> None:
    """Something is wrong in the page itself: say so, and under which number the log has it."""
    reference = secrets.token_hex(4)
    _log.error("page failed, reference %s", reference, exc_info=error)
    with st.container(border=True, key="card_broken"):
        _said("heart_broken", t("place.broken"), t("place.broken.hint"), number(reference))
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button(t("blocked.retry"), key="broken_retry", type="primary", icon=":material/refresh:")
            st.page_link("app_pages/overview.py", label=t("place.home"), icon=":material/home:")


def _said(symbol: str, title: str, hint: str, more: str = "") -> None:
    st.html(
        f'<div class="wq-empty wq-place">{icon(symbol)}<b role="heading" aria-level="2">{esc(title)}</b>{esc(hint)}'
        + (f"<p>{more}</p>" if more else "")
        + "</div>"
    )


def _home() -> None:
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.page_link("app_pages/overview.py", label=t("place.home"), icon=":material/home:")
