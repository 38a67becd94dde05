"""Welcome: what WaQtor does, the first three steps, and what becomes of messages on their way."""

from __future__ import annotations

import streamlit as st

from dashboard.ui import encryption, theme
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, icon

DOES = (("answers", "smart_toy"), ("campaigns", "campaign"), ("learns", "lightbulb"), ("tells", "webhook"))
STEPS = (("link", "overview", "qr_code_2"), ("rules", "rules", "rule"), ("try", "bench", "science"))

with st.container(border=True, key="card_welcome"):
    st.image(str(theme.STATIC / "logo.svg"), width=190)
    st.html(f'<p class="wq-lead">{esc(t("welcome.lead"))}</p><p class="wq-muted">{esc(t("welcome.stays"))}</p>')
with st.grid(4, min_column_width=180, gap="small"):
    for name, symbol in DOES:
        with st.container(border=True, height="stretch", key=f"card_does_{name}"):
            st.html(
                f'<div class="wq-does">{icon(symbol)}<b>{esc(t(f"welcome.{name}"))}</b>'
                f'<span class="wq-muted">{esc(t(f"welcome.{name}.text"))}</span></div>'
            )
with st.container(border=True, key="card_steps"):
    st.subheader(t("welcome.start"), anchor=False)
    for number, (name, page, symbol) in enumerate(STEPS, 1):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.html(
                f'<div class="wq-stepline"><span>{number}</span><div>{esc(t(f"welcome.step.{name}"))}</div></div>',
                width="content",
            )
            st.page_link(f"app_pages/{page}.py", label=t(f"page.{page}"), icon=f":material/{symbol}:")
encryption.card()
with st.container(horizontal=True):
    for page, symbol in (("privacy", "shield_lock"), ("terms", "gavel"), ("about", "info")):
        st.page_link(f"app_pages/{page}.py", label=t(f"page.{page}"), icon=f":material/{symbol}:")
