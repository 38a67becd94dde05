"""Step 3, guard: whether the bot may speak at all — before anything is matched.

It never answers itself, statuses, channels, edits or reactions; in groups only when switched on and addressed;
not in a chat that a person has taken over; not in quiet hours; not a message that waited too long; not when a
chat repeats itself or asks too fast (two bots talking to each other). Opt-out words are honoured even then.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo

from waqtor.errors import ConfigurationError
from waqtor.smartbot.requests import Request

MINUTE_US = 60_000_000
CHATS = 10_000
_NOT_MESSAGES = frozenset(
    {"reaction", "edit", "edited", "revoke", "revoked", "protocol", "status", "poll_vote", "system"}
)
_NOT_CHATS = ("@broadcast", "@newsletter", "status@")


class ChatControls(Protocol):
    """Who knows which chats a person has taken over."""

    async def paused(self, session: str, chat_id: str) -> str | None:
        """Return why the bot is quiet in the chat now, or ``None``."""
        ...


class GuardState(Protocol):
    """What the guard remembers of chats."""

    def repeats(self, chat: tuple[str, str], message_id: str, text: str, now: int) -> int:
        """Take note of a message and return how many equal ones stand in a row within a minute, with this one."""
        ...

    def answers(self, chat: tuple[str, str], now: int) -> int:
        """Return how many answers the chat got within the last minute."""
        ...

    def is_echo(self, chat: tuple[str, str], text: str) -> bool:
        """Tell whether ``text`` is what the bot said last there."""
        ...

    def answered(self, chat: tuple[str, str], text: str, now: int) -> None:
        """Take note of an answer."""
        ...


@dataclass(slots=True)
class _Chat:
    last_text: str = ""
    last_at: int = 0
    run: int = 0
    ids: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    answered: deque[int] = field(default_factory=lambda: deque(maxlen=600))
    reply: str = ""


class MemoryGuardState:
    """State of the most recent chats, at most :data:`CHATS`; the least recent is forgotten first."""

    def __init__(self, capacity: int = CHATS) -> None:
        self._chats: OrderedDict[tuple[str, str], _Chat] = OrderedDict()
        self._capacity = capacity

    def _chat(self, chat: tuple[str, str]) -> _Chat:
        found = self._chats.get(chat)
        if found is None:
            found = self._chats[chat] = _Chat()
            if len(self._chats) > self._capacity:
                self._chats.popitem(last=False)
        else:
            self._chats.move_to_end(chat)
        return found

    def repeats(self, chat: tuple[str, str], message_id: str, text: str, now: int) -> int:
        """Count equal messages in a row; a redelivered one counts once."""
        state = self._chat(chat)
        if message_id in state.ids:
            return state.run
        state.ids.append(message_id)
        equal = text == state.last_text and now - state.last_at <= MINUTE_US
        state.run = state.run + 1 if equal else 1
        state.last_text, state.last_at = text, now
        return state.run

    def answers(self, chat: tuple[str, str], now: int) -> int:
        """Count answers within the last minute."""
        state = self._chat(chat)
        while state.answered and now - state.answered[0] > MINUTE_US:
            state.answered.popleft()
        return len(state.answered)

    def is_echo(self, chat: tuple[str, str], text: str) -> bool:
        """Compare with the last answer."""
        return bool(text) and self._chat(chat).reply == text

    def answered(self, chat: tuple[str, str], text: str, now: int) -> None:
        """Remember an answer."""
        state = self._chat(chat)
        state.answered.append(now)
        state.reply = text

    def forget(self, chat_id: str) -> None:
        """Remember nothing of a chat, in any session; with an empty id of none."""
        for key in [key for key in self._chats if not chat_id or key[1] == chat_id]:
            del self._chats[key]

    def __len__(self) -> int:
        return len(self._chats)


class MemoryControls:
    """Chats taken over, as told by events; bounded, gone after a restart (the ledger is asked before each send)."""

    def __init__(self, capacity: int = CHATS) -> None:
        self._paused: OrderedDict[tuple[str, str], tuple[str, int | None]] = OrderedDict()
        self._capacity = capacity

    def pause(self, session: str, chat_id: str, reason: str, until: int | None, now: int) -> None:
        """Remember that a chat is paused until a time in UTC microseconds (``None``: until resumed)."""
        if until is not None and until <= now:
            return
        self._paused[(session, chat_id)] = (reason, until)
        self._paused.move_to_end((session, chat_id))
        while len(self._paused) > self._capacity:
            self._paused.popitem(last=False)

    def resume(self, session: str, chat_id: str) -> None:
        """Forget it."""
        self._paused.pop((session, chat_id), None)

    async def paused(self, session: str, chat_id: str) -> str | None:
        """Return why the bot is quiet in the chat now."""
        found = self._paused.get((session, chat_id))
        if found is None:
            return None
        reason, until = found
        if until is not None and datetime.now().timestamp() * 1_000_000 >= until:
            self.resume(session, chat_id)
            return None
        return reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is empty when the bot may speak; ``deaf`` means that not even an opt-out counts."""

    reason: str = ""
    deaf: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A span of local time, over midnight when it ends before it begins."""

    start: time
    end: time
    zone: ZoneInfo

    def holds(self, now_us: int) -> bool:
        """Tell whether the moment lies in the span."""
        clock = datetime.fromtimestamp(now_us / 1_000_000, self.zone).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def quiet_hours(text: str, timezone: str) -> QuietHours | None:
    """Parse ``HH:MM-HH:MM``; empty means none.

    Raises:
        ConfigurationError: Neither.
    """
    if not text.strip():
        return None
    try:
        start, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
        return QuietHours(start, end, ZoneInfo(timezone))
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"quiet_hours must look like 22:00-07:00 (zone {timezone}), not {text!r}.") from error


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """The settings that the guard needs."""

    enabled: bool = True
    groups: bool = False
    stale_us: int = 900_000_000
    rate: float = 20.0
    loop: int = 5
    quiet: QuietHours | None = None


class Guard:
    """Decides whether the bot may speak."""

    def __init__(self, limits: GuardLimits, state: GuardState, controls: ChatControls) -> None:
        self._limits = limits
        self._state = state
        self._controls = controls

    async def check(self, request: Request, normal: str, now: int) -> Verdict:
        """Return the verdict on a message with the normalised text ``normal``."""
        limits = self._limits
        if not request.live:
            return Verdict(note="a try: pause, quiet hours, rate and loops are not applied")
        if request.kind in _NOT_MESSAGES:
            return Verdict(f"not a message to answer: {request.kind}", deaf=True)
        if request.chat_id.startswith("status") or any(part in request.chat_id for part in _NOT_CHATS):
            return Verdict("a status or channel", deaf=True)
        if request.is_group and not (limits.groups and request.mentioned):
            return Verdict("a group" if not limits.groups else "a group, and the bot was not addressed", deaf=True)
        repeats = self._state.repeats(request.chat, request.message_id, normal, now)
        if not limits.enabled:
            return Verdict("the bot is switched off")
        paused = await self._controls.paused(*request.chat)
        if paused is not None:
            return Verdict(f"paused: {paused}")
        if now - request.timestamp > limits.stale_us:
            return Verdict("stale")
        if repeats >= limits.loop or self._state.is_echo(request.chat, normal):
            return Verdict("loop")
        if self._state.answers(request.chat, now) >= limits.rate:
            return Verdict("rate")
        if limits.quiet is not None and limits.quiet.holds(now):
            return Verdict("quiet hours")
        return Verdict()

    def answered(self, request: Request, normal: str, now: int) -> None:
        """Take note of an answer with the normalised text ``normal``."""
        if request.live:
            self._state.answered(request.chat, normal, now)
