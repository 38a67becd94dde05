"""What is end-to-end encrypted on each transport: the welcome and the privacy page say the same."""

from __future__ import annotations

import streamlit as st

from dashboard import data
from dashboard.ui import prose
from dashboard.ui.i18n import t
from dashboard.ui.marks import Tone

TRANSPORTS: dict[str, tuple[str, Tone]] = {
    "simulator": ("science", "muted"),
    "whatsapp_web": ("lock", "success"),
    "cloud_api": ("lock_open", "warning"),
}


def card() -> None:
    """A verdict per transport; those in use say so."""
    used = {session.transport for session in data.connection().sessions}
    with st.container(border=True, key="card_encryption"):
        st.subheader(t("privacy.encryption"), anchor=False)
        for name, (symbol, tone) in TRANSPORTS.items():
            title = t(f"privacy.{name}")
            if name in used:
                title = t("privacy.in_use", name=title)
            prose.fact(symbol, title, t(f"privacy.{name}.text"), t(f"privacy.{name}.verdict"), tone)
