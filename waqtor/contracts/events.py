"""Every event that may cross the bus or the wire, as one table.

An :class:`Event` is the envelope; its ``data`` is a plain dict whose shape is the model named in :data:`EVENTS`.
Personal fields (texts, addresses, names) are never in the journal row itself: they live in the payload with the
key ``subject`` and are merged in on reading (:func:`hydrate`), so erasing a payload erases them everywhere while
offsets stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from waqtor.contracts import event_data as d
from waqtor.contracts import learning
from waqtor.contracts.base import Model
from waqtor.contracts.ids import new_ulid


@dataclass(slots=True)
class Event:
    """The envelope of an event.

    Attributes:
        type: Name from :data:`EVENTS`, for example ``message.received``.
        session: Name of the WhatsApp session (number) it belongs to; empty for the engine itself.
        data: The public fields, by the model of the type.
        id: ULID, unique over all time.
        created: UTC microseconds since the epoch.
        version: Version of the data's shape.
        correlation_id: Id of what set things going (a message, a campaign, a request).
        offset: Place in the journal; 0 until committed and for ephemeral events.
        dedup_key: When set, a second event with the same key is not journaled.
        lane: 0–1023, the same for all events of one chat: readers keep order within a lane.
        subject: Key of the payload that holds the personal fields; empty when there are none.
        personal: The payload's fields when hydrated or when the event is being written.
    """

    type: str
    session: str
    data: dict[str, Any]
    id: str = field(default_factory=new_ulid)
    created: int = 0
    version: int = 1
    correlation_id: str = ""
    offset: int = 0
    dedup_key: str | None = None
    lane: int = 0
    subject: str = ""
    personal: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EventSpec:
    """What is fixed for a type of event."""

    name: str
    model: type[Model]
    description: str
    journaled: bool = True
    priority: bool = False
    personal: tuple[str, ...] = ()
    version: int = 1

    @property
    def topic(self) -> str:
        """The WebSocket topic that carries it."""
        head = self.name.split(".", 1)[0]
        return _TOPICS.get(head, head)


_TOPICS = {
    "message": "messages",
    "campaign": "campaigns",
    "notification": "notifications",
    "webhook": "webhooks",
    "plugin": "plugins",
}

_SPECS = (
    EventSpec("session.qr", d.SessionQr, "A QR code to scan; a login credential, so never journaled.", False, True),
    EventSpec("session.status", d.SessionStatus, "A session changed its state.", True, True),
    EventSpec("session.stats", d.SessionStats, "Counts and rates of one session.", False),
    EventSpec(
        "message.received",
        d.MessageReceived,
        "A message came in.",
        True,
        False,
        ("from", "chat_id", "body", "content", "push_name"),
    ),
    EventSpec("message.sent", d.MessageStatus, "The provider accepted a message.", True, False, ("to",)),
    EventSpec("message.delivered", d.MessageStatus, "A message reached the phone.", True, False, ("to",)),
    EventSpec("message.read", d.MessageStatus, "A message was read.", True, False, ("to",)),
    EventSpec("message.failed", d.MessageFailed, "A message was refused, expired or skipped.", True, False, ("to",)),
    EventSpec(
        "message.in_doubt",
        d.MessageFailed,
        "A send whose outcome is unknown; resolved by a later status or a person.",
        True,
        True,
        ("to",),
    ),
    EventSpec("campaign.started", d.CampaignState, "A campaign began to send.", True, True),
    EventSpec("campaign.progress", d.CampaignState, "Counts of a running campaign.", False),
    EventSpec("campaign.paused", d.CampaignState, "A campaign was paused.", True, True),
    EventSpec("campaign.completed", d.CampaignState, "A campaign has no recipient left.", True, True),
    EventSpec("campaign.failed", d.CampaignState, "A campaign stopped on an error.", True, True),
    EventSpec("campaign.cancelled", d.CampaignState, "A campaign was cancelled.", True, True),
    EventSpec("campaign.skipped", d.CampaignSkipped, "A campaign leaves recipients out, counted by reason."),
    EventSpec("smartbot.reply", d.SmartbotReply, "The bot answered.", True, False, ("to", "trigger", "response")),
    EventSpec("smartbot.unmatched", d.SmartbotUnmatched, "The bot stayed silent.", True, False, ("from", "trigger")),
    EventSpec(
        "smartbot.handoff", d.SmartbotUnmatched, "The bot handed a chat to a person.", True, True, ("from", "trigger")
    ),
    EventSpec("smartbot.suggestions-ready", d.SuggestionsReady, "Suggestions wait for a person."),
    EventSpec("smartbot.rule-updated", d.RuleUpdated, "A rule was added, changed or removed."),
    EventSpec("smartbot.suggestion-updated", learning.SuggestionUpdated, "A person worked on a suggestion."),
    EventSpec("smartbot.labelled", learning.DecisionLabelled, "A person judged a decision."),
    EventSpec("notification.created", d.NotificationData, "A notification for a person."),
    EventSpec("notification.updated", d.NotificationData, "A notification was read, seen or deleted."),
    EventSpec("webhook.delivery", d.WebhookDelivery, "One attempt to deliver a webhook."),
    EventSpec("webhook.disabled", d.WebhookDisabled, "A webhook was switched off after failures.", True, True),
    EventSpec("plugin.suppressed", d.PluginSuppressed, "An answer that lost to another plugin's."),
    EventSpec("reader.set-aside", d.ReaderSetAside, "An event that a reader could not handle.", True, True),
    EventSpec("chat.paused", d.ChatControl, "The bot was paused in a chat.", True, False, ("chat_id",)),
    EventSpec("chat.resumed", d.ChatControl, "The bot was resumed in a chat.", True, False, ("chat_id",)),
    EventSpec(
        "contact.opted-out", d.ContactConsent, "A contact asked for no more messages.", True, False, ("contact",)
    ),
    EventSpec("contact.opted-in", d.ContactConsent, "A contact asked for messages again.", True, False, ("contact",)),
    EventSpec("metrics", d.Metrics, "A snapshot of the engine's metrics.", False),
)

EVENTS: Mapping[str, EventSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})
"""All event types by name, in the order of the documentation."""


def hydrate(event: Event) -> dict[str, Any]:
    """Return the event's data with its personal fields merged in.

    A field whose payload was erased is ``None``, and ``erased`` is then true.
    """
    wanted = EVENTS[event.type].personal if event.type in EVENTS else ()
    if not wanted or not event.subject:
        return event.data
    data = dict(event.data)
    if event.personal is None:
        data.update(dict.fromkeys(wanted), erased=True)
    else:
        for name in wanted:
            data[name] = event.personal.get(name)
    return data


def check(event: Event) -> None:
    """Raise when an event's hydrated data does not fit its model (used by tests and strict mode).

    Raises:
        KeyError: If the type is unknown.
        pydantic.ValidationError: If the data is wrong.
    """
    EVENTS[event.type].model.model_validate(hydrate(event))
