"""Settings: where the dashboard is connected, how the engine is doing, API keys, privacy, and the look."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import data
from dashboard.ui import auditlog, deeds, frame, i18n, keyring, person, theme, times
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import definitions, esc, number
from dashboard.ui.trouble import guard


def plain(facts: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    """What can be shown of a status answer: its texts, numbers and flags, one line each."""
    out = []
    for name, value in facts.items():
        label = esc(known(f"{prefix}.{name}", name.replace("_", " ")), 60)
        if isinstance(value, bool):
            out.append((label, esc(t("yes") if value else t("no"))))
        elif isinstance(value, str | int | float) and value != "":
            moment = isinstance(value, str) and name.endswith("_at")
            shown = times.full(str(value)) if moment else f"{value:,.4g}" if isinstance(value, float) else value
            out.append((label, number(shown)))
    return out


deeds.tell()
engine, keys, privacy, audit, look = st.tabs(
    [t("settings.engine"), t("keyring.title"), t("settings.privacy"), t("audit.title"), t("settings.look")],
    key="settings_tabs",
)
with engine, st.grid(2, min_column_width=320):
    with st.container(border=True, key="card_connection", height="stretch"), guard():
        st.subheader(t("settings.connection"), anchor=False)
        connection = data.connection()
        st.html(frame.connection_badge(connection))
        pairs = [(esc(t("settings.address")), number(data.address()))]
        for session in connection.sessions:
            pairs.append(
                (esc(t("settings.session")), f"{number(session.session)} · {esc(t(f'session.{session.status}'))}")
            )
            pairs.append((esc(t("session.transport")), number(session.transport)))
            pairs.append((esc(t("session.since")), number(times.full(session.since))))
            pairs.append((esc(t("session.queued")), number(session.queued)))
        st.html(definitions(pairs + plain(data.health(), "health")))
    with st.container(border=True, key="card_bot", height="stretch"), guard():
        st.subheader(t("settings.bot"), anchor=False)
        st.html(definitions(plain(data.bot_status(), "bot")))
with keys, guard():
    keyring.card()
with privacy:
    with guard():
        person.card()
    with guard():
        person.erasures()
    with guard():
        auditlog.retention()
with audit, guard():
    auditlog.card()
with look, st.container(border=True, key="card_look"):
    st.page_link("app_pages/profile.py", label=t("settings.more"), icon=":material/person:")
    st.subheader(t("settings.language"), anchor=False)
    st.caption(t("settings.language.hint", name=i18n.LANGUAGES[i18n.language()]))
    st.subheader(t("settings.theme"), anchor=False)
    st.caption(t("settings.theme.hint", name=t("settings.dark" if theme.is_dark() else "settings.light")))
