"""Profile: who you are to the dashboard, and how you like it; kept on the server."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import profile
from dashboard.ui import deeds, i18n, theme
from dashboard.ui.i18n import t
from dashboard.ui.marks import avatar, esc
from dashboard.ui.trouble import guard

SIDEBARS = ("auto", "open", "closed")
BRANDS = ("logo", "text")
LANGUAGES = ("", *i18n.LANGUAGES)


def keep() -> None:
    """Keep what the form holds."""
    typed = st.session_state
    deeds.do(
        partial(
            profile.change,
            name=typed["profile_name"].strip(),
            email=typed["profile_email"].strip(),
            gravatar=typed["profile_gravatar"],
            language=typed["profile_language"],
            sidebar=typed["profile_sidebar"],
            brand=typed["profile_brand"],
        ),
        t("profile.kept"),
    )
    if typed["profile_language"]:
        typed["lang"] = typed["profile_language"]


deeds.tell()
with guard():
    liked = profile.current()
    with st.container(border=True, key="card_profile"):
        name = liked.name or t("menu.owner")
        st.html(
            f'<div class="wq-item wq-big">{avatar(name, profile.picture(liked))}<div><b>{esc(name, 60)}</b>'
            f'<div class="wq-muted">{esc(liked.email or t("menu.role"))}</div></div></div>'
        )
    with st.form("profile_form"):
        who, like = st.columns(2, gap="large")
        with who:
            st.subheader(t("profile.who"), anchor=False)
            st.text_input(t("profile.name"), liked.name, key="profile_name", max_chars=60)
            st.text_input(t("profile.email"), liked.email, key="profile_email", help=t("profile.email.help"))
            st.toggle(t("profile.gravatar"), liked.gravatar, key="profile_gravatar")
            st.caption(t("profile.gravatar.hint"))
        with like:
            st.subheader(t("profile.like"), anchor=False)
            st.selectbox(
                t("frame.language"),
                LANGUAGES,
                LANGUAGES.index(liked.language),
                key="profile_language",
                format_func=lambda code: i18n.LANGUAGES.get(code) or t("profile.language.browser"),
            )
            st.radio(
                t("profile.sidebar"),
                SIDEBARS,
                SIDEBARS.index(liked.sidebar),
                key="profile_sidebar",
                horizontal=True,
                format_func=lambda name: t(f"profile.sidebar.{name}"),
            )
            st.radio(
                t("profile.brand"),
                BRANDS,
                BRANDS.index(liked.brand),
                key="profile_brand",
                horizontal=True,
                format_func=lambda name: t(f"profile.brand.{name}"),
            )
            st.caption(t("settings.theme.hint", name=t("settings.dark" if theme.is_dark() else "settings.light")))
        st.form_submit_button(
            t("profile.keep"), key="profile_keep", type="primary", icon=":material/save:", on_click=keep
        )
