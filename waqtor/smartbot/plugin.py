"""SmartBot as a plugin: from a decision to what is to be sent, journaled and controlled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from waqtor.contracts.commands import OptIn, OptOut, PauseChat, Send
from waqtor.contracts.event_data import SmartbotReply, SmartbotUnmatched
from waqtor.contracts.events import Event, hydrate
from waqtor.contracts.messages import OUTGOING
from waqtor.contracts.views import Trace
from waqtor.kernel.hooks import Answer, Incoming, hookimpl
from waqtor.smartbot.service import BotService

TRIGGER = 1000
"""Characters of the message that the events carry (the message itself is stored whole)."""


class SmartBotPlugin:
    """Answers messages by rules.

    Args:
        service: The bot.
        handoff_minutes: How long it stays quiet after a handoff; 0: until resumed; ``None``: as the setting says.
    """

    name = "smartbot"
    version = "2.0.0"
    priority = 100
    events = ("chat.paused", "chat.resumed")

    def __init__(self, service: BotService, handoff_minutes: float | None = None) -> None:
        self._service = service
        self._handoff_minutes = service.handoff_minutes if handoff_minutes is None else handoff_minutes

    @hookimpl
    async def on_message(self, message: Incoming) -> Answer | None:
        """Decide on the message and say what is to be done."""
        return answer_of(message, await self._service.decide(message), self._handoff_minutes)

    @hookimpl
    async def on_event(self, event: Event) -> None:
        """Keep up with chats that people take over and give back."""
        data = hydrate(event)
        chat_id = data.get("chat_id")
        if not chat_id:
            return
        if event.type == "chat.resumed":
            self._service.resume_noted(event.session, chat_id)
        else:
            until = data.get("until")
            at = int(datetime.fromisoformat(until).timestamp() * 1_000_000) if until else None
            self._service.pause_noted(event.session, chat_id, str(data.get("reason", "")), at)


def answer_of(message: Incoming, trace: Trace, handoff_minutes: float = 0.0) -> Answer:
    """Return the answer that carries out a decision."""
    sends = tuple(
        Send(to=message.chat_id, content=OUTGOING.validate_python(part.content), session=message.session)
        for part in trace.replies
    )
    controls: list[Any] = []
    if trace.decision == "handoff":
        minutes = handoff_minutes if handoff_minutes > 0 else None
        reason = f"handed over by rule {trace.rule_id}" if trace.rule_id else "handed over: the customer chose none"
        controls.append(PauseChat(chat_id=message.chat_id, session=message.session, minutes=minutes, reason=reason))
    elif trace.decision == "opt_out":
        controls.append(OptOut(contact=message.sender, session=message.session, source="message"))
    elif trace.decision == "opt_in":
        controls.append(OptIn(contact=message.sender, session=message.session, source="message"))
    return Answer(
        sends=sends,
        events=tuple(_events(message, trace)),
        trace_id=trace.trace_id,
        trace=trace.model_dump(mode="json"),
        controls=tuple(controls),
    )


def _events(message: Incoming, trace: Trace) -> list[Event]:
    found: list[Event] = []
    if trace.replies:
        reply = SmartbotReply(
            message_id=message.message_id,
            to=None,
            rule_id=trace.rule_id or "",
            trigger=None,
            response=None,
            confidence=trace.confidence,
            language=trace.language,
            stage=trace.stage,
            trace_id=trace.trace_id,
            revision=trace.revision,
            decision=trace.decision,
        )
        found.append(
            _event("smartbot.reply", message, trace, reply.model_dump(mode="json"), ("to", "trigger", "response"))
        )
    if trace.decision == "handoff" or not trace.replies:
        unmatched = SmartbotUnmatched(
            message_id=message.message_id,
            candidates=trace.candidates[:3],
            reason=trace.reason,
            language=trace.language,
            trace_id=trace.trace_id,
            revision=trace.revision,
        )
        name = "smartbot.handoff" if trace.decision == "handoff" else "smartbot.unmatched"
        data = unmatched.model_dump(mode="json", by_alias=True)
        found.append(_event(name, message, trace, data, ("from", "trigger")))
    return found


def _event(name: str, message: Incoming, trace: Trace, data: dict[str, Any], personal: tuple[str, ...]) -> Event:
    """An event whose personal fields travel apart, under the trace's id."""
    values = {
        "to": message.chat_id,
        "from": message.sender,
        "trigger": message.body[:TRIGGER],
        "response": trace.replies[0].text if trace.replies else None,
    }
    public = {key: value for key, value in data.items() if key not in personal}
    return Event(
        name,
        message.session,
        public,
        correlation_id=message.message_id,
        dedup_key=f"{name}:{message.session}:{message.message_id}",
        subject=trace.trace_id,
        personal={key: values[key] for key in personal},
    )
