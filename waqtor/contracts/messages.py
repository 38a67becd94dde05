"""What a message can contain: one union for incoming and outgoing messages, discriminated on ``type``.

Limits are those of the WhatsApp Cloud API (v23.0): text 4096, interactive body 1024, header and footer 60,
1–3 reply buttons with titles of 20, lists of at most 10 rows in at most 10 sections.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator, model_validator

from waqtor.contracts.base import Model

Text4096 = Annotated[str, Field(min_length=1, max_length=4096)]
Caption = Annotated[str, Field(max_length=1024)]
Short60 = Annotated[str, Field(min_length=1, max_length=60)]


class TextContent(Model):
    """Plain text; ``mentions`` are addresses, ``preview_url`` asks for a link preview."""

    type: Literal["text"] = "text"
    body: Text4096
    mentions: tuple[str, ...] = ()
    preview_url: bool = False


class MediaContent(Model):
    """A file: exactly one of ``url``, ``media_id`` (an earlier upload) or ``base64``."""

    type: Literal["image", "video", "audio", "document", "sticker"]
    url: Annotated[str, Field(max_length=2048)] | None = None
    media_id: Annotated[str, Field(max_length=128)] | None = None
    base64: str | None = None
    mime_type: Annotated[str, Field(max_length=127)] | None = None
    caption: Caption | None = None
    filename: Annotated[str, Field(max_length=240)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> MediaContent:
        if sum(source is not None for source in (self.url, self.media_id, self.base64)) != 1:
            raise ValueError("give exactly one of url, media_id and base64")
        return self


class ReplyButton(Model):
    """A quick-reply button; ``id`` comes back when it is pressed."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    title: Annotated[str, Field(min_length=1, max_length=20)]


class ButtonsContent(Model):
    """Text with one to three reply buttons."""

    type: Literal["buttons"] = "buttons"
    body: Annotated[str, Field(min_length=1, max_length=1024)]
    buttons: Annotated[tuple[ReplyButton, ...], Field(min_length=1, max_length=3)]
    header: Short60 | None = None
    footer: Short60 | None = None

    @model_validator(mode="after")
    def _unique(self) -> ButtonsContent:
        if len({b.id for b in self.buttons}) != len(self.buttons):
            raise ValueError("button ids must be unique")
        if len({b.title for b in self.buttons}) != len(self.buttons):
            raise ValueError("button titles must be unique")
        return self


class ListRow(Model):
    """One choice of a list."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    title: Annotated[str, Field(min_length=1, max_length=24)]
    description: Annotated[str, Field(max_length=72)] | None = None


class ListSection(Model):
    """A titled group of rows (the title may be left out when there is one section)."""

    title: Annotated[str, Field(max_length=24)] | None = None
    rows: Annotated[tuple[ListRow, ...], Field(min_length=1, max_length=10)]


class ListContent(Model):
    """Text with a button that opens a list of at most ten rows in all."""

    type: Literal["list"] = "list"
    body: Annotated[str, Field(min_length=1, max_length=1024)]
    button: Annotated[str, Field(min_length=1, max_length=20)]
    sections: Annotated[tuple[ListSection, ...], Field(min_length=1, max_length=10)]
    header: Short60 | None = None
    footer: Short60 | None = None

    @model_validator(mode="after")
    def _limits(self) -> ListContent:
        ids = [row.id for section in self.sections for row in section.rows]
        if len(ids) > 10:
            raise ValueError("a list has at most 10 rows over all its sections")
        if len(set(ids)) != len(ids):
            raise ValueError("row ids must be unique")
        if len(self.sections) > 1 and any(not section.title for section in self.sections):
            raise ValueError("every section needs a title when there are several")
        return self


class TemplateContent(Model):
    """An approved template; ``variables`` fill its placeholders by name or position."""

    type: Literal["template"] = "template"
    name: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[a-z0-9_]+$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "en"
    variables: dict[str, str] = Field(default_factory=dict)
    components: tuple[dict[str, Any], ...] = ()


class LocationContent(Model):
    """A point on the map; degrees."""

    type: Literal["location"] = "location"
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    name: Annotated[str, Field(max_length=1000)] | None = None
    address: Annotated[str, Field(max_length=1000)] | None = None


class ReactionContent(Model):
    """An emoji on an earlier message; an empty ``emoji`` removes it."""

    type: Literal["reaction"] = "reaction"
    message_id: Annotated[str, Field(min_length=1, max_length=256)]
    emoji: Annotated[str, Field(max_length=32)] = ""


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
    TextContent | MediaContent | ButtonsContent | ListContent | TemplateContent | LocationContent | ReactionContent,
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
