"""About: what WaQtor is, versions, and the way to the privacy policy and the terms."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import streamlit as st

from dashboard.ui import theme
from dashboard.ui.i18n import t
from dashboard.ui.marks import definitions, number


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "–"


with st.container(border=True, key="card_about"):
    st.image(str(theme.STATIC / "logo.svg"), width=170)
    st.text(t("about.what"))
    st.text(t("about.more"))
    with st.container(horizontal=True):
        st.page_link("app_pages/privacy.py", label=t("page.privacy"), icon=":material/shield_lock:")
        st.page_link("app_pages/terms.py", label=t("page.terms"), icon=":material/gavel:")
with st.container(border=True, key="card_versions"):
    st.subheader(t("about.versions"), anchor=False)
    pairs = [(number(name), number(installed(name))) for name in ("waqtor", "streamlit", "plotly", "pandas")]
    st.html(definitions([*pairs, (number("python"), number(platform.python_version()))]))
    st.caption(t("about.licence"))
    st.caption(t("about.font"))
