"""Notifications: what happened while nobody looked, read or unread, with the way to where it can be mended."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from dashboard import notices
from dashboard.ui import deeds, reasons, times, trouble
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import Tone, esc, icon, number
from dashboard.ui.trouble import guard
from waqtor.contracts.notifications import NotificationView

LOOKS: dict[str, tuple[str, Tone]] = {
    "info": ("info", "info"),
    "success": ("check_circle", "success"),
    "warning": ("warning", "warning"),
    "error": ("error", "danger"),
}
PAGES = {path.stem for path in Path(__file__).parent.glob("*.py")}


def worded(note: NotificationView) -> tuple[str, str]:
    """Title and message in the language of this visit; as they are where this dashboard does not know the wording."""
    title = known(f"notice.{note.wording}", "")
    if not note.wording or not title:
        return note.title, note.message
    params = {name: reasons.said(value) if name == "reason" else value for name, value in note.params.items()}
    try:
        return title, known(f"notice.{note.wording}.message", "").format_map(params).strip()
    except (KeyError, ValueError):  # of a newer engine, with other parameters
        return title, note.message


def drawn(note: NotificationView) -> str:
    title, message = worded(note)
    symbol, tone = LOOKS.get(note.type, LOOKS["info"])
    about = [esc(known(f"notifications.kind.{note.kind}", note.kind)), esc(times.ago(note.updated))]
    if note.count > 1:
        about.append(esc(t("notifications.times", n=note.count)))
    label = t(f"notifications.type.{note.type}")
    return (
        f'<div class="wq-notice tone-{tone}{"" if note.read else " unread"}">'
        f'<span class="wq-face" role="img" aria-label="{esc(label)}" title="{esc(label)}">{icon(symbol)}</span><div>'
        f'<b class="wq-about">{esc(title, 200)}</b>'
        + (f'<p class="wq-about">{esc(message, 600)}</p>' if message else "")
        + f"<small>{' · '.join(about)}</small></div></div>"
    )


def way(note: NotificationView) -> None:
    """The link: a page of the dashboard, or an address elsewhere."""
    link = note.link or ""
    page = link.strip("/").split("?")[0] or "overview"
    if link.startswith("https://"):
        st.link_button(t("notifications.open"), link, icon=":material/open_in_new:", key=f"open_{note.id}")
    elif link and page in PAGES:
        st.page_link(f"app_pages/{page}.py", label=t("notifications.open"), icon=":material/arrow_outward:")


def row(note: NotificationView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"notice_{note.id}"):
        st.html(drawn(note), width="stretch")
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            way(note)
            st.button(
                "",
                key=f"mark_{note.id}",
                icon=":material/mark_email_unread:" if note.read else ":material/done:",
                help=t("notifications.unmark" if note.read else "notifications.mark"),
                on_click=deeds.do,
                args=(partial(notices.mark, note.id, read=not note.read), ""),
            )
            st.button(
                "",
                key=f"delete_{note.id}",
                icon=":material/delete:",
                help=t("notifications.delete"),
                on_click=deeds.do,
                args=(partial(notices.delete, note.id), t("notifications.deleted")),
            )


deeds.tell()
with guard():
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        which = st.segmented_control(
            t("notifications.filter"),
            ("all", "unread"),
            default="all",
            required=True,
            key="notifications_filter",
            format_func=lambda name: t(f"notifications.filter.{name}"),
            label_visibility="collapsed",
        )
        st.button(
            t("notifications.read_all"),
            key="notifications_read_all",
            icon=":material/done_all:",
            disabled=notices.unread() == 0,
            on_click=deeds.do,
            args=(notices.read_all, t("notifications.all_read")),
        )
    pages = deeds.Pages("notifications", which)
    found = notices.page(which or "all", pages.cursor)
    waiting = notices.unread()
    if waiting is not None:
        st.html(f'<span class="wq-muted">{esc(t("notifications.waiting"))} {number(f"{waiting:,}")}</span>')
    with st.container(border=True, key="card_notifications"):
        if found:
            for note in found:
                row(note)
        else:
            kind = "none" if which == "unread" else "empty"
            trouble.empty("notifications", t(f"notifications.{kind}"), t(f"notifications.{kind}.hint"))
    pages.buttons(t("list.newer"), t("list.older"), found.next_cursor)
