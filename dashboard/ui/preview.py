"""A message on a phone, as its recipient will see it: WhatsApp's marks, joined buttons, an opened list, a pin."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from dashboard.ui.i18n import known, t
from dashboard.ui.marks import esc, icon, initials, number

_MARKS: Final = (
    (re.compile(r"```(.+?)```", re.DOTALL), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), r"<s>\1</s>"),
)
_PICTURES: Final = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
LARGEST_PICTURE: Final = 2_000_000
"""Bytes up to which a picture is drawn; larger ones stay a symbol."""


def formatted(text: str) -> str:
    """Text with WhatsApp's marks for bold, italic, struck and code; everything else is literal."""
    out = esc(text, 5000)
    for pattern, shown in _MARKS:
        out = pattern.sub(shown, out)
    return out


def phone(name: str, content: Mapping[str, Any], picture: bytes | None = None) -> str:
    """The recipient's phone with the message of ``name``; a list is shown opened below it."""
    kind = str(content.get("type"))
    inner = [_media(kind, content, picture), _pin(content) if kind == "location" else ""]
    inner += [
        f'<div class="wq-text {css}">{formatted(str(content[part]))}</div>'
        for part, css in (("header", "wq-head"), ("body", ""), ("caption", ""), ("footer", "wq-foot"))
        if content.get(part)
    ]
    if kind == "template":
        label = f"{known('kind.template', kind)} · {content.get('name') or '…'}"
        inner.insert(0, f'<div class="wq-muted wq-small">{icon("article")} {esc(label, 90)}</div>')
    keys = [str(button["title"]) for button in content.get("buttons", ())]
    joined = "".join(f'<span class="wq-line">{icon("reply")} {esc(key, 40)}</span>' for key in keys)
    if kind == "list":
        joined = f'<span class="wq-line">{icon("list")} {esc(content.get("button") or "…", 40)}</span>'
    clock = f'<div class="wq-meta">{number("9:41")}</div>'
    bubble = f'<div class="wq-bubble">{"".join(inner)}{clock}<div class="wq-joined">{joined}</div></div>'
    sheet = _sheet(content) if kind == "list" and content.get("sections") else ""
    head = (
        f'<header><span class="wq-face">{initials(name)}</span>'
        f"<div><b>{esc(name, 60)}</b><small>{esc(t('phone.online'))}</small></div></header>"
    )
    wall = f'<div class="wq-wall"><div class="wq-row wq-wide">{bubble}</div></div>'
    return f'<div class="wq-phone wq-preview">{head}{wall}{sheet}</div>'


def _media(kind: str, content: Mapping[str, Any], picture: bytes | None) -> str:
    if kind not in ("image", "video", "audio", "document", "sticker"):
        return ""
    mime = next((mime for head, mime in _PICTURES.items() if picture and picture.startswith(head)), None)
    if picture and mime and len(picture) <= LARGEST_PICTURE:
        # Only what the visitor chose just now; an address is never loaded here: it would tell its owner who looks.
        data = base64.b64encode(picture).decode()
        return f'<img class="wq-picture" alt="{esc(known(f"kind.{kind}", kind))}" src="data:{mime};base64,{data}">'
    symbol = {"image": "image", "video": "play_circle", "audio": "mic", "document": "description"}.get(kind, "mood")
    label = esc(content.get("filename") or known(f"kind.{kind}", kind), 60)
    return f'<div class="wq-file">{icon(symbol)}<span class="wq-line">{label}</span></div>'


def _pin(content: Mapping[str, Any]) -> str:
    place = f"{content['latitude']:.5f}, {content['longitude']:.5f}"
    title = "".join(
        f'<div class="wq-text{css}">{esc(content[part], 200)}</div>'
        for part, css in (("name", " wq-head"), ("address", " wq-small"))
        if content.get(part)
    )
    return f'<div class="wq-map">{icon("location_on")}</div>{title}<div class="wq-small">{number(place)}</div>'


def _sheet(content: Mapping[str, Any]) -> str:
    parts = [f'<div class="wq-sheet-top">{esc(content.get("button") or "", 40)}</div>']
    for section in content["sections"]:
        if section.get("title"):
            parts.append(f'<strong class="wq-text">{esc(section["title"], 40)}</strong>')
        for row in section["rows"]:
            about = f'<small class="wq-text">{esc(row["description"], 80)}</small>' if row.get("description") else ""
            title = f'<span class="wq-text">{esc(row["title"], 40)}</span>'
            parts.append(f'<div class="wq-choice"><div>{title}{about}</div><i></i></div>')
    return f'<div class="wq-sheet">{"".join(parts)}</div>'
