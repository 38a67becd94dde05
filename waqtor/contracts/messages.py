"""What a message can contain: one union for incoming and outgoing messages, discriminated on ``type``.

Limits are those of the WhatsApp Cloud API (v23.0): text 4096, interactive body 1024, header and footer 60,
1–3 reply buttons with titles of 20, lists of at most 10 rows in at most 10 sections.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo, field_validator, model_validator

from waqtor.contracts import limits
from waqtor.contracts.base import Model
from waqtor.contracts.media import KINDS, FileName, MediaType, WebAddress, bare

Text4096 = Annotated[str, Field(min_length=1, max_length=limits.TEXT)]
Body1024 = Annotated[str, Field(min_length=1, max_length=limits.BODY)]
Caption = Annotated[str, Field(max_length=limits.CAPTION)]
Short60 = Annotated[str, Field(min_length=1, max_length=limits.SHORT)]
Mentions = Annotated[tuple[str, ...], Field(max_length=limits.MENTIONS)]


class TextContent(Model):
    """Plain text; ``mentions`` are addresses, ``preview_url`` asks for a link preview."""

    type: Literal["text"] = "text"
    body: Text4096
    mentions: Mentions = ()
    preview_url: bool = False


class MediaContent(Model):
    """A file: exactly one of ``url``, ``media_id`` (an earlier upload) or ``base64``."""

    type: MediaType
    url: Annotated[str, Field(max_length=limits.URL)] | None = None
    media_id: Annotated[str, Field(max_length=128)] | None = None
    base64: str | None = None
    mime_type: Annotated[str, Field(max_length=127)] | None = None
    caption: Caption | None = None
    filename: Annotated[str, Field(max_length=limits.FILENAME)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> MediaContent:
        if sum(source is not None for source in (self.url, self.media_id, self.base64)) != 1:
            raise ValueError("give exactly one of url, media_id and base64")
        return self


class OutgoingMedia(MediaContent):
    """A file that is to be sent: a whole web address, a plain name, and a type that WhatsApp takes."""

    url: WebAddress | None = None
    filename: FileName | None = None

    @field_validator("mime_type")
    @classmethod
    def _type(cls, value: str | None, info: ValidationInfo) -> str | None:
        return fitting_type(value, info.data.get("type"))

    @field_validator("caption")
    @classmethod
    def _captioned(cls, value: str | None, info: ValidationInfo) -> str | None:
        return fitting_caption(value, info.data.get("type"))


def fitting_type(mime_type: str | None, kind: str | None) -> str | None:
    """Let a type through that WhatsApp takes as the kind of media.

    Raises:
        ValueError: It is none.
    """
    if mime_type is not None and kind is not None and bare(mime_type) not in KINDS[kind].types:
        raise ValueError(f"{kind} takes {', '.join(KINDS[kind].types)}")
    return mime_type


def fitting_caption(caption: str | None, kind: str | None) -> str | None:
    """Let a caption through where the kind of media has one.

    Raises:
        ValueError: It has none.
    """
    if caption and kind in ("audio", "sticker"):
        raise ValueError(f"{kind} has none; send the text as a message of its own")
    return caption


class ReplyButton(Model):
    """A quick-reply button; ``id`` comes back when it is pressed."""

    id: Annotated[str, Field(min_length=1, max_length=limits.BUTTON_ID)]
    title: Annotated[str, Field(min_length=1, max_length=limits.BUTTON_TITLE)]


def _unlike_buttons(buttons: tuple[ReplyButton, ...]) -> tuple[ReplyButton, ...]:
    for name in ("id", "title"):
        if len({getattr(button, name) for button in buttons}) != len(buttons):
            raise ValueError(f"button {name}s must be unique")
    return buttons


Buttons = Annotated[
    tuple[ReplyButton, ...], Field(min_length=1, max_length=limits.BUTTONS), AfterValidator(_unlike_buttons)
]


class ButtonsContent(Model):
    """Text with one to three reply buttons."""

    type: Literal["buttons"] = "buttons"
    body: Body1024
    buttons: Buttons
    header: Short60 | None = None
    footer: Short60 | None = None


class ListRow(Model):
    """One choice of a list."""

    id: Annotated[str, Field(min_length=1, max_length=limits.ROW_ID)]
    title: Annotated[str, Field(min_length=1, max_length=limits.ROW_TITLE)]
    description: Annotated[str, Field(max_length=limits.ROW_DESCRIPTION)] | None = None


class ListSection(Model):
    """A titled group of rows (the title may be left out when there is one section)."""

    title: Annotated[str, Field(max_length=limits.SECTION_TITLE)] | None = None
    rows: Annotated[tuple[ListRow, ...], Field(min_length=1, max_length=limits.ROWS)]


def _one_list(sections: tuple[ListSection, ...]) -> tuple[ListSection, ...]:
    ids = [row.id for section in sections for row in section.rows]
    if len(ids) > limits.ROWS:
        raise ValueError(f"a list has at most {limits.ROWS} rows over all its sections, not {len(ids)}")
    if len(set(ids)) != len(ids):
        raise ValueError("row ids must be unique")
    if len(sections) > 1 and any(not section.title for section in sections):
        raise ValueError("every section needs a title when there are several")
    return sections


Sections = Annotated[
    tuple[ListSection, ...], Field(min_length=1, max_length=limits.SECTIONS), AfterValidator(_one_list)
]


class ListContent(Model):
    """Text with a button that opens a list of at most ten rows in all."""

    type: Literal["list"] = "list"
    body: Body1024
    button: Annotated[str, Field(min_length=1, max_length=limits.LIST_BUTTON)]
    sections: Sections
    header: Short60 | None = None
    footer: Short60 | None = None


def _one_line(value: str) -> str:
    if any(char in "\n\r\t" for char in value) or "     " in value:
        raise ValueError("a template's value has no line breaks, tabs, or more than four spaces in a row")
    return value


TemplateValue = Annotated[str, Field(min_length=1, max_length=limits.TEMPLATE_VALUE), AfterValidator(_one_line)]
TemplateValues = Annotated[dict[str, TemplateValue], Field(max_length=limits.TEMPLATE_VARIABLES)]
TemplateName = Annotated[str, Field(min_length=1, max_length=limits.TEMPLATE_NAME, pattern=r"^[a-z0-9_]+$")]
TemplateLanguage = Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")]
Components = Annotated[tuple[dict[str, Any], ...], Field(max_length=20)]


class TemplateContent(Model):
    """An approved template; ``variables`` fill its placeholders by name or position."""

    type: Literal["template"] = "template"
    name: TemplateName
    language: TemplateLanguage = "en"
    variables: TemplateValues = Field(default_factory=dict)
    components: Components = ()


class LocationContent(Model):
    """A point on the map; degrees."""

    type: Literal["location"] = "location"
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    name: Annotated[str, Field(max_length=limits.PLACE)] | None = None
    address: Annotated[str, Field(max_length=limits.PLACE)] | None = None


def _emoji(value: str) -> str:
    # No table of emoji here: what is surely none is refused, the rest is WhatsApp's to judge.
    for place, char in enumerate(value):
        keycap = char in "0123456789#*" and "\u20e3" in value[place + 1 : place + 3]
        if char.isspace() or (char.isalnum() and not keycap and not unicodedata.category(char) == "So"):
            raise ValueError("must be one emoji, or empty to take it back")
    return value


Emoji = Annotated[str, Field(max_length=32), AfterValidator(_emoji)]


class ReactionContent(Model):
    """An emoji on an earlier message; an empty ``emoji`` removes it."""

    type: Literal["reaction"] = "reaction"
    message_id: Annotated[str, Field(min_length=1, max_length=256)]
    emoji: Annotated[str, Field(max_length=32)] = ""


class OutgoingReaction(ReactionContent):
    """A reaction that is to be sent."""

    emoji: Emoji = ""


class ChoiceContent(Model):
    """Incoming only: a pressed button or a chosen list row."""

    type: Literal["choice"] = "choice"
    id: Annotated[str, Field(max_length=256)]
    title: Annotated[str, Field(max_length=4096)] = ""


class OtherContent(Model):
    """Incoming only: something kept but not understood (contacts, polls, orders, …)."""

    type: Literal["other"] = "other"
    kind: Annotated[str, Field(max_length=64)] = "unknown"
    raw: dict[str, Any] = Field(default_factory=dict)


OutgoingContent = Annotated[
    TextContent | OutgoingMedia | ButtonsContent | ListContent | TemplateContent | LocationContent | OutgoingReaction,
    Field(discriminator="type"),
]
IncomingContent = Annotated[
    TextContent | MediaContent | LocationContent | ReactionContent | ChoiceContent | OtherContent,
    Field(discriminator="type"),
]
OUTGOING: TypeAdapter[Any] = TypeAdapter(OutgoingContent)
INCOMING: TypeAdapter[Any] = TypeAdapter(IncomingContent)


class InboundMessage(Model):
    """A message as a transport hands it in.

    ``message_id`` is the provider's id (the dedup key with ``session``); addresses are canonical;
    ``timestamp`` is UTC microseconds; ``mentioned`` says whether the bot was addressed in a group.
    ``from_me`` marks what a person typed on the phone itself: it went to ``chat_id``, and WaQtor did not send it.
    """

    session: str
    message_id: Annotated[str, Field(min_length=1, max_length=256)]
    sender: str
    chat_id: str
    content: IncomingContent
    timestamp: Annotated[int, Field(ge=0, lt=253_402_300_800_000_000)]
    is_group: bool = False
    mentioned: bool = False
    from_me: bool = False
    push_name: Annotated[str, Field(max_length=200)] = ""
    quoted_id: str | None = None

    @field_validator("session", "message_id", "sender", "chat_id", "push_name", "quoted_id", mode="before")
    @classmethod
    def _no_nul(cls, value: object) -> object:
        # PostgreSQL text cannot hold NUL; in ids and names nobody means it.
        return value.replace("\x00", "\ufffd") if isinstance(value, str) and "\x00" in value else value


def body_of(content: Any) -> str:
    """Return the text a person would read in ``content`` (a model or its dict); empty when there is none."""
    for field in ("body", "caption", "title", "emoji", "name"):
        value = content.get(field) if isinstance(content, dict) else getattr(content, field, None)
        if value:
            return str(value)
    return ""
