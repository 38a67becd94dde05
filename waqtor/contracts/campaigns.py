"""Campaigns and audiences: what is asked for, and what is answered.

A campaign is a draft until it is executed; its message, variables and settings are fixed when it is created, its
recipients when it starts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from waqtor.contracts.base import Model
from waqtor.contracts.event_data import CampaignStatus
from waqtor.contracts.messages import OutgoingContent

RecipientState = Literal[
    "planned", "queued", "sending", "sent", "delivered", "read", "failed", "skipped", "in_doubt", "cancelled"
]
AudienceState = Literal["importing", "ready", "failed"]
TemplateText = Annotated[str, Field(min_length=1, max_length=4096)]
QuietHours = Annotated[
    str, Field(pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", description="Local HH:MM-HH:MM.")
]


class CampaignVariant(Model):
    """One message of an A/B test; of ``weight`` in the sum of all weights."""

    name: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[^\s:]+$")]
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    template: TemplateText | None = None
    content: OutgoingContent | None = None

    @model_validator(mode="after")
    def _one_message(self) -> CampaignVariant:
        if (self.template is None) == (self.content is None):
            raise ValueError("a variant has either a template or a content")
        return self


class CampaignSchedule(Model):
    """When to send.

    ``at`` without an offset is local time of ``timezone`` (IANA; default: the setting). Within ``quiet_hours``
    nothing is sent. A start that is missed by more than ``late_minutes`` (the machine was off) is not made up: the
    campaign pauses and says so.
    """

    at: datetime | None = None
    timezone: Annotated[str, Field(max_length=64)] = ""
    quiet_hours: QuietHours = ""
    late_minutes: Annotated[float, Field(ge=1, le=10_080)] = 60


class WarmUp(Model):
    """Few messages on a number's first days: ``first_day``, then ``growth`` times as many each further day."""

    first_day: Annotated[int, Field(ge=1, le=1_000_000)] = 250
    growth: Annotated[float, Field(ge=1, le=10)] = 2.0


class CreateCampaign(Model):
    """Describe a campaign; it starts as a draft.

    The audience is one of ``audience_id``, ``recipients``, ``query`` (SQL over the traffic log) and ``tags``. The
    message is ``template`` (a text), ``content`` (any kind of message) or ``variants`` (an A/B test); texts in it may
    use ``{{variables}}``: columns of the audience, ``variables`` for all, ``contact.phone`` and ``shop.name``.
    ``fallbacks`` stand in for empty ones.
    """

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    session: str | None = None
    recipients: Annotated[tuple[str | dict[str, Any], ...], Field(max_length=20_000)] = ()
    audience_id: Annotated[str, Field(max_length=64)] | None = None
    query: Annotated[str, Field(max_length=20_000)] | None = None
    tags: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    template: TemplateText | None = None
    content: OutgoingContent | None = None
    variables: Annotated[dict[str, Any], Field(max_length=100)] = Field(default_factory=dict)
    fallbacks: Annotated[dict[str, str], Field(max_length=100)] = Field(default_factory=dict)
    variants: Annotated[tuple[CampaignVariant, ...], Field(max_length=10)] = ()
    schedule: CampaignSchedule | None = None
    rate: Annotated[float, Field(gt=0, le=1000, description="Most messages per second.")] | None = None
    warm_up: WarmUp | None = None
    error_budget: Annotated[float, Field(ge=0, le=1, description="Share of failures at which it pauses.")] = 0.2
    require_consent: Annotated[bool, Field(description="Skip contacts without a recorded consent.")] = False

    @model_validator(mode="after")
    def _one_of_each(self) -> CreateCampaign:
        sources = [bool(self.recipients), self.audience_id is not None, self.query is not None, bool(self.tags)]
        if sum(sources) != 1:
            raise ValueError("give the audience as exactly one of recipients, audience_id, query and tags")
        if sum((self.template is not None, self.content is not None, bool(self.variants))) != 1:
            raise ValueError("give the message as exactly one of template, content and variants")
        names = [variant.name for variant in self.variants]
        if len(set(names)) != len(names):
            raise ValueError("variants need different names")
        if len(names) == 1:
            raise ValueError("an A/B test has at least two variants")
        return self


class CampaignAction(Model):
    """Execute, pause, resume, cancel, clone or retry a campaign, or rehearse it without sending."""

    campaign_id: str
    action: Literal["execute", "pause", "resume", "cancel", "clone", "retry_failed", "dry_run"]
    reason: Annotated[str, Field(max_length=200)] = ""


class TestSend(Model):
    """Send a campaign's message to a few own numbers first."""

    __test__ = False
    campaign_id: str
    recipients: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    variant: str | None = None


class CreateAudience(Model):
    """Keep a list of recipients: from an uploaded file, pasted numbers, rows, a query or tags.

    ``phone`` names the column with the number, ``columns`` says under which variable each further column is kept
    (default: all, under their own names). ``region`` (ISO 3166) reads numbers without a country code.
    """

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    upload_id: Annotated[str, Field(max_length=64)] | None = None
    numbers: Annotated[str, Field(max_length=900_000)] | None = None
    recipients: Annotated[tuple[str | dict[str, Any], ...], Field(max_length=20_000)] = ()
    query: Annotated[str, Field(max_length=20_000)] | None = None
    tags: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    phone: Annotated[str, Field(max_length=200)] | None = None
    columns: dict[str, str] | None = None
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    session: str | None = None
    tag_as: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    consent: Annotated[bool, Field(description="These people agreed to marketing messages; record it.")] = False

    @model_validator(mode="after")
    def _one_source(self) -> CreateAudience:
        given = (self.upload_id, self.numbers, self.query, self.recipients or None, self.tags or None)
        if sum(source is not None for source in given) != 1:
            raise ValueError("give exactly one of upload_id, numbers, recipients, query and tags")
        return self


class DeleteAudience(Model):
    """Forget an audience; campaigns that started keep their recipients."""

    audience_id: str


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class CampaignCounts(_View):
    """Recipients by what became of them; ``sent`` holds those delivered, and ``delivered`` those who read.

    ``planned`` wait for their turn, ``queued`` are in the send queue (or in flight).
    """

    total: int = 0
    planned: int = 0
    queued: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    skipped: int = 0
    in_doubt: int = 0

    @property
    def done(self) -> int:
        """Recipients with an outcome."""
        return self.sent + self.failed + self.skipped


class CampaignView(_View):
    """A campaign and where it stands; ``eta`` in seconds, ``rate`` and ``speed`` in messages per second."""

    id: str
    name: str
    session: str
    status: CampaignStatus
    reason: str | None = None
    counts: CampaignCounts = CampaignCounts()
    eta: float | None = None
    speed: float | None = None
    audience_id: str | None = None
    audience: str | None = None
    template: str | None = Field(default=None, description="The text of the message, or of its first variant.")
    variants: tuple[dict[str, Any], ...] = ()
    variables: dict[str, Any] = Field(default_factory=dict)
    fallbacks: dict[str, str] = Field(default_factory=dict)
    schedule: dict[str, Any] | None = None
    rate: float | None = None
    warm_up: dict[str, Any] | None = None
    error_budget: float = 0.2
    require_consent: bool = False
    created: str
    updated: str
    due: str | None = None
    started: str | None = None
    finished: str | None = None


class RecipientView(_View):
    """One recipient of a campaign; ``error`` and ``reason`` say why it failed or was skipped."""

    place: int
    contact: str
    variant: str
    status: RecipientState
    attempt: int = 1
    message_id: str | None = None
    error: str | None = None
    reason: str | None = None
    updated: str | None = None
    replied_after_s: float | None = None
    variables: dict[str, Any] = Field(default_factory=dict)


class Sample(_View):
    """A message as one recipient would get it."""

    contact: str
    variant: str
    content: dict[str, Any]


class DryRun(_View):
    """What executing a campaign would do now; nothing was sent. ``seconds`` is the likely duration."""

    total: int
    ready: int
    skips: dict[str, int]
    variants: dict[str, int]
    samples: tuple[Sample, ...] = ()
    seconds: float | None = None
    finishes: str | None = None
    notes: tuple[str, ...] = ()


class AudienceView(_View):
    """A list of recipients; ``rows`` were read, of which ``total`` are in it.

    While a file is imported, ``expected`` says how many rows it likely has.
    """

    id: str
    name: str
    source: str
    state: AudienceState
    fields: tuple[str, ...] = ()
    total: int = 0
    rows: int = 0
    expected: int | None = None
    duplicates: int = 0
    bad: int = 0
    reason: str | None = None
    created: str
    updated: str


class AudienceIssue(_View):
    """A row that is not in the audience, by its line in the source (the header is line 1 of a file)."""

    line: int
    kind: Literal["bad", "duplicate"]
    value: str
    message: str


class UploadView(_View):
    """An uploaded table before it becomes an audience: what was recognised, and a guess which column is the number."""

    upload_id: str
    filename: str
    format: Literal["csv", "xlsx"]
    encoding: str | None = None
    delimiter: str | None = None
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    phone: str | None = None
    size: int


class VariantReport(_View):
    """How one variant did; rates are shares of those sent, with their 95 % interval."""

    variant: str
    counts: CampaignCounts
    replied: int
    read_rate: float | None = None
    reply_rate: float | None = None
    reply_low: float | None = None
    reply_high: float | None = None


class CampaignReport(_View):
    """The figures of a campaign.

    ``speed`` holds ``{at, sent}`` per bucket of ``bucket_s`` seconds, ``failures`` ``{code, reason, status, count}``,
    ``hours`` ``{weekday, hour, read, replied}`` (Monday = 1, local time of ``timezone``). ``difference`` compares the
    reply rates of the first two variants: ``{variant, against, value, low, high}``.
    """

    campaign: CampaignView
    variants: tuple[VariantReport, ...]
    speed: tuple[dict[str, Any], ...]
    bucket_s: float
    failures: tuple[dict[str, Any], ...]
    hours: tuple[dict[str, Any], ...]
    timezone: str
    replied: int
    reply_rate: float | None = None
    reply_median_s: float | None = None
    difference: dict[str, Any] | None = None
