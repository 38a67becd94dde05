"""How the visitor likes the dashboard: kept on the server, read briefly cached, and never in the way.

Until there are users, everybody is the owner.
"""

from __future__ import annotations

import hashlib
from typing import Any

import streamlit as st

from dashboard import data
from waqtor.contracts.profile import Profile
from waqtor.errors import WaqtorError


@st.cache_data(ttl=30.0, max_entries=2, show_spinner=False)
def current() -> Profile:
    """The profile; the defaults when it cannot be read. Never raises."""
    try:
        return data.client().profile.get()
    except WaqtorError:
        return Profile()


def change(**values: Any) -> None:
    """Keep what ``values`` name.

    Raises:
        WaqtorError: It could not be kept.
    """
    data.client().profile.update(**values)
    current.clear()


def picture(profile: Profile) -> str:
    """Address of the person's Gravatar; empty unless they switched it on."""
    if not (profile.gravatar and profile.email):
        return ""
    return f"https://gravatar.com/avatar/{hashlib.sha256(profile.email.strip().lower().encode()).hexdigest()}?s=96&d=mp"
