"""Fields that compose a message of any kind, each with a counter of WhatsApp's limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from dashboard.ui.i18n import t
from dashboard.ui.marks import number
from waqtor.contracts import limits
from waqtor.contracts.media import EXTENSIONS, KINDS

KINDS_OF_MESSAGE: Final = ("buttons", "list", "media", "location", "template", "text")


@dataclass(frozen=True, slots=True)
class Attached:
    """A file chosen in the browser."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Composed:
    """A message as composed so far.

    Attributes:
        method: Name of the SDK's method.
        route: The last part of the REST path.
        fields: What the method takes beside the recipient.
        content: The message as it is drawn.
        ready: Whether everything that is needed is there.
        file: A file to upload first.
    """

    method: str
    route: str
    fields: Mapping[str, Any]
    content: Mapping[str, Any]
    ready: bool
    file: Attached | None = None


def compose(kind: str) -> Composed:
    """Draw the fields of a kind of message and return what they hold."""
    return _FORMS[kind]()


def line(name: str, limit: int, key: str, *, place: str = "", area: bool = False) -> str:
    """One field with its counter."""
    label = t(f"compose.{name}", n=place) if place else t(f"compose.{name}")
    with st.container(key=f"field_{key}", gap=None):
        text: str | None
        if area:
            text = st.text_area(label, key=f"compose_{key}", max_chars=limit, height=110)
        else:
            text = st.text_input(label, key=f"compose_{key}", max_chars=limit, live=True)
        used = len(text or "")
        full = " full" if used >= limit else ""
        st.html(f'<div class="wq-limit{full}">{number(f"{used:,} / {limit:,}")}</div>')
    return (text or "").strip()


def _text() -> Composed:
    body = line("text", limits.TEXT, "text", area=True)
    return Composed("send", "send-text", {"text": body}, {"type": "text", "body": body}, bool(body))


def _frame() -> dict[str, str]:
    """Header, body and footer of an interactive message."""
    header = line("header", limits.SHORT, "header")
    body = line("body", limits.BODY, "body", area=True)
    footer = line("footer", limits.SHORT, "footer")
    return {name: text for name, text in (("header", header), ("body", body), ("footer", footer)) if text}


def _buttons() -> Composed:
    frame = _frame()
    count = _steps("buttons", limits.BUTTONS)
    titles = [line("button", limits.BUTTON_TITLE, f"button_{n}", place=str(n + 1)) for n in range(count)]
    buttons = [{"id": title, "title": title} for title in titles if title]
    fields = {**frame, "buttons": buttons}
    unlike = len({button["id"] for button in buttons}) == len(buttons)
    ready = bool("body" in frame and buttons and unlike)
    return Composed("send_buttons", "send-buttons", fields, {"type": "buttons", **fields}, ready)


def _list() -> Composed:
    frame = _frame()
    button = line("list_button", limits.LIST_BUTTON, "list_button")
    sections: list[dict[str, Any]] = []
    seen: set[str] = set()
    left = limits.ROWS
    count = _steps("sections", limits.SECTIONS)
    for place in range(count):
        with st.container(border=True, key=f"card_section_{place}"):
            title = line("section", limits.SECTION_TITLE, f"section_{place}", place=str(place + 1))
            rows = []
            for at in range(_steps(f"rows_{place}", max(1, left), label="rows")):
                name = line("row", limits.ROW_TITLE, f"row_{place}_{at}", place=str(at + 1))
                about = line("row_about", limits.ROW_DESCRIPTION, f"about_{place}_{at}")
                if name:
                    rows.append({"id": _unlike(name, seen), "title": name} | ({"description": about} if about else {}))
            left -= len(rows)
            if rows:
                sections.append({"title": title, "rows": rows} if title else {"rows": rows})
    fields = {**frame, "button": button, "sections": sections}
    titled = len(sections) < 2 or all("title" in section for section in sections)
    ready = bool("body" in frame and button and sections and titled and left >= 0)
    if sections and not titled:
        st.caption(t("compose.sections.titled"))
    return Composed("send_list", "send-list", fields, {"type": "list", **fields}, ready)


def _media() -> Composed:
    kind = st.segmented_control(
        t("compose.media_type"), list(KINDS), format_func=lambda name: t(f"kind.{name}"), key="compose_media_type",
        default="image", required=True,
    )  # fmt: skip
    kind = kind or "image"
    types = sorted(ending for ending, mime in EXTENSIONS.items() if mime in KINDS[kind].types)
    most = KINDS[kind].size
    given = st.file_uploader(
        t("compose.file", size=f"{most / 1_048_576:.3g}"), type=types, key=f"compose_file_{kind}",
        max_upload_size=max(1, most // 1_048_576),
    )  # fmt: skip
    url = line("url", limits.URL, "url") if given is None else ""
    caption = line("caption", limits.CAPTION, "caption", area=True) if kind not in ("audio", "sticker") else ""
    file = Attached(given.name, given.getvalue()) if given is not None else None
    fields: dict[str, Any] = {"media_type": kind}
    fields |= {name: text for name, text in (("url", url), ("caption", caption)) if text}
    if kind == "document" and file is not None:
        fields["filename"] = file.name
    content: dict[str, Any] = {"type": kind, "caption": caption, "filename": file.name if file else url}
    return Composed("send_media", "send-media", fields, content, bool(file or url), file)


def _location() -> Composed:
    left, right = st.columns(2)
    with left:
        latitude = st.number_input(t("compose.latitude"), -90.0, 90.0, 24.7136, 0.0001, "%.5f", key="compose_latitude")
    with right:
        longitude = st.number_input(
            t("compose.longitude"), -180.0, 180.0, 46.6753, 0.0001, "%.5f", key="compose_longitude"
        )
    name = line("place", limits.PLACE, "place")
    address = line("address", limits.PLACE, "address")
    fields: dict[str, Any] = {"latitude": latitude, "longitude": longitude}
    fields |= {field: text for field, text in (("name", name), ("address", address)) if text}
    return Composed("send_location", "send-location", fields, {"type": "location", **fields}, True)


def _template() -> Composed:
    name = line("template", limits.TEMPLATE_NAME, "template")
    language = st.text_input(t("compose.language"), "ar", key="compose_language", max_chars=6)
    given = st.text_area(t("compose.values"), key="compose_values", height=90, help=t("compose.values.help"))
    pairs = [entry.partition("=") for entry in (given or "").splitlines() if entry.strip()]
    variables = {key.strip(): value.strip() for key, _, value in pairs}
    fields: dict[str, Any] = {"name": name, "language": (language or "").strip()}
    if variables:
        fields["variables"] = variables
    ready = bool(name and fields["language"] and all(variables.values()))
    shown = "\n".join(f"{key}: {value}" for key, value in variables.items())
    content = {"type": "template", "name": name, "body": shown or t("compose.template.hint")}
    return Composed("send_template", "send-template", fields, content, ready)


def _steps(name: str, most: int, *, label: str = "") -> int:
    """How many fields of a kind there are, with buttons for one more and one less."""
    key = f"compose_n_{name}"
    count = min(max(1, int(st.session_state.get(key, 1))), most)
    label = label or name
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"steps_{name}"):
        st.html(f'<b class="wq-small">{t(f"compose.{label}")} {number(f"{count} / {most}")}</b>', width="content")
        for sign, change in (("remove", -1), ("add", 1)):
            st.button(
                t(f"compose.{sign}"), key=f"{key}_{sign}", icon=f":material/{sign}:",
                disabled=not 1 <= count + change <= most, on_click=_count, args=(key, count + change),
            )  # fmt: skip
    return count


def _count(key: str, value: int) -> None:
    st.session_state[key] = value


def _unlike(title: str, seen: set[str]) -> str:
    name, n = title, 1
    while name in seen:
        n += 1
        name = f"{title} ({n})"
    seen.add(name)
    return name


_FORMS: Final[Mapping[str, Callable[[], Composed]]] = {
    "text": _text, "buttons": _buttons, "list": _list, "media": _media, "location": _location, "template": _template,
}  # fmt: skip
