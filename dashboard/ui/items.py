"""Rows of lists: contacts with their last message, rules with their use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dashboard.ui import times
from dashboard.ui.bubbles import tick
from dashboard.ui.i18n import t
from dashboard.ui.marks import esc, icon, initials, number, percent
from waqtor.contracts.views import ChatView, MessageView


def title_of(chat: ChatView) -> str:
    """The name of a chat, or its number."""
    return chat.name or shown_number(chat.chat_id)


def shown_number(chat_id: str) -> str:
    """A number as people write it: ``+966…``; other ids as they are."""
    return f"+{chat_id}" if chat_id.isdigit() else chat_id


def chat(view: ChatView) -> str:
    """A chat in the list."""
    name = title_of(view)
    face = icon("groups") if view.is_group else initials(name)
    paused = f'<span title="{esc(t("chat.paused"))}">{icon("pause_circle")}</span> ' if view.bot_paused else ""
    unread = f'<span class="wq-count">{view.unread if view.unread < 100 else "99+"}</span>' if view.unread else ""
    return _item(
        face, name, times.ago(view.last_timestamp), _preview(view.last_direction, view.last_message), paused + unread
    )


def messages(views: Iterable[MessageView], names: dict[str, str]) -> str:
    """The latest messages of all chats; ``names`` are those of the chats, by id."""
    out = []
    for view in views:
        name = names.get(view.chat_id) or view.push_name or shown_number(view.chat_id)
        body = t("thread.erased") if view.erased else view.body or view.type
        end = tick(view.status) if view.direction == "out" else ""
        out.append(_item(initials(name), name, times.ago(view.timestamp), _preview(view.direction, body), end))
    return f'<div class="wq-list">{"".join(out)}</div>'


def rules(rows: Sequence[dict[str, Any]], names: dict[str, str], most: int) -> str:
    """Rules with their use as a bar; ``most`` is the use that fills it."""
    out = []
    for row in rows:
        about = names.get(row["rule_id"], "")
        sure = t("overview.mean_confidence", value=percent(row["confidence"] or 0))
        out.append(
            '<div class="wq-item tone-primary"><div><div class="top">'
            f'<b class="wq-line">{esc(about or row["rule_id"], 90)}</b>'
            f"{number(format(row['answers'], ','))}</div>"
            f'<div class="wq-bar"><i style="width:{row["answers"] / most * 100:.1f}%"></i></div>'
            f'<div class="sub wq-small"><span class="wq-line">{number(row["rule_id"])}</span>'
            f"<span>{esc(sure)}</span></div></div></div>"
        )
    return f'<div class="wq-list">{"".join(out)}</div>'


def _preview(direction: str | None, text: str | None) -> str:
    arrow = icon("reply", "wq-muted") + " " if direction == "out" else ""
    return f"{arrow}{esc(text or '', 120)}"


def _item(face: str, name: str, when: str, below: str, end: str) -> str:
    return (
        f'<div class="wq-item"><span class="wq-face">{face}</span><div>'
        f'<div class="top"><b class="wq-line">{esc(name, 60)}</b>'
        f"<time>{esc(when)}</time></div>"
        f'<div class="sub"><span class="wq-line">{below}</span><span>{end}</span></div></div></div>'
    )
