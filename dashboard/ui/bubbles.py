"""Messages as bubbles: a thread, and a reply on a phone as the customer would see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dashboard.ui import times
from dashboard.ui.i18n import known, t
from dashboard.ui.marks import esc, icon, initials
from waqtor.contracts.views import MessageView, RenderedReply

TICKS: Final = {
    "queued": "schedule",
    "sending": "schedule",
    "sent": "check",
    "delivered": "done_all",
    "read": "done_all",
    "failed": "error",
    "skipped": "block",
    "in_doubt": "help",
}
_SYMBOLS: Final = {
    "image": "image",
    "video": "movie",
    "audio": "mic",
    "document": "description",
    "sticker": "sentiment_satisfied",
    "location": "location_on",
    "template": "article",
    "choice": "touch_app",
    "reaction": "add_reaction",
    "other": "help",
}


def tick(status: str) -> str:
    """The state of an outgoing message as a symbol, with its name as tooltip."""
    name = esc(known(f"status.{status}", status))
    symbol = icon(TICKS.get(status, "help"), status if status in TICKS else "")
    return f'<span title="{name}" aria-label="{name}" role="img">{symbol}</span>'


def bubble(content: Mapping[str, Any] | None, body: str | None, *, out: bool, meta: str = "") -> str:
    """One message with its buttons or list."""
    content = content or {"type": "text", "body": body or ""}
    kind = str(content.get("type", "text"))
    text = body if body is not None else str(content.get("body") or content.get("caption") or "")
    parts = []
    if content.get("header"):
        parts.append(f'<div class="wq-text wq-head">{esc(content["header"])}</div>')
    if kind in _SYMBOLS:
        label = known(f"kind.{kind}", kind)
        named = content.get("filename") or content.get("name") or content.get("title")
        shown = f"{label} · {named}" if named and named != text else label
        parts.append(f'<div class="wq-muted wq-small">{icon(_SYMBOLS[kind])} {esc(shown, 120)}</div>')
    if text:
        parts.append(f'<div class="wq-text">{esc(text)}</div>')
    if content.get("footer"):
        parts.append(f'<div class="wq-text wq-foot">{esc(content["footer"])}</div>')
    parts.append(f'<div class="wq-meta">{meta}</div>' if meta else "")
    keys = "".join(
        f'<span class="wq-line">{esc(button.get("title", ""), 40)}</span>' for button in _dicts(content, "buttons")
    )
    if kind == "list":
        keys = f'<span class="wq-line">{icon("list")} {esc(content.get("button", ""), 40)}</span>'
        parts.append(_rows(content))
    side = " out" if out else ""
    return f'<div class="wq-row{side}"><div class="wq-bubble">{"".join(parts)}</div>{_keys(keys)}</div>'


def _keys(inner: str) -> str:
    return f'<div class="wq-keys">{inner}</div>' if inner else ""


def _dicts(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = content.get(name) or ()
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list | tuple) else []


def _rows(content: Mapping[str, Any]) -> str:
    out = []
    for section in _dicts(content, "sections"):
        if section.get("title"):
            out.append(f'<strong class="wq-text">{esc(section["title"], 60)}</strong>')
        for row in _dicts(section, "rows"):
            small = f'<small class="wq-text">{esc(row["description"], 90)}</small>' if row.get("description") else ""
            out.append(f'<div><span class="wq-text">{esc(row.get("title", ""), 40)}</span>{small}</div>')
    return f'<div class="wq-rows">{"".join(out)}</div>'


def thread(messages: Iterable[MessageView]) -> str:
    """A conversation, oldest first, with day marks, times and ticks."""
    parts, last = [], ""
    for message in messages:
        today = times.day(message.timestamp)
        if today != last:
            parts.append(f'<div class="wq-day">{esc(today)}</div>')
            last = today
        out = message.direction == "out"
        meta = f'<span class="wq-num">{times.clock(message.timestamp)}</span>'
        if out:
            meta = (_origin(message.cause) + meta) + tick(message.status)
        body = t("thread.erased") if message.erased else message.body
        parts.append(bubble(None if message.erased else message.content, body, out=out, meta=meta))
        if message.error is not None and message.status in ("failed", "skipped", "in_doubt"):
            said = f"{known(f'status.{message.status}', message.status)}: {message.error.reason}"
            parts.append(
                '<div class="wq-row out"><span class="wq-small wq-text tone-danger"'
                f' style="color:var(--tone)">{esc(said, 200)}</span></div>'
            )
    return f'<div class="wq-wall">{"".join(parts)}</div>'


def _origin(cause: str | None) -> str:
    symbol = {"reply": "smart_toy", "campaign": "campaign", "phone": "smartphone"}.get(cause or "")
    if symbol is None:
        return ""
    name = esc(known(f"cause.{cause}", str(cause)))
    return f'<span title="{name}" aria-label="{name}" role="img">{icon(symbol)}</span>'


def phone(name: str, asked: str, replies: Iterable[RenderedReply], silence: str) -> str:
    """A phone with the customer's message and the reply; ``silence`` stands where there is none.

    It is the customer's phone: what they wrote is on the outgoing side.
    """
    inner = [bubble(None, asked, out=True, meta=tick("read"))]
    inner += [bubble(reply.content, reply.text or None, out=False) for reply in replies]
    if len(inner) == 1:
        inner.append(f'<div class="wq-note">{icon("notifications_off")} {esc(silence)}</div>')
    head = (
        f'<header><span class="wq-face">{initials(name)}</span>'
        f"<div><b>{esc(name, 60)}</b><small>{esc(t('phone.online'))}</small></div></header>"
    )
    return f'<div class="wq-phone">{head}<div class="wq-wall">{"".join(inner)}</div></div>'
