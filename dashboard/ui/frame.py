"""What every page shares: brand, title, connection badge, bell, language switch."""

from __future__ import annotations

import streamlit as st

from dashboard import data, notices
from dashboard.ui import theme
from dashboard.ui.i18n import LANGUAGES, t
from dashboard.ui.marks import Tone, badge

_TONES: dict[str, Tone] = {"ready": "success", "starting": "warning", "locked": "danger", "down": "danger"}
_SESSION_TONES: dict[str, Tone] = {
    "ready": "success",
    "connecting": "info",
    "qr": "warning",
    "disconnected": "danger",
    "auth_failure": "danger",
}


def brand() -> None:
    """The logo above the navigation."""
    st.logo(str(theme.STATIC / "logo.svg"), size="large", icon_image=str(theme.STATIC / "mark.svg"))


def header(title: str, connection: data.Connection) -> None:
    """The row on top of the page: title, connection badge, bell, language switch."""
    with st.container(key="topbar", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(title, anchor=False, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content", key="topbar_end"):
            live_badge(connection.state)
            if connection.state in ("ready", "starting"):
                bell()
            st.segmented_control(
                t("frame.language"),
                list(LANGUAGES),
                format_func=lambda code: LANGUAGES[code],
                key="lang",
                required=True,
                label_visibility="collapsed",
            )


@st.fragment(run_every=5)
def live_badge(state: str) -> None:
    """The connection badge; when the sidecar comes or goes the whole page is drawn again."""
    connection = data.connection()
    if connection.state != state:
        st.rerun()
    st.html(connection_badge(connection), width="content")


@st.fragment(run_every=30)
def bell() -> None:
    """The bell: the way to the notifications, with the number of unread ones."""
    unread = notices.unread()
    with st.container(key="bell_unread" if unread else "bell_quiet", width="content"):
        st.page_link(
            "app_pages/notifications.py",
            label=(f"{unread}" if unread < 100 else "99+") if unread else t("bell.quiet"),
            icon=":material/notifications:",
            help=t("bell.unread", n=unread) if unread else t("bell.quiet"),
        )


def connection_badge(connection: data.Connection) -> str:
    """The badge: the sidecar's state, or the session's when the sidecar is well."""
    session = connection.session
    if connection.state == "ready" and session is not None:
        return badge(t(f"session.{session.status}"), _SESSION_TONES[session.status], live=True)
    return badge(t(f"connection.{connection.state}"), _TONES[connection.state], live=connection.state != "down")
