"""Interactive: compose a message with buttons, a list, a file or a place, see it on a phone, and send it."""

from __future__ import annotations

import hashlib
import json

import streamlit as st

from dashboard import data, outbox
from dashboard.ui import bubbles, items, preview, snippets, trouble
from dashboard.ui.composer import KINDS_OF_MESSAGE, Composed, compose
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import definitions, esc, number
from dashboard.ui.trouble import guard
from waqtor.contracts.addresses import parse_address
from waqtor.contracts.ids import new_ulid
from waqtor.errors import WaqtorError


def canonical(text: str) -> str | None:
    """The recipient's number; ``None`` while it is none."""
    try:
        return parse_address(text).canonical
    except WaqtorError:
        return None


def digest(composed: Composed, to: str, session: str | None) -> str:
    """Names what would be sent, so that the same click twice is one message."""
    file = hashlib.sha256(composed.file.data).hexdigest() if composed.file else ""
    text = json.dumps([to, session, composed.route, dict(composed.fields), file], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def send(composed: Composed, to: str, session: str | None, name: str) -> None:
    # The round changes only when a person asks to send the same again.
    key = f"page-{st.session_state.setdefault('compose_round', new_ulid())}-{name[:32]}"
    try:
        st.session_state["compose_sent"] = (name, outbox.send(composed, to, session, key), to)
    except WaqtorError as error:
        st.session_state["compose_error"] = error


def again() -> None:
    st.session_state["compose_round"] = new_ulid()
    st.session_state.pop("compose_sent", None)


def open_chat(to: str) -> None:
    st.session_state["messages_chat"] = to


@st.fragment(run_every=2)
def result(message_id: str, to: str) -> None:
    """What became of the message, while it makes its way."""
    with guard():
        view = outbox.message(message_id)
        status = f"{bubbles.tick(view.status)} {esc(known(f'status.{view.status}', view.status))}"
        pairs = [
            (esc(t("compose.message_id")), f"<code>{number(message_id)}</code>"),
            (esc(t("campaigns.status")), status),
        ]
        if view.error is not None:
            pairs.append((esc(t("wizard.why")), f'<span class="wq-text">{esc(view.error.reason, 300)}</span>'))
        st.html(definitions(pairs))
    with st.container(horizontal=True):
        if st.button(t("compose.open"), key="compose_open", icon=":material/forum:", on_click=open_chat, args=(to,)):
            st.switch_page("app_pages/messages.py")
        st.button(t("compose.again"), key="compose_again", icon=":material/replay:", on_click=again)


connection = data.connection()
problem = st.session_state.pop("compose_error", None)
if problem is not None:
    trouble.box(problem)
left, right = st.columns([3, 2], gap="medium")
with left, st.container(border=True, key="card_compose"):
    kind = st.segmented_control(
        t("compose.kind"), KINDS_OF_MESSAGE, format_func=lambda name: t(f"compose.kind.{name}"), key="compose_kind",
        default="buttons", required=True,
    )  # fmt: skip
    composed = compose(kind or "buttons")
with right:
    with st.container(border=True, key="card_preview"):
        st.subheader(t("compose.preview"), anchor=False)
        session = connection.session
        shop = session.client_info.name if session and session.client_info else "WaQtor"
        picture = composed.file.data if composed.file and composed.content["type"] == "image" else None
        st.html(preview.phone(shop, composed.content, picture))
    with st.container(border=True, key="card_send"):
        sessions = [view.session for view in connection.sessions]
        chosen = st.selectbox(t("compose.session"), sessions, key="compose_session") if len(sessions) > 1 else None
        given = st.text_input(
            t("compose.to"), key="compose_to", placeholder="+966 50 123 4567", type="phone", live=True
        )
        to = canonical(given or "")
        if given and to is None:
            st.caption(t("compose.to.bad"))
        elif to:
            st.html(f'<div class="wq-small wq-muted">{number(items.shown_number(to))}</div>')
        name = digest(composed, to or "", chosen)
        sent = st.session_state.get("compose_sent")
        done = sent is not None and sent[0] == name
        st.button(
            t("compose.send"), key="compose_send", type="primary", icon=":material/send:", width="stretch",
            disabled=done or to is None or not composed.ready, on_click=send, args=(composed, to, chosen, name),
        )  # fmt: skip
        if not composed.ready:
            st.caption(t("compose.incomplete"))
        if done:
            result(sent[1], sent[2])
with left, st.expander(t("compose.code"), icon=":material/code:", key="compose_code"):
    shown = to or "966501234567"
    st.code(snippets.python(composed, shown), language="python", wrap_lines=True)
    st.code(snippets.rest(composed, shown, data.address()), language="bash", wrap_lines=True)
