"""What the Interactive page sends and looks at, through the SDK. Every function may raise ``WaqtorError``."""

from __future__ import annotations

import streamlit as st

from dashboard.data import client, forget
from dashboard.ui.composer import Composed
from waqtor.contracts.media import MediaType, MediaView
from waqtor.contracts.views import MessageView


@st.cache_data(ttl=3600.0, max_entries=8, show_spinner=False)
def upload(name: str, content: bytes, kind: MediaType) -> MediaView:
    """Keep a file; the same one again is not uploaded again."""
    return client().messages.upload(content, filename=name, media_type=kind)


def send(composed: Composed, to: str, session: str | None, key: str) -> str:
    """Send what was composed; ``key`` makes a second click the same message. Returns our message id."""
    fields = dict(composed.fields)
    if composed.file is not None:
        fields["media_id"] = upload(composed.file.name, composed.file.data, composed.fields["media_type"]).media_id
    method = getattr(client().messages, composed.method)
    receipt = method(to=to, session=session, idempotency_key=key, **fields)
    forget()
    return str(receipt.message_id)


@st.cache_data(ttl=1.0, max_entries=8, show_spinner=False)
def message(message_id: str) -> MessageView:
    """A message and how far it got."""
    return client().messages.get(message_id)
