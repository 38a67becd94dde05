"""The data of each event, one model per shape. Field names are the wire names."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from waqtor.contracts.base import Model

SessionState = Literal["connecting", "qr", "ready", "disconnected", "auth_failure"]
CampaignStatus = Literal["draft", "scheduled", "running", "held", "paused", "completed", "failed", "cancelled"]


class ClientInfo(Model):
    """Who is logged in."""

    platform: str
    phone_number: str
    name: str


class SessionQr(Model):
    """``qr`` is the text to draw as a QR code."""

    qr: str
    timestamp: str


class SessionStatus(Model):
    """The session's state; ``client_info`` when ready, ``reason`` when it is not."""

    status: SessionState
    client_info: ClientInfo | None = None
    reason: str | None = None


class SessionStats(Model):
    """Totals since start and rates per second over the last minute."""

    received: int
    sent: int
    failed: int
    queued: int
    received_rate: float
    sent_rate: float


class Choice(Model):
    """A pressed button or a chosen row."""

    id: str
    title: str = ""


class MessageReceived(Model):
    """An incoming message; ``message_id`` is ours, ``provider_id`` the provider's."""

    message_id: str
    provider_id: str
    from_: str | None = Field(alias="from")
    chat_id: str | None
    body: str | None
    type: str
    timestamp: str
    is_group: bool = False
    mentioned: bool = False
    push_name: str | None = None
    content: dict[str, Any] | None = None
    media: bool = False
    quoted: str | None = None
    choice: Choice | None = None
    erased: bool = False


class MessageStatus(Model):
    """A step of an outgoing message."""

    message_id: str
    provider_id: str | None = None
    to: str | None
    status: str
    timestamp: str
    cause: str | None = None
    erased: bool = False


class ErrorInfo(Model):
    """Why a send failed; ``retryable`` says whether trying again can help."""

    code: str
    reason: str
    retryable: bool = False


class MessageFailed(MessageStatus):
    """A send that failed, was skipped, or is in doubt."""

    error: ErrorInfo


class CampaignState(Model):
    """Counts of a campaign; ``eta`` in seconds."""

    campaign_id: str
    status: CampaignStatus
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    skipped: int = 0
    in_doubt: int = 0
    total: int = 0
    eta: float | None = None
    reason: str | None = None


class SkipCount(Model):
    """How many recipients of a variant were left out for one reason."""

    variant: str
    code: str
    reason: str = ""
    count: int


class CampaignSkipped(Model):
    """Recipients that a campaign leaves out before anything is sent to them; the counts of all such events add up."""

    campaign_id: str
    skips: tuple[SkipCount, ...]


class SmartbotReply(Model):
    """An answer; ``response`` is the first part, ``trace_id`` opens the eight steps."""

    message_id: str
    to: str | None
    rule_id: str
    trigger: str | None
    response: str | None
    confidence: float
    language: str
    stage: str
    trace_id: str
    revision: str
    decision: str = "answer"
    erased: bool = False


class Candidate(Model):
    """A rule that was considered and its confidence."""

    rule_id: str
    confidence: float


class SmartbotUnmatched(Model):
    """A message that got no automatic answer, with the nearest rules."""

    message_id: str
    from_: str | None = Field(default=None, alias="from")
    trigger: str | None = None
    candidates: tuple[Candidate, ...] = ()
    reason: str
    language: str
    trace_id: str
    revision: str
    erased: bool = False


class SuggestionsReady(Model):
    """How many suggestions wait for a person."""

    count: int


class RuleUpdated(Model):
    """What happened to a rule, and the revision that holds now."""

    rule_id: str
    change: Literal["added", "changed", "removed", "reloaded"]
    revision: str


class NotificationData(Model):
    """A notification as the API shows it."""

    id: str
    user: str
    type: Literal["info", "success", "warning", "error"]
    title: str
    message: str
    icon: str | None = None
    link: str | None = None
    read: bool = False
    seen: bool = False
    created: str
    updated: str


class WebhookDelivery(Model):
    """One attempt."""

    webhook_id: str
    event: str
    attempt: int
    status: Literal["success", "failed", "dead"]
    status_code: int | None = None
    response_time_ms: float | None = None
    delivery_id: str | None = None


class WebhookDisabled(Model):
    """A webhook that was switched off by itself, and why; ``host`` is where it led."""

    webhook_id: str
    host: str
    reason: str


class PluginSuppressed(Model):
    """A plugin's answer that came after another's."""

    message_id: str
    plugin: str
    winner: str


class ReaderSetAside(Model):
    """An event that failed ``attempts`` times in ``reader`` and was put aside."""

    reader: str
    offset: int
    event_type: str
    attempts: int
    error: str


class ChatControl(Model):
    """Why and until when (``None``: until resumed) the bot is quiet in a chat."""

    chat_id: str | None
    reason: str
    until: str | None = None
    erased: bool = False


class ContactConsent(Model):
    """A change of a contact's consent and where it came from."""

    contact: str | None
    source: str
    erased: bool = False


class Metrics(Model):
    """Open-ended numbers by name."""

    values: dict[str, float]
