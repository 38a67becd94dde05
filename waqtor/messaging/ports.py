"""The ports of messaging: transports on one side, the ledger in storage on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from waqtor.contracts.event_data import ClientInfo, SessionState
from waqtor.contracts.events import Event
from waqtor.contracts.messages import InboundMessage
from waqtor.contracts.views import ChatView, HistoryFilter, HistoryView, MessageView

ReceiptStatus = Literal["sent", "delivered", "read", "failed"]
Priority = Literal[0, 5, 9]
REPLY: Priority = 0
DIRECT: Priority = 5
CAMPAIGN: Priority = 9


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A send as a transport gets it. ``message_id`` is ours; a re-send carries the same one."""

    message_id: str
    session: str
    to: str
    content: Mapping[str, Any]
    quoted_provider_id: str | None = None


class MediaFiles(Protocol):
    """The kept files that messages carry by their ``media_id``."""

    async def read(self, media_id: str) -> tuple[str, bytes]:
        """A file's type and bytes.

        Raises:
            NotFound: There is none (any more).
        """
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider says later about a send; ``message_id`` is ours when the provider echoes it."""

    session: str
    provider_id: str
    status: ReceiptStatus
    timestamp: int
    message_id: str | None = None
    error_code: str = ""
    error_reason: str = ""


@dataclass(frozen=True, slots=True)
class SessionReport:
    """A session's state; ``qr`` is a login credential and is never stored."""

    session: str
    status: SessionState
    client_info: ClientInfo | None = None
    qr: str | None = None
    reason: str | None = None


LookupState = Literal["accepted", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The transport's answer to "did you accept this message id?"."""

    state: LookupState
    provider_id: str | None = None


class TransportSink(Protocol):
    """Where a transport delivers. Each call returns after the commit; only then may the provider be acknowledged."""

    async def message(self, message: InboundMessage) -> None:
        """Take an incoming message, or with ``from_me`` one typed on the phone (a redelivery is a no-op).

        A transport hands in its own sends never: only it can tell them from what a person typed.
        """
        ...

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        """Take statuses of earlier sends, in order, in one commit."""
        ...

    async def report(self, report: SessionReport) -> None:
        """Take a change of the session's state."""
        ...


class Transport(Protocol):
    """A way to reach WhatsApp for one session.

    ``window_s``: seconds after a person's last message in which more than templates may be sent; 0: always.
    """

    kind: str
    session: str
    window_s: float

    async def start(self, sink: TransportSink) -> None:
        """Connect in the background and deliver to ``sink`` from now on."""
        ...

    async def stop(self) -> None:
        """Disconnect; outstanding calls fail."""
        ...

    async def send(self, message: Outgoing) -> str:
        """Send and return the provider's id.

        Raises:
            SendRefused: Proven not delivered.
            SendUncertain: Bytes left, no answer.
        """
        ...

    async def lookup(self, message_id: str) -> Lookup:
        """Ask whether a message id was accepted."""
        ...

    async def logout(self) -> None:
        """End the login."""
        ...

    async def restart(self) -> None:
        """Reconnect."""
        ...


@runtime_checkable
class CalledBack(Protocol):
    """A transport whose provider brings what comes in by calling an address of ours."""

    def challenge(self, mode: str, token: str, challenge: str) -> str:
        """The answer to the provider's question whether the address is ours.

        Raises:
            Forbidden: The provider does not know the agreed word.
        """
        ...

    async def deliver(self, body: bytes, signature: str) -> None:
        """Take a delivery; returns after the commits.

        Raises:
            Forbidden: It is not signed by the provider.
            InvalidInput: It is no delivery.
            Unavailable: It cannot be taken now; the provider is to deliver again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A send to be queued. ``key`` names its cause and is unique in the session; ``created`` is set by the ledger."""

    session: str
    key: str
    to: str
    content: Mapping[str, Any]
    body_hash: str = ""
    priority: int = DIRECT
    quoted_id: str | None = None
    not_after: int | None = None
    due_at: int | None = None
    cause: str = "api"
    cause_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of a draft: ``fresh`` is false when the key was there already.

    ``quoted_provider_id`` is the provider's id of the quoted message, where one is known.
    """

    message_id: str
    created: int
    state: str
    fresh: bool
    quoted_provider_id: str | None = None


@dataclass(slots=True)
class Pending:
    """A queued send in the sender's hands."""

    message_id: str
    session: str
    to: str
    content: Mapping[str, Any]
    priority: int
    attempt: int = 0
    not_after: int | None = None
    due_at: int | None = None
    quoted_id: str | None = None
    cause: str = "api"
    cause_id: str = ""
    correlation_id: str = ""
    quoted_provider_id: str | None = None

    @property
    def origin(self) -> str:
        """What its events are correlated with where that is not the send itself: its campaign and variant."""
        return self.correlation_id if self.cause == "campaign" else ""


@dataclass(frozen=True, slots=True)
class Takeover:
    """A person answers a chat on the phone: the bot is quiet there for ``minutes`` (``None``: until resumed)."""

    minutes: float | None
    reason: str = "answered on the phone"


GrantState = Literal["go", "skipped", "held", "gone"]


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to "may this row be sent now?", committed as ``sending`` when it is ``go``.

    ``gone``: somebody else has or had it. ``held``: it waits still, after ``attempt`` attempts, of which the
    asker did not know; it may ask again with that number.
    """

    state: GrantState
    reason: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: ``sent`` (with provider id), ``failed``, ``requeue`` (with due_at), ``in_doubt``.

    With ``attempt`` (1, 2, …) only that attempt is ended, and nothing happens when a later one is under way.
    ``correlation_id`` names the campaign and variant behind the send; empty: the send itself.
    """

    message_id: str
    session: str
    to: str
    state: Literal["sent", "failed", "requeue", "in_doubt"]
    provider_id: str | None = None
    error_code: str = ""
    error_reason: str = ""
    retryable: bool = False
    due_at: int | None = None
    cause: str = "api"
    attempt: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A plugin's decision on a message, committed as one transaction.

    ``drafts`` are its parts; the first plugin with drafts for ``message_id`` wins. ``events`` are journaled
    when it won or had nothing to send; ``trace`` goes to the payloads under ``trace_id``.
    """

    message_id: str
    session: str
    chat_id: str
    plugin: str
    drafts: Sequence[Draft] = ()
    events: Sequence[Event] = ()
    trace_id: str = ""
    trace: Mapping[str, Any] | None = None
    controls: Sequence[Any] = field(default_factory=tuple)


class Ledger(Protocol):
    """The durable record of what came in and what is to go out. Every method returns after its commit."""

    async def accept(self, message: InboundMessage) -> tuple[str, bool]:
        """Store an incoming message and its event once; returns our id and whether it was new."""
        ...

    async def typed(self, message: InboundMessage, takeover: Takeover | None) -> tuple[str, bool]:
        """Store a message typed on the phone once, as an outgoing one with the cause ``phone``; pauses its chat.

        The echo of a send that the ledger knows by its provider id changes nothing.
        """
        ...

    async def enqueue(self, draft: Draft) -> Queued:
        """Queue a send once per key.

        Raises:
            IdempotencyConflict: The key was used with another body.
        """
        ...

    async def reply(self, reply: Reply) -> Sequence[Queued] | None:
        """Commit a plugin's decision; ``None`` when another plugin had answered already."""
        ...

    async def queue(self, session: str, after: str, limit: int) -> list[Pending]:
        """Queued sends of a session in order of priority and age, from the database."""
        ...

    async def grant(self, pending: Pending) -> Grant:
        """Re-read pause, opt-out, expiry and lease, and commit ``sending`` — right before the call."""
        ...

    async def settle(self, outcome: Outcome) -> None:
        """Commit how the call ended, with its event."""
        ...

    async def receipt(self, receipt: Receipt) -> bool:
        """Commit a status (monotone: a late ``sent`` after ``read`` changes nothing); true if it advanced."""
        ...

    async def receipts(self, receipts: Sequence[Receipt]) -> Sequence[bool]:
        """Commit several statuses, in order; says for each whether it advanced."""
        ...

    async def unsettled(self, session: str) -> list[tuple[Pending, int]]:
        """Rows left in ``sending`` by an earlier run, with the time (µs) of their grant."""
        ...

    async def session_changed(self, report: SessionReport) -> None:
        """Journal a session's new state."""
        ...


class Archive(Protocol):
    """Reading what the ledger holds, for people and programs."""

    async def messages(
        self,
        *,
        session: str | None = None,
        chat_id: str | None = None,
        direction: Literal["in", "out"] | None = None,
        status: str | None = None,
        search: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[MessageView]:
        """Messages, newest first; ``before`` is a message id (ours) to page on from."""
        ...

    async def message(self, message_id: str) -> MessageView | None:
        """One message by our id or the provider's."""
        ...

    async def chats(
        self,
        *,
        session: str | None = None,
        search: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[ChatView]:
        """Chats by last activity; ``before`` is the ``cursor`` of the previous page's last chat."""
        ...

    async def history(
        self,
        *,
        session: str | None = None,
        decision: str | None = None,
        rule_id: str | None = None,
        chat_id: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[HistoryView]:
        """The bot's decisions, newest first; ``before`` is a trace id."""
        ...

    async def history_page(
        self, which: HistoryFilter, before: str | None = None, limit: int = 50
    ) -> tuple[list[HistoryView], str | None]:
        """A page of the bot's decisions, newest first, and the trace id before which the next one begins.

        A page may hold fewer than ``limit`` although there are more: so many are looked through at once, no more.
        """
        ...

    async def trace(self, trace_id: str) -> dict[str, Any] | None:
        """The stored trace of a decision; ``None`` when unknown or erased."""
        ...

    async def counts(self, session: str | None = None) -> dict[str, int]:
        """Number of messages by ``direction:state`` and of journal events (``journal``)."""
        ...
