"""Bodies and answers that only REST has: pages, queries, small confirmations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from waqtor.contracts.base import Model
from waqtor.contracts.views import (
    ChatView,
    HistoryView,
    KeyView,
    MessageView,
    Page,
    RuleView,
    SendStatus,
    SessionView,
    View,
)
from waqtor.kernel.access import SCOPES


def _worded(value: Any) -> Any:
    """A time in words: a bare number could mean seconds or milliseconds."""
    if isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("write the time as in 2026-01-31T08:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_worded)]
Session = Annotated[str, Field(min_length=1, max_length=64, description="Name of a session; default: all of them.")]
Limit = Annotated[int, Field(ge=1, le=200, description="Most items of a page.")]
Cursor = Annotated[str, Field(max_length=300, description="`next_cursor` of the previous page.")]
Chat = Annotated[
    str, Field(min_length=3, max_length=200, description="Chat, in any usual spelling.", examples=["966501234567"])
]
Scope = Annotated[str, Field(json_schema_extra={"enum": list(SCOPES)})]


class Query(BaseModel):
    """The base of all query strings: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """A page of something, of one session or of all."""

    session: Session | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class MessageQuery(PageQuery):
    """Which messages."""

    chat_id: Chat | None = None
    direction: Literal["in", "out"] | None = None
    status: SendStatus | None = None
    search: Annotated[str, Field(max_length=200, description="Part of the text.")] | None = None


class ChatQuery(PageQuery):
    """Which chats."""

    search: Annotated[str, Field(max_length=200, description="Part of the number or name.")] | None = None


class HistoryQuery(PageQuery):
    """Which decisions of the bot."""

    decision: Literal["answer", "clarify", "handoff", "silent", "opt_out", "opt_in"] | None = None
    rule_id: Annotated[str, Field(max_length=64)] | None = None
    chat_id: Chat | None = None
    language: Literal["ar", "en", "arabizi", "other"] | None = None
    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    max_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    since: Annotated[Moment, Field(description="Decided at this time or later.")] | None = None
    until: Annotated[Moment, Field(description="Decided before this time.")] | None = None
    search: Annotated[str, Field(max_length=200, description="Part of the message, the reply or the chat.")] | None = (
        None
    )


class SessionQuery(Query):
    """Which session."""

    session: Session | None = None


class MetricQuery(Query):
    """Which metrics, over which time."""

    since: Annotated[Moment | None, Field(description="Default: a day before `until`.")] = None
    until: Annotated[Moment | None, Field(description="Default: now.")] = None
    step: Annotated[float | None, Field(ge=1, le=31_536_000, description="Seconds; default: 288 steps.")] = None
    name: Annotated[str | None, Field(max_length=100, description="Beginning of the names.")] = None
    session: Session | None = None


class MessagePage(Page):
    """Messages, newest first."""

    messages: tuple[MessageView, ...]


class ChatPage(Page):
    """Chats, the last active first."""

    chats: tuple[ChatView, ...]


class HistoryPage(Page):
    """Decisions, newest first."""

    history: tuple[HistoryView, ...]


class RuleList(View):
    """All rules, and the revision they are at together."""

    rules: tuple[RuleView, ...]
    revision: str


class SessionList(View):
    """All sessions."""

    sessions: tuple[SessionView, ...]


class KeyList(View):
    """All keys, newest first, without secrets."""

    keys: tuple[KeyView, ...]


class PauseBody(Model):
    """For how long the bot is to stay quiet, and why."""

    session: Session | None = None
    minutes: Annotated[float, Field(gt=0, le=525_600)] | None = None
    reason: Annotated[str, Field(max_length=200)] = "paused by a person"


class SessionBody(Model):
    """Which session."""

    session: Session | None = None


class ResolveBody(Model):
    """What became of a message in doubt."""

    outcome: Literal["sent", "not_sent"]
    resend: Annotated[bool, Field(description="Queue it again (only when it was not sent).")] = False


class AnalyticsBody(Model):
    """One SELECT over the views of the traffic log; `?` or `$name` stand for parameters."""

    sql: Annotated[str, Field(min_length=1, max_length=100_000, examples=["SELECT 1 AS one"])]
    params: list[Any] | dict[str, Any] | None = None
    session: Session | None = None
    format: Literal["json", "arrow", "csv", "parquet"] | None = None


class NewKey(Model):
    """A key to be made."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S", examples=["crm"])]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=20, examples=[["messages:send"]])]
    expires: Moment | None = None


class Deleted(View):
    """Confirms that a thing is gone."""

    id: str
    deleted: Literal[True] = True


class Revoked(View):
    """Confirms that a key has ended."""

    id: str
    revoked: Literal[True] = True


class Live(View):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str
    uptime: float


class Taken(View):
    """A delivery of the provider is durable."""

    status: Literal["taken"] = "taken"


class Ready(View):
    """The engine can work."""

    ready: Literal[True] = True
    reasons: tuple[str, ...] = ()
    warnings: Annotated[tuple[str, ...], Field(description="What works around a fault: look at it.")] = ()
