"""Messages: chats, threads, sending, and messages in doubt."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard import data
from dashboard.ui import bubbles, handover, items, times, trouble
from dashboard.ui.i18n import is_rtl, t
from dashboard.ui.marks import esc, icon, initials, number
from dashboard.ui.trouble import guard
from waqtor.contracts.views import ChatView, MessageView
from waqtor.errors import WaqtorError


def choose(chat_id: str | None) -> None:
    st.session_state["messages_chat"] = chat_id


def more(name: str) -> int:
    """How many pages of a list are shown."""
    shown: dict[str, int] = st.session_state.get("messages_pages", {})
    return shown.get(name, 1)


def show_more(name: str) -> None:
    st.session_state["messages_pages"] = {name: more(name) + 1}


def attempt(action: partial[None] | partial[str], done: str) -> None:
    """Carry out a command from a button; say how it went on the next draw."""
    try:
        action()
    except WaqtorError as error:
        st.session_state["messages_error"] = error
    else:
        st.toast(t(done), icon=":material/check_circle:")


def send(chat: ChatView) -> None:
    text = (st.session_state.get("messages_text") or "").strip()
    if text:
        attempt(partial(data.send, chat.chat_id, chat.session, text), "thread.queued")


def doubts(found: list[MessageView], place: str) -> None:
    """Messages of which nobody knows whether they arrived, each with the three ways out."""
    trouble.note(t("doubt.title", n=len(found)), f"<p>{esc(t('doubt.meaning'))}</p>", "warning")
    for message in found:
        with st.container(border=True, key=f"card_doubt_{place}_{message.message_id}"):
            who = items.shown_number(message.chat_id)
            st.html(
                f'<div class="wq-small wq-muted">{number(who)} · {number(times.full(message.timestamp))}</div>'
                f'<div class="wq-text">{esc(message.body or message.type, 300)}</div>'
            )
            with st.container(horizontal=True, gap="small"):
                for name, outcome, again in (
                    ("sent", "sent", False),
                    ("again", "not_sent", True),
                    ("lost", "not_sent", False),
                ):
                    st.button(
                        t(f"doubt.{name}"),
                        key=f"resolve_{place}_{name}_{message.message_id}",
                        help=t(f"doubt.{name}.help"),
                        on_click=attempt,
                        args=(partial(data.resolve, message.message_id, outcome, resend=again), "doubt.done"),
                    )


def chat_list(search: str, chosen: str | None) -> None:
    with guard():
        found = data.chats(search, more("chats"))
        if not found:
            trouble.empty(
                "forum",
                t("chats.none" if search else "chats.empty"),
                t("chats.none.hint" if search else "chats.empty.hint"),
            )
        for view in found:
            on = "on_" if view.chat_id == chosen else ""
            with st.container(key=f"chatrow_{on}{view.session}_{view.chat_id}"):
                st.html(items.chat(view))
                label = t("chats.open", number=items.shown_number(view.chat_id))
                key = f"chat_{view.session}_{view.chat_id}"
                st.button(label, key=key, width="stretch", on_click=choose, args=(view.chat_id,))
        if found.next_cursor:
            st.button(t("chats.more"), key="chats_more", width="stretch", on_click=show_more, args=("chats",))


def thread_head(chat: ChatView) -> None:
    name = items.title_of(chat)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="thread_head"
    ):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.button(
                t("chats.back"),
                key="messages_back",
                icon=":material/arrow_forward:" if is_rtl() else ":material/arrow_back:",
                on_click=choose,
                args=(None,),
            )
            face = icon("groups") if chat.is_group else initials(name)
            st.html(
                f'<div class="wq-item" style="padding:0"><span class="wq-face">{face}</span>'
                f'<div><b class="wq-line">{esc(name, 60)}</b>'
                f'<div class="wq-small wq-muted">{number(items.shown_number(chat.chat_id))}</div></div></div>',
                width="content",
            )
        handover.control(chat, attempt)


def thread(chat: ChatView) -> None:
    with guard():
        page = data.thread(chat.chat_id, chat.session, more(chat.chat_id))
        found = list(page)[::-1]
        if page.next_cursor:
            st.button(
                t("thread.older"), key="thread_older", type="tertiary", icon=":material/history:", width="stretch",
                on_click=show_more, args=(chat.chat_id,),
            )  # fmt: skip
        with st.container(height=460, key="thread_scroll", autoscroll=True, border=False):
            if found:
                st.html(bubbles.thread(found))
            else:
                trouble.empty("chat", t("thread.empty"), t("thread.empty.hint"))
        unsure = [message for message in found if message.status == "in_doubt"]
        if unsure:
            doubts(unsure, "thread")


@st.fragment(run_every=4, key="messages_board")
def board() -> None:
    """The whole page but its frame: opening a chat draws nothing else anew."""
    chosen = st.session_state.get("messages_chat")
    error = st.session_state.pop("messages_error", None)
    if error is not None:
        trouble.box(error)
    left, right = st.columns([2, 3], gap="medium")
    with left.container(key="chats_behind" if chosen else "chats_front"):
        search = st.text_input(
            t("chats.search"),
            key="messages_search",
            max_chars=200,
            placeholder=t("chats.search"),
            type="search",
            icon=":material/search:",
            label_visibility="collapsed",
            live=True,
        )
        with st.container(border=True, key="card_chats", height=620, gap=None):
            chat_list(search or "", chosen)
    with right:
        chat = None
        with guard():
            chat = data.chat(chosen) if chosen else None
        with st.container(border=True, key="card_thread"):
            if chat is None:
                trouble.empty("forum", t("thread.choose"), t("thread.choose.hint"))
                with guard():
                    unsure = list(data.messages("in_doubt", 20))
                    if unsure:
                        doubts(unsure, "all")
            else:
                thread_head(chat)
                thread(chat)
                st.chat_input(t("thread.write"), key="messages_text", max_chars=4096, on_submit=send, args=(chat,))


board()
