"""Taking a chat over from the bot, and giving it back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard import data
from dashboard.ui import times
from dashboard.ui.i18n import t
from waqtor.contracts.views import ChatView

PAUSES = {"30m": 30.0, "4h": 240.0, "always": None}
"""How long the bot can be kept out, in minutes; ``None``: until it is resumed."""


def control(chat: ChatView, carry_out: Callable[[partial[None], str], None], prefix: str = "") -> None:
    """The button that pauses or resumes the bot in a chat.

    ``carry_out(command, done)`` is called from the button with the label that says it is done; ``prefix`` keeps the
    keys of two pages apart.
    """
    if chat.bot_paused:
        st.button(
            t("chat.resume"),
            key=f"{prefix}chat_resume",
            icon=":material/smart_toy:",
            type="primary",
            help=why_quiet(chat),
            on_click=carry_out,
            args=(partial(data.resume, chat.chat_id, chat.session), "chat.resumed"),
        )
        return
    with st.popover(t("chat.pause"), icon=":material/pause_circle:", key=f"{prefix}chat_pause"):
        st.caption(t("chat.pause.meaning"))
        for name, minutes in PAUSES.items():
            st.button(
                t(f"chat.pause.{name}"),
                key=f"{prefix}pause_{name}",
                width="stretch",
                on_click=carry_out,
                args=(partial(data.pause, chat.chat_id, chat.session, minutes), "chat.paused"),
            )


def why_quiet(chat: ChatView) -> str:
    """Until when the bot is quiet; plain words only, because tooltips read Markdown."""
    return t("chat.paused_until", when=times.full(chat.bot_paused_until)) if chat.bot_paused_until else t("chat.paused")
