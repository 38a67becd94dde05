"""From journaled events to rows of the traffic log. Pure: no database, no clock.

Ordinary events take a fast path; whatever does not fit (lone surrogates, wrong types, huge integers) is cleaned
and tried again, so that no event can stop the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from waqtor.contracts.events import EVENTS, Event

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SENT = frozenset({"message.sent", "message.delivered", "message.read", "message.failed", "message.in_doubt"})
_DECIDED = {"smartbot.reply": "answer", "smartbot.unmatched": "silent", "smartbot.handoff": "handoff"}


def moment(us: int) -> datetime:
    """UTC microseconds as an aware datetime."""
    return _EPOCH + timedelta(microseconds=us)


def micros(at: datetime) -> int:
    """An aware datetime as UTC microseconds."""
    return (at - _EPOCH) // _MICROSECOND


class RowMaker:
    """Makes the rows of events.

    Args:
        salt: Secret key of ``chat_key``, kept in the log itself.
    """

    def __init__(self, salt: bytes) -> None:
        @lru_cache(maxsize=10_000)
        def chat_key(session: str, chat: str) -> str:
            joined = f"{session}\0{chat}".encode("utf-8", "replace")
            return hashlib.blake2b(joined, key=salt, digest_size=8).hexdigest()

        self._chat_key = chat_key

    def rows(self, events: Iterable[Event]) -> Rows:
        """Return the rows by table.

        Raises:
            TypeError, ValueError, OverflowError: An event does not fit; use :meth:`salvage` for it.
        """
        events_rows: list[Row] = []
        found: Rows = {"events": events_rows}
        for event in events:
            data, personal = _split(event)
            text = orjson.dumps(data).decode()
            events_rows.append(
                (
                    event.offset,
                    event.id,
                    event.type,
                    event.version,
                    event.session,
                    event.created,
                    event.correlation_id,
                    text,
                )
            )
            made = self._specific(event, data, personal)
            if made is not None:
                found.setdefault(made[0], []).append(made[1])
        return found

    def salvage(self, event: Event, error: BaseException) -> Rows:
        """Rows of an event that does not fit as it is: everything is cleaned, and a problem is noted.

        Raises:
            TypeError, ValueError, OverflowError, AttributeError: Not even then; use :meth:`remains`.
        """
        clean = _envelope(event)
        clean.data = _clean(event.data)
        clean.personal = _clean(event.personal) if isinstance(event.personal, dict) else None
        found = self.rows([clean])
        found["problems"] = [_problem(clean, error)]
        return found

    def remains(self, event: Event, error: BaseException) -> Rows:
        """What can always be written of an event: its envelope, and the problem."""
        clean = _envelope(event)
        found = self.rows([clean]) if clean.type not in EVENTS else {"events": self.rows([clean])["events"]}
        found["problems"] = [_problem(clean, error)]
        return found

    def _specific(self, event: Event, data: Mapping[str, Any], personal: Mapping[str, Any]) -> tuple[str, Row] | None:
        if event.type == "message.received":
            return "messages", self._message(event, data, personal)
        if event.type in _SENT:
            return "send_changes", self._change(event, data, personal)
        if event.type in _DECIDED:
            return "decisions", self._decision(event, data, personal)
        return None

    def _message(self, event: Event, data: Mapping[str, Any], personal: Mapping[str, Any]) -> Row:
        get = data.get
        body, chat = personal.get("body"), personal.get("chat_id")
        content, choice = personal.get("content"), get("choice")
        return (
            event.offset,
            get("message_id"),
            get("provider_id"),
            event.session,
            event.created,
            _when(get("timestamp")),
            get("type"),
            bool(get("is_group")),
            bool(get("mentioned")),
            bool(get("media")),
            get("quoted"),
            choice.get("id") if isinstance(choice, dict) else None,
            len(body) if isinstance(body, str) else None,
            self._chat_key(event.session, chat) if chat else None,
            personal.get("from"),
            chat,
            personal.get("push_name"),
            body,
            None if content is None else orjson.dumps(content).decode(),
        )

    def _change(self, event: Event, data: Mapping[str, Any], personal: Mapping[str, Any]) -> Row:
        get = data.get
        error = get("error")
        if not isinstance(error, dict):
            error = {}
        to = personal.get("to")
        return (
            event.offset,
            get("message_id"),
            get("provider_id"),
            event.session,
            event.created,
            _when(get("timestamp")),
            get("status") or event.type.split(".", 1)[1],
            get("cause"),
            event.correlation_id,
            error.get("code"),
            error.get("reason"),
            error.get("retryable"),
            self._chat_key(event.session, to) if to else None,
            to,
        )

    def _decision(self, event: Event, data: Mapping[str, Any], personal: Mapping[str, Any]) -> Row:
        get = data.get
        candidates = get("candidates") or ()
        nearest = candidates[0] if candidates and isinstance(candidates[0], dict) else {}
        confidence = get("confidence")
        chat = personal.get("to") or personal.get("from")
        return (
            event.offset,
            get("message_id"),
            event.session,
            event.created,
            get("trace_id"),
            get("decision") or _DECIDED[event.type],
            get("rule_id"),
            float(nearest.get("confidence", 0.0)) if confidence is None else float(confidence),
            get("language"),
            get("stage"),
            get("reason"),
            get("revision"),
            get("rule_id") or nearest.get("rule_id"),
            orjson.dumps(candidates).decode() if candidates else None,
            self._chat_key(event.session, chat) if chat else None,
            chat,
            personal.get("trigger"),
            personal.get("response"),
        )


def _split(event: Event) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The public data and the personal fields, wherever the journal kept those."""
    spec = EVENTS.get(event.type)
    if spec is None or not spec.personal:
        return event.data, {}
    personal = event.personal or {}
    inline = [name for name in spec.personal if name in event.data]
    if not inline:
        return event.data, personal
    public = {name: value for name, value in event.data.items() if name not in spec.personal}
    return public, {**{name: event.data[name] for name in inline}, **personal}


@lru_cache(maxsize=4096)
def _when(text: Any) -> int | None:
    """ISO-8601 as UTC microseconds; ``None`` when it is something else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def _envelope(event: Event) -> Event:
    """A copy without data whose fields certainly fit their columns."""
    return Event(
        type=_string(event.type) or "",
        session=_string(event.session) or "",
        data={},
        id=_string(event.id) or "",
        created=_integer(event.created, 0, 4_102_444_800_000_000),
        version=_integer(event.version, 0, 2**31 - 1),
        correlation_id=_string(event.correlation_id) or "",
        offset=event.offset,
    )


def _problem(clean: Event, error: BaseException) -> Row:
    words = _string(f"{type(error).__name__}: {error}") or ""
    return (clean.offset, clean.session, moment(clean.created), clean.type, words.partition("\n")[0][:500])


def _string(value: Any) -> str | None:
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _integer(value: Any, least: int, most: int) -> int:
    try:
        return min(most, max(least, int(value)))
    except (TypeError, ValueError, OverflowError):
        return least


def _clean(value: Any, depth: int = 0) -> Any:
    """The value with every string encodable and every number storable."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if depth < 50 and isinstance(value, Mapping):
        return {_string(name): _clean(item, depth + 1) for name, item in value.items()}
    if depth < 50 and isinstance(value, list | tuple):
        return [_clean(item, depth + 1) for item in value]
    return _string(value)
