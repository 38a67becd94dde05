"""What every page shares: brand, title, connection badge, bell, language switch, profile menu, keys, way to the top."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path

import streamlit as st

from dashboard import data, notices, profile
from dashboard.ui import theme
from dashboard.ui.i18n import LANGUAGES, t
from dashboard.ui.marks import Tone, avatar, badge, esc, icon
from waqtor.contracts.profile import Profile
from waqtor.errors import WaqtorError

_TONES: dict[str, Tone] = {"ready": "success", "starting": "warning", "locked": "danger", "down": "danger"}
_SESSION_TONES: dict[str, Tone] = {
    "ready": "success",
    "connecting": "info",
    "qr": "warning",
    "disconnected": "danger",
    "auth_failure": "danger",
}
QUICK = (("messages", "forum"), ("campaigns", "campaign"), ("bench", "science"), ("suggestions", "lightbulb"))
"""Pages of the profile menu's quick actions."""
ABOUT_ME = (("profile", "person"), ("settings", "settings"), ("welcome", "waving_hand"), ("about", "info"))
KEYS = (("/", "search"), ("Alt+1…9", "pages"), ("Esc", "leave"))


@lru_cache(maxsize=1)
def _behaviour() -> str:
    return Path(__file__).with_name("behaviour.js").read_text(encoding="utf-8")


def brand(liked: Profile, connection: data.Connection) -> None:
    """The logo above the navigation, or the shop's name."""
    st.logo(str(theme.STATIC / "logo.svg"), size="large", icon_image=str(theme.STATIC / "mark.svg"))
    if liked.brand == "text":
        session = connection.session
        theme.name_brand(session.client_info.name if session and session.client_info else "WaQtor")


def header(title: str, connection: data.Connection, liked: Profile) -> None:
    """The row on top of the page: title, connection badge, bell, language switch, profile menu."""
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
                on_change=_keep_language,
            )
            menu(liked)


def _keep_language() -> None:
    with contextlib.suppress(WaqtorError):  # it holds for this visit anyway
        profile.change(language=st.session_state["lang"])


def menu(liked: Profile) -> None:
    """The profile menu: who this is, quick actions, and the keys."""
    with st.popover(t("menu.open"), icon=":material/account_circle:", key="profile_menu", type="tertiary"):
        name = liked.name or t("menu.owner")
        st.html(
            f'<div class="wq-item">{avatar(name, profile.picture(liked))}<div><b>{esc(name, 60)}</b>'
            f'<div class="wq-small wq-muted">{esc(t("menu.role"))}</div></div></div>'
        )
        for title, links in (("menu.quick", QUICK), ("menu.more", ABOUT_ME)):
            st.html(f'<p class="wq-small wq-muted wq-menu-title">{esc(t(title))}</p>')
            for page, symbol in links:
                st.page_link(f"app_pages/{page}.py", label=t(f"menu.to.{page}"), icon=f":material/{symbol}:")
        keys = "".join(f"<dt><kbd>{esc(key)}</kbd></dt><dd>{esc(t(f'keys.{name}'))}</dd>" for key, name in KEYS)
        st.html(f'<p class="wq-small wq-muted wq-menu-title">{esc(t("keys.title"))}</p>')
        st.html(f'<dl class="wq-dl wq-keymap">{keys}</dl>')


def footer() -> None:
    """The way to the top, and the script of keys and grids; drawn last on every page."""
    with st.container(key="behaviour"):
        st.html(
            f'<a class="wq-top" href="#top" title="{esc(t("frame.top"))}" aria-label="{esc(t("frame.top"))}">'
            f"{icon('arrow_upward')}</a><script>{_behaviour()}</script>",
            unsafe_allow_javascript=True,
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
