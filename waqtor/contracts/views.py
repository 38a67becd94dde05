"""What REST and the SDK answer: read models, all in snake_case, times as ISO-8601 with ``Z``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from waqtor.contracts.event_data import Candidate, ClientInfo, ErrorInfo, SessionState

SendStatus = Literal["received", "queued", "sending", "sent", "delivered", "read", "failed", "skipped", "in_doubt"]


class View(BaseModel):
    """A frozen answer; readers ignore what they do not know."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class SendReceipt(View):
    """The answer to a send: our lasting id; ``pending`` means queued or sending."""

    message_id: str
    timestamp: str
    status: Literal["pending", "sent", "delivered", "read", "failed", "skipped", "in_doubt"] = "pending"
    duplicate: bool = Field(default=False, description="True when this Idempotency-Key was seen before.")


class MessageView(View):
    """One message of either direction; texts are null once erased."""

    message_id: str
    provider_id: str | None = None
    session: str
    direction: Literal["in", "out"]
    chat_id: str
    type: str
    status: SendStatus
    body: str | None = None
    content: dict[str, Any] | None = None
    push_name: str | None = None
    timestamp: str
    updated: str
    quoted_id: str | None = None
    cause: str | None = Field(default=None, description="api, reply, campaign or phone: typed there (outgoing).")
    cause_id: str | None = None
    error: ErrorInfo | None = None
    is_group: bool = False
    erased: bool = False


class ChatView(View):
    """A conversation and where it stands; ``window_open_until`` is the end of the 24-hour window."""

    chat_id: str
    session: str
    name: str | None = None
    is_group: bool = False
    last_message: str | None = None
    last_direction: Literal["in", "out"] | None = None
    last_timestamp: str
    unread: int = 0
    bot_paused: bool = False
    bot_paused_until: str | None = None
    bot_paused_reason: str | None = None
    window_open_until: str | None = None
    cursor: str | None = Field(default=None, exclude=True, description="Where the next page of chats starts.")


class SessionView(View):
    """A session and its state."""

    session: str
    transport: str
    status: SessionState
    client_info: ClientInfo | None = None
    qr: str | None = Field(default=None, description="Present only while a QR waits to be scanned.")
    reason: str | None = None
    since: str
    queued: int = 0
    in_doubt: int = 0


class TraceStep(View):
    """One of the eight steps: what it did, in words and in facts; ``ms`` is its duration."""

    step: Literal["normalise", "language", "guard", "retrieve", "score", "decide", "render", "check"]
    ms: float
    summary: str
    details: dict[str, Any] = Field(default_factory=dict)


class RenderedReply(View):
    """A part of the reply as it would be sent."""

    text: str
    language: str
    content: dict[str, Any]


class Neighbour(View):
    """An example near the message."""

    rule_id: str
    example: str
    similarity: float
    source: Literal["exact", "keyword", "pattern", "semantic", "lexical"]


class Trace(View):
    """A decision, explained. ``decision``: answer, clarify, handoff, silent, opt_out, opt_in."""

    trace_id: str
    text: str
    language: str
    decision: Literal["answer", "clarify", "handoff", "silent", "opt_out", "opt_in"]
    reason: str
    rule_id: str | None = None
    confidence: float = 0.0
    threshold: float | None = None
    stage: str = ""
    candidates: tuple[Candidate, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    replies: tuple[RenderedReply, ...] = ()
    steps: tuple[TraceStep, ...] = ()
    revision: str = ""
    total_ms: float = 0.0


class HistoryView(View):
    """A past decision of the bot; texts are null once erased."""

    trace_id: str
    message_id: str
    session: str
    chat_id: str | None = None
    created: str
    decision: str
    rule_id: str | None = None
    confidence: float = 0.0
    language: str = ""
    reason: str = ""
    revision: str = ""
    trigger: str | None = None
    response: str | None = None


class HistoryFilter(View):
    """Which decisions of the bot; everything given must hold. Times are milliseconds since 1970, UTC."""

    session: str | None = None
    decision: str | None = None
    rule_id: str | None = None
    chat_id: str | None = None
    language: str | None = None
    least: float | None = None
    most: float | None = None
    since: int | None = None
    until: int | None = None
    search: str | None = None


class RuleView(View):
    """A rule with where it stands and how it may be changed."""

    id: str
    file: str
    line: int
    revision: str
    enabled: bool
    action: str
    description: str = ""
    rule: dict[str, Any]


class QueryResult(View):
    """Rows of an analytics query."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False
    elapsed_ms: float


class MetricSeries(View):
    """One metric over the steps of a history; null where no snapshot was taken (the engine was off)."""

    name: str
    labels: dict[str, str]
    kind: Literal["counter", "gauge", "quantile"]
    values: tuple[float | None, ...] = Field(
        description="Counters: increase per second. Gauges: the mean. Quantiles: the highest of the step's snapshots."
    )
    most: tuple[float | None, ...] = Field(description="The highest value seen; of counters, since the process began.")
    added: float | None = Field(default=None, description="Increase of a counter over the whole time.")


class MetricHistory(View):
    """The metrics over time, from the snapshots in the traffic log."""

    since: str
    until: str
    step: float = Field(description="Width of a step, seconds.")
    at: tuple[str, ...] = Field(description="Where each step begins.")
    restarts: tuple[str, ...] = Field(description="When the processes began that did so in this time.")
    series: tuple[MetricSeries, ...]
    truncated: bool = Field(default=False, description="There was more than one answer may hold: ask for less time.")


class KeyView(View):
    """An API key without its secret; ``key`` is shown once, at creation."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created: str
    expires: str | None = None
    last_used: str | None = None
    revoked: bool = False
    key: str | None = None
    signing_secret: str | None = None


class TicketView(View):
    """A ticket for one WebSocket handshake: `?ticket=…`."""

    ticket: str
    expires: str
    expires_in: float


class WhoAmI(View):
    """Who the server takes the caller for; a signed handshake needs `address`."""

    address: str
    key_id: str
    name: str
    scopes: tuple[str, ...]


class Page(View):
    """Where the next page starts; null at the end."""

    next_cursor: str | None = None
