"""The "New" marks of the navigation: on pages that came with this release, until they were opened."""

from __future__ import annotations

import contextlib
from typing import Final

import streamlit as st

from dashboard import profile
from dashboard.ui import theme
from dashboard.ui.i18n import t
from waqtor.contracts.profile import Profile
from waqtor.errors import WaqtorError

NEW: Final = ("suggestions", "analytics")
"""Pages that came with this release."""


def mark(liked: Profile, opened: str) -> None:
    """Draw the marks; opening a page takes its own away, for good."""
    seen = {*liked.seen, *st.session_state.get("news_seen", ())}
    if opened in NEW and opened not in seen:
        seen.add(opened)
        st.session_state["news_seen"] = sorted(seen)
        with contextlib.suppress(WaqtorError):  # it is shown once more then
            profile.change(seen=sorted(seen & set(NEW)))
    theme.mark_new([name for name in NEW if name not in seen], t("tag.new"))
