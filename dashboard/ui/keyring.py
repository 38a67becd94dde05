"""API keys on the settings page: who has one, making one (it is shown once), and ending one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from dashboard import data
from dashboard.ui import deeds, grids, times, trouble
from dashboard.ui.i18n import is_rtl, t
from dashboard.ui.marks import esc, number
from waqtor.contracts.views import KeyView

SCOPES: Final = (
    "messages:send", "messages:read", "campaigns:manage", "notifications", "webhooks:manage", "smartbot:read",
    "smartbot:write", "analytics:read", "analytics:texts", "privacy", "admin",
)  # fmt: skip


def scope_name(scope: str) -> str:
    """What a scope allows, in words."""
    return t(f"scope.{scope.replace(':', '_')}")


def card() -> None:
    """The keys, and what can be done with them."""
    _secret()
    with st.container(border=True, key="card_keys"):
        st.subheader(t("keyring.title"), anchor=False)
        st.caption(t("keyring.hint"))
        keys = data.keys()
        chosen = _table(keys)
        if chosen is not None and not chosen.revoked:
            with st.popover(t("keyring.revoke"), icon=":material/key_off:", key=f"key_end_{chosen.id}"):
                st.html(f"<p>{esc(t('keyring.revoke.sure'))} {number(chosen.prefix)}…</p>")
                st.button(
                    t("keyring.revoke"),
                    key=f"key_revoke_{chosen.id}",
                    type="primary",
                    on_click=partial(deeds.do, partial(data.revoke_key, chosen.id), t("keyring.revoked")),
                )
        elif not keys:
            trouble.empty("key", t("keyring.empty"), t("keyring.empty.hint"))
    with st.container(border=True, key="card_new_key"):
        st.subheader(t("keyring.new"), anchor=False)
        with st.form("key_form", border=False, clear_on_submit=True):
            st.text_input(t("keyring.name"), key="key_name", max_chars=100, placeholder=t("keyring.name.example"))
            st.multiselect(t("keyring.scopes"), SCOPES, key="key_scopes", format_func=scope_name)
            st.form_submit_button(t("keyring.make"), key="key_make", icon=":material/add:", on_click=_make)


def _table(keys: Sequence[KeyView]) -> KeyView | None:
    if not keys:
        return None
    frame = pd.DataFrame(
        {
            t("keyring.name"): [key.name for key in keys],
            t("keyring.prefix"): [f"{key.prefix}…" for key in keys],
            t("keyring.scopes"): [("، " if is_rtl() else ", ").join(map(scope_name, key.scopes)) for key in keys],
            t("keyring.made"): [times.day(key.created) for key in keys],
            t("keyring.used"): [times.ago(key.last_used) if key.last_used else "–" for key in keys],
            t("keyring.state"): [t("keyring.ended" if key.revoked else "keyring.valid") for key in keys],
        }
    )
    wide = {t("keyring.name"): "medium", t("keyring.scopes"): "large"}
    place = grids.select(frame, key="keys_table", widths=wide, alt=t("keyring.title"), rows=len(keys))
    return keys[place] if place is not None and place < len(keys) else None


def _make() -> None:
    name, scopes = st.session_state["key_name"].strip(), st.session_state["key_scopes"]
    if not name or not scopes:
        st.session_state["key_incomplete"] = True
        return
    made = deeds.do(partial(data.create_key, name, scopes), t("keyring.made.done"))
    if made is not None and made.key:
        st.session_state["key_shown"] = made


def _secret() -> None:
    """A new key, until it is put away; it cannot be had again."""
    if st.session_state.pop("key_incomplete", False):
        st.warning(t("keyring.incomplete"), icon=":material/edit_note:")
    made = st.session_state.get("key_shown")
    if made is None:
        return
    with st.container(border=True, key="card_key_shown"):
        st.html(f'<p class="wq-title">{esc(t("keyring.shown"))}</p>')
        st.caption(t("keyring.shown.hint"))
        st.code(made.key, language=None)
        if made.signing_secret:
            st.caption(t("keyring.signing"))
            st.code(made.signing_secret, language=None)
        st.button(
            t("keyring.shown.done"),
            key="key_shown_done",
            icon=":material/check:",
            on_click=lambda: st.session_state.pop("key_shown", None),
        )
