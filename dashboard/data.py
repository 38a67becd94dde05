"""What the pages read and do, through the SDK: briefly cached reads, plain commands, and troubles in words.

Pages call these functions and nothing else. Every one may raise :class:`waqtor.errors.WaqtorError`;
``dashboard.ui.trouble`` shows it. Tests replace :func:`open_client`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import streamlit as st

from dashboard.fresh import kept
from waqtor.client import Listing, WaqtorClient
from waqtor.client.access import find_access
from waqtor.contracts.learning import CheckReport, LabelView, SuggestionDiff, SuggestionStatus, SuggestionView
from waqtor.contracts.views import (
    ChatView,
    HistoryView,
    KeyView,
    MessageView,
    RuleView,
    SessionView,
    Trace,
)
from waqtor.errors import Unauthorized, WaqtorError

_LIVE = 2.0
_SLOW = 15.0
_PATIENCE = 2
"""Short pages that are read on beyond those asked for."""


def open_client() -> WaqtorClient:
    """The SDK, told where by ``WAQTOR_API_URL`` and ``WAQTOR_API_KEY`` (or the local key file)."""
    return WaqtorClient(timeout=15.0, retries=1)


@st.cache_resource(show_spinner=False, on_release=lambda held: held.close())
def client() -> WaqtorClient:
    """One client for the whole process; its connections are shared by all visitors."""
    return open_client()


def address() -> str:
    """Where the sidecar is looked for; without credentials."""
    return find_access(None, None).url


def forget() -> None:
    """Drop cached reads after a command, so that the next draw shows what it did."""
    st.cache_data.clear()


@dataclass(frozen=True, slots=True)
class Connection:
    """How the sidecar is doing.

    Attributes:
        state: ``ready``, ``starting`` (answers, but not ready), ``locked`` (refuses the key) or ``down``.
        sessions: The sessions, when they could be read.
        reasons: Why it is not ready, in its words.
        problem: What went wrong, in words.
    """

    state: Literal["ready", "starting", "locked", "down"]
    sessions: tuple[SessionView, ...] = ()
    reasons: tuple[str, ...] = ()
    problem: str = ""

    @property
    def session(self) -> SessionView | None:
        """The session whose state the header shows: the first that is not ready, else the first."""
        return next((s for s in self.sessions if s.status != "ready"), next(iter(self.sessions), None))


def connection() -> Connection:
    """How the sidecar is doing; while it is well, as a moment ago. Never raises."""
    found = _connection()
    return found if found.state == "ready" else _connection.newest()


@kept(_LIVE, 15.0)
def _connection() -> Connection:
    """Look whether the sidecar is there, lets us in, and is ready."""
    try:
        reasons = tuple(client().status.ready())
        sessions = tuple(client().status.sessions())
    except Unauthorized as error:
        return Connection("locked", problem=error.message)
    except WaqtorError as error:
        return Connection("down", problem=error.message)
    return Connection("starting" if reasons else "ready", sessions, reasons)


@st.cache_data(ttl=_LIVE, max_entries=32, show_spinner=False)
def messages(status: str | None = None, limit: int = 8) -> Listing[MessageView]:
    """The latest messages."""
    return client().messages.list(status=status, limit=limit)


@st.cache_data(ttl=_LIVE, max_entries=64, show_spinner=False)
def chats(search: str = "", pages: int = 1) -> Listing[ChatView]:
    """Chats, the last active first: the first ``pages`` pages of 50."""
    found: list[ChatView] = []
    cursor = None
    for _ in range(pages):
        page = client().messages.chats(search=search.strip() or None, limit=50, cursor=cursor)
        found += page
        cursor = page.next_cursor
        if cursor is None:
            break
    return Listing(found, cursor)


@st.cache_data(ttl=_LIVE, max_entries=64, show_spinner=False)
def thread(chat_id: str, session: str, pages: int = 1) -> Listing[MessageView]:
    """The latest messages of a chat, newest first: the first ``pages`` pages of 60."""
    found: list[MessageView] = []
    cursor = None
    for _ in range(pages):
        page = client().messages.chat_messages(chat_id, session=session, limit=60, cursor=cursor)
        found += page
        cursor = page.next_cursor
        if cursor is None:
            break
    return Listing(found, cursor)


@dataclass(frozen=True, slots=True)
class Which:
    """Which decisions; ``minutes`` back from now, ``least`` and ``most`` confidence."""

    decision: str | None = None
    rule_id: str | None = None
    language: str | None = None
    minutes: int | None = None
    least: float | None = None
    most: float | None = None
    search: str | None = None

    @property
    def narrow(self) -> bool:
        """Whether it leaves anything out."""
        return self != Which()


@st.cache_data(ttl=_LIVE, max_entries=64, show_spinner=False)
def history(which: Which, pages: int = 1) -> Listing[HistoryView]:
    """The bot's decisions, newest first: the first ``pages`` pages of 100."""
    since = datetime.now(UTC) - timedelta(minutes=which.minutes) if which.minutes is not None else None
    found: list[HistoryView] = []
    cursor = None
    for _ in range(pages + _PATIENCE):
        page = client().smartbot.history(
            decision=which.decision, rule_id=which.rule_id, language=which.language, min_confidence=which.least,
            max_confidence=which.most, since=since, search=which.search, limit=100, cursor=cursor,
        )  # fmt: skip
        found += page
        cursor = page.next_cursor
        if cursor is None or len(found) >= 100 * pages:
            break
    return Listing(found, cursor)


@st.cache_data(ttl=600, max_entries=64, show_spinner=False)
def trace(trace_id: str) -> Trace:
    """The stored trace of a decision; it never changes."""
    return client().smartbot.trace(trace_id)


@st.cache_data(ttl=_LIVE, max_entries=16, show_spinner=False)
def labels(oldest: str) -> dict[str, LabelView]:
    """Judgements of decisions by trace id, from the latest back to the decision ``oldest`` at least."""
    found: dict[str, LabelView] = {}
    cursor = None
    for _ in range(20):  # as many pages as the history shows decisions, and no decision has two judgements
        page = client().suggestions.labels(cursor=cursor, limit=100)
        found.update((label.trace_id, label) for label in page)
        cursor = page.next_cursor
        if cursor is None or min(label.trace_id for label in page) <= oldest:
            break
    return found


def judge(trace_id: str, *, right: bool, rule_id: str | None) -> None:
    """Keep whether a decision was right, and which rule is (``None``: none should have answered)."""
    client().suggestions.label(trace_id, right=right, rule_id=rule_id)
    forget()


def unjudge(trace_id: str) -> None:
    """Take a judgement back."""
    client().suggestions.unlabel(trace_id)
    forget()


@st.cache_data(ttl=_LIVE, max_entries=16, show_spinner=False)
def chat(chat_id: str, session: str | None = None) -> ChatView | None:
    """One chat as it stands; ``None`` when it is gone."""
    found = client().messages.chats(search=chat_id, session=session, limit=50)
    return next((view for view in found if view.chat_id == chat_id), None)


@kept(_SLOW, 2 * _SLOW)
def rules() -> Sequence[RuleView]:
    """All rules."""
    return tuple(client().smartbot.rules.list())


@st.cache_data(ttl=_SLOW, max_entries=2, show_spinner=False)
def bot_status() -> dict[str, Any]:
    """Rules, revision, encoder and index of the bot."""
    return client().smartbot.status()


@st.cache_data(ttl=_SLOW, max_entries=2, show_spinner=False)
def health() -> dict[str, Any]:
    """What the sidecar says of itself."""
    return client().status.health()


def test(text: str) -> Trace:
    """What the bot would do with ``text``; nothing is sent or stored."""
    return client().smartbot.test(text)


def send(chat_id: str, session: str, text: str) -> str:
    """Send a text; returns our message id. The SDK's idempotency key makes repeating safe."""
    receipt = client().messages.send(to=chat_id, text=text, session=session)
    forget()
    return receipt.message_id


def pause(chat_id: str, session: str, minutes: float | None) -> None:
    """Keep the bot quiet in a chat, for ``minutes`` or until it is resumed."""
    client().messages.pause_chat(chat_id, minutes=minutes, session=session)
    forget()


def resume(chat_id: str, session: str) -> None:
    """Let the bot answer in a chat again."""
    client().messages.resume_chat(chat_id, session=session)
    forget()


def resolve(message_id: str, outcome: Literal["sent", "not_sent"], *, resend: bool = False) -> None:
    """Say what became of a message in doubt."""
    client().messages.resolve(message_id, outcome, resend=resend)
    forget()


def rebuild() -> None:
    """Have the bot read its rules again."""
    client().smartbot.rebuild()
    forget()


@st.cache_data(ttl=_SLOW, max_entries=8, show_spinner=False)
def suggestions(status: SuggestionStatus) -> Sequence[SuggestionView]:
    """Suggestions of a status, those that serve most customers first."""
    return tuple(client().suggestions.list(status))


@st.cache_data(ttl=_SLOW, max_entries=32, show_spinner=False)
def suggestion(suggestion_id: str) -> SuggestionView:
    """One suggestion with its evidence."""
    return client().suggestions.get(suggestion_id)


def suggestion_diff(suggestion_id: str) -> SuggestionDiff:
    """What accepting would write."""
    return client().suggestions.diff(suggestion_id)


def refresh_suggestions() -> None:
    """Look at the messages of the last days again."""
    client().suggestions.refresh()
    forget()


def edit_suggestion(suggestion_id: str, **changes: Any) -> None:
    """Change a suggestion before it is accepted."""
    client().suggestions.edit(suggestion_id, **changes)
    forget()


def accept_suggestion(suggestion_id: str, *, revision: str, commit: bool, message: str) -> CheckReport:
    """Write a suggestion into the rules."""
    report = client().suggestions.accept(suggestion_id, revision=revision, commit=commit, message=message)
    forget()
    return report


def reject_suggestion(suggestion_id: str, reason: str) -> None:
    """Reject a suggestion for good."""
    client().suggestions.reject(suggestion_id, reason=reason)
    forget()


def snooze_suggestion(suggestion_id: str, reason: str) -> None:
    """Put a suggestion aside for a week."""
    client().suggestions.snooze(suggestion_id, reason=reason)
    forget()


def reopen_suggestion(suggestion_id: str) -> None:
    """Take a rejection or a snooze back."""
    client().suggestions.reopen(suggestion_id)
    forget()


@st.cache_data(ttl=_LIVE, max_entries=2, show_spinner=False)
def keys() -> Sequence[KeyView]:
    """All API keys, newest first; without their secrets."""
    return tuple(client().keys.list())


def create_key(name: str, scopes: Sequence[str]) -> KeyView:
    """Make a key; the answer alone holds its secret."""
    made = client().keys.create(name, scopes)
    forget()
    return made


def revoke_key(key_id: str) -> None:
    """End a key at once."""
    client().keys.revoke(key_id)
    forget()
