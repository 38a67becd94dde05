"""Privacy policy: where data is, what leaves this machine, and what is end-to-end encrypted on each transport."""

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

prose.part("privacy.here")
prose.part("privacy.leaves", ("whatsapp", "webhooks", "keys"))
used = {session.transport for session in data.connection().sessions}
with st.container(border=True, key="card_encryption"):
    st.subheader(t("privacy.encryption"), anchor=False)
    for name, (symbol, tone) in TRANSPORTS.items():
        title = t(f"privacy.{name}")
        if name in used:
            title = t("privacy.in_use", name=title)
        prose.fact(symbol, title, t(f"privacy.{name}.text"), t(f"privacy.{name}.verdict"), tone)
prose.part("privacy.kept")
