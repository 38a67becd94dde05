"""Webhooks as REST, the SDK and the command line speak of them: names of events, commands, views."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, StrictBool, field_validator, model_validator

from waqtor.contracts.base import Model
from waqtor.contracts.events import EVENTS
from waqtor.contracts.views import Page, View

PUBLIC: Mapping[str, str] = MappingProxyType(
    {
        "message_received": "message.received",
        "message_sent": "message.sent",
        "campaign_executed": "campaign.progress",
        "campaign_completed": "campaign.completed",
        "client_connected": "session.status",
        "client_disconnected": "session.status",
        "smartbot_reply": "smartbot.reply",
        "session_qr": "session.qr",
    }
)
"""The eight events by their public names, and the type each comes from."""


def _wire(event_type: str) -> str:
    return event_type.replace(".", "_").replace("-", "_")


NAMES: Mapping[str, str] = MappingProxyType(
    {
        **{
            _wire(name): name
            for name, spec in EVENTS.items()
            if spec.journaled and name != "webhook.delivery" and name not in PUBLIC.values()
        },
        "session_status": "session.status",
        **PUBLIC,
    }
)
"""Every name that can be subscribed to, and the type it comes from; ``*`` stands for all journaled ones."""

_TYPES = {name: wire for wire, name in NAMES.items() if wire not in {"client_connected", "client_disconnected"}}
_TYPES["session.status"] = "session_status"


def wire_name(given: str) -> str:
    """The public name for any spelling (``message.received``, ``campaign_progress``); ``*`` stays.

    Raises:
        ValueError: No webhook can be had for it.
    """
    name = given.strip()
    if name == "*" or name in NAMES:
        return name
    found = _TYPES.get(name) or _TYPES.get(next((t for t in EVENTS if _wire(t) == name), ""))
    if found is None:
        raise ValueError(f"There is no webhook event {given!r}; use *, {', '.join(PUBLIC)} or another event's name.")
    return found


class Filters(Model):
    """Only events of these sessions, chats and rules; an empty list lets all through."""

    sessions: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    chats: Annotated[tuple[Annotated[str, Field(min_length=3, max_length=200)], ...], Field(max_length=1000)] = ()
    rules: Annotated[tuple[str, ...], Field(max_length=1000)] = ()


Url = Annotated[str, Field(min_length=8, max_length=2048, examples=["https://crm.example/hooks/waqtor"])]
Events = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
    Field(min_length=1, max_length=64, examples=[["message_received", "message_sent"]]),
]
Headers = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")],
        Annotated[str, Field(max_length=2000, pattern=r"^[\x20-\x7e]*$")],
    ],
    Field(max_length=20),
]
Secret = Annotated[str, Field(min_length=8, max_length=512, pattern=r"^[\x21-\x7e]+$")]
Seconds = Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False, strict=True)]
Schedule = Literal["default", "long"] | Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=20)]
Delay = Annotated[int, Field(ge=0, le=86_400_000, strict=True, description="Wait before the second attempt; doubles.")]
TimeoutMs = Annotated[int, Field(ge=100, le=60_000, strict=True)]

_RESERVED = frozenset(
    {"content-length", "content-type", "transfer-encoding", "connection", "host", "user-agent", "te", "trailer",
     "upgrade", "expect", "webhook-id", "webhook-timestamp", "webhook-signature"}
)  # fmt: skip


_OLD = {"delay": "delay_ms", "timeout": "timeout_ms", "retries": "attempts", "is_active": "enabled"}


class _Checked(Model):
    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {_OLD[name] if name in _OLD and _OLD[name] not in value else name: v for name, v in value.items()}
        return value

    @field_validator("events", check_fields=False)
    @classmethod
    def _known_events(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return tuple(dict.fromkeys(wire_name(name) for name in value)) if value is not None else None

    @field_validator("headers", check_fields=False)
    @classmethod
    def _own_headers(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for name in value or ():
            if name.lower() in _RESERVED or name.lower().startswith("x-waqtor-"):
                raise ValueError(f"{name} is set by WaQtor itself")
        return value


class CreateWebhook(_Checked):
    """Register a webhook. Without a ``secret`` one is made; it is in the answer, this once."""

    url: Url
    events: Events = ("*",)
    name: Annotated[str, Field(max_length=100)] = ""
    secret: Secret | None = None
    enabled: StrictBool = True
    filters: Filters = Filters()
    headers: Headers = Field(default_factory=dict)
    attempts: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None
    delay_ms: Delay | None = None
    timeout_ms: TimeoutMs | None = None
    schedule: Schedule = "default"
    ordered: StrictBool = False
    concurrency: Annotated[int, Field(ge=1, le=256, strict=True)] | None = None

    @field_validator("secret", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value


class UpdateWebhook(_Checked):
    """Change a webhook; what is left out stays, the secret too."""

    url: Url | None = None
    events: Events | None = None
    name: Annotated[str, Field(max_length=100)] | None = None
    secret: Secret | None = None
    enabled: StrictBool | None = None
    filters: Filters | None = None
    headers: Headers | None = None
    attempts: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None
    delay_ms: Delay | None = None
    timeout_ms: TimeoutMs | None = None
    schedule: Schedule | None = None
    ordered: StrictBool | None = None
    concurrency: Annotated[int, Field(ge=1, le=256, strict=True)] | None = None


class DeleteWebhook(Model):
    """Remove a webhook with its log."""

    webhook_id: str


class TestWebhook(Model):
    """Send a test delivery to one webhook, now, and tell how it went."""

    __test__ = False
    event: Annotated[str, Field(max_length=64)] = "test"


class RotateWebhook(Model):
    """Give a webhook a new secret; the old one signs along for 24 hours."""

    secret: Secret | None = None


class ReplayWebhook(Model):
    """Deliver again: one delivery, the failed ones, or a range of time. Ids stay the same.

    ``missing`` also makes deliveries for events of the range that had none (the webhook was off or newer).
    Times are ISO-8601; ``until`` defaults to now.
    """

    delivery_id: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    status: Literal["dead", "all"] = Field(
        default="dead", validation_alias=AliasChoices("status", "state"), description="Which ones of the range."
    )
    since: Annotated[str, Field(max_length=40)] | None = None
    until: Annotated[str, Field(max_length=40)] | None = None
    missing: StrictBool = False

    @field_validator("status", mode="before")
    @classmethod
    def _failed_is_dead(cls, value: Any) -> Any:
        return "dead" if value == "failed" else value


DeliveryState = Literal["pending", "delivered", "dead", "replaced"]


class WebhookView(View):
    """A webhook and how it is doing; ``secret`` only right after creation or rotation, header values never."""

    id: str
    url: str
    name: str = ""
    events: tuple[str, ...]
    filters: Filters = Filters()
    enabled: bool
    health: Literal["healthy", "failing", "open", "disabled"] = Field(
        description="open: the circuit breaker holds deliveries back for now."
    )
    disabled_reason: str | None = None
    failing_since: str | None = None
    headers: tuple[str, ...] = Field(default=(), description="Names of the further headers.")
    attempts: int
    delay_ms: int
    timeout_ms: int
    schedule: Schedule = "default"
    ordered: bool = False
    concurrency: int
    pending: int = 0
    old_secret_until: str | None = None
    secret: str | None = None
    created: str
    updated: str


class AttemptView(View):
    """One attempt; ``response`` is the first 2 KB of the answer."""

    attempt: int
    at: str
    status: Literal["success", "failed"]
    status_code: int | None = None
    response_time_ms: float
    error: str | None = None
    response: str = ""


class DeliveryView(View):
    """A delivery: one event for one webhook."""

    id: str
    webhook_id: str
    event: str
    event_type: str
    session: str = ""
    offset: int
    state: DeliveryState
    attempts: int
    status_code: int | None = None
    response_time_ms: float | None = None
    error: str | None = None
    created: str
    updated: str
    next_attempt: str | None = None
    test: bool = False


class DeliveryDetail(View):
    """A delivery with its attempts; ``body`` as it would be sent now (null once the event is gone)."""

    delivery: DeliveryView
    attempts: tuple[AttemptView, ...]
    body: str | None = None


class EventStats(View):
    """Counts of attempts for one event name."""

    event: str
    success: int
    failed: int


class WebhookStats(View):
    """Attempts of the last ``hours``; percentiles in milliseconds, read off a histogram."""

    webhook_id: str
    hours: int
    attempts: int
    success: int
    failed: int
    dead: int
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    pending: int
    by_event: tuple[EventStats, ...]
    by_hour: tuple[dict[str, Any], ...]


class WebhookList(View):
    """All webhooks, oldest first."""

    webhooks: tuple[WebhookView, ...]


class WebhookMade(View):
    """A webhook; the secret is here once."""

    webhook: WebhookView


class DeliveryPage(Page):
    """Deliveries, newest first."""

    logs: tuple[DeliveryView, ...]


class Replayed(View):
    """How many deliveries wait again."""

    webhook_id: str
    replayed: int
    created: int = 0
    truncated: bool = False
