"""The simulated WhatsApp without its socket: numbers, people, accepted calls, receipts and deliveries."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidInput
from waqtor.transports.simulator.calls import CallRecord
from waqtor.transports.simulator.contacts import Contact, Habits
from waqtor.transports.simulator.delays import ZERO, Delay
from waqtor.transports.simulator.faults import Fault, FaultScript
from waqtor.transports.simulator.limits import Limits, Refusal
from waqtor.transports.simulator.mailbox import Entry, Mailbox
from waqtor.transports.simulator.sessions import PHONE, SimulatedSession
from waqtor.transports.simulator.timeline import Timeline

DEFAULT_SENDER: Final = "966500000001"
_INJECT_FIELDS = {
    "id", "session", "from", "chat_id", "text", "content", "timestamp",
    "is_group", "mentioned", "push_name", "quoted_id", "from_me",
}  # fmt: skip


class World:
    """All state. ``wake(session)`` is called when there is something to push to it.

    Args:
        seed: Makes the random numbers repeatable: same seed and calls, same delays, receipts and faults.
        record: File that accepted calls are appended to.
    """

    def __init__(self, *, seed: int | None = None, record: Path | None = None) -> None:
        self.rng = random.Random(seed)
        self.timeline = Timeline()
        self.faults = FaultScript()
        self.limits = Limits()
        self.habits = Habits()
        self.accept_delay: Delay = ZERO
        self.answer_delay: Delay = ZERO
        self.redeliver_s = 5.0
        self.qr_mode = False
        self.contacts: dict[str, Contact] = {}
        self.sessions: dict[str, SimulatedSession] = {}
        self.calls = CallRecord(record)
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.denied: dict[str, str] = {}
        self.activity_us = self.timeline.now_us()
        self.wake: Callable[[SimulatedSession], None] = lambda session: None
        # Ids must differ between runs even with a seed: the engine keeps them for ever and would drop repeats.
        self._nonce = os.urandom(5).hex().upper()
        self._made = 0

    def session(self, name: str) -> SimulatedSession:
        """The session called ``name``, made when it is new.

        Raises:
            InvalidInput: If the name is empty or too long.
        """
        found = self.sessions.get(name)
        if found is None:
            if not name or len(name) > 64:
                raise InvalidInput("A session's name has 1 to 64 characters.")
            found = self.sessions[name] = SimulatedSession(name, login="qr" if self.qr_mode else "ready")
            found.messages.timeout = found.receipts.timeout = self.redeliver_s
            if found.login == "qr":
                found.renew_qr()
        return found

    def _new_id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._nonce}{self._made:010X}"

    # --- from the engine to people
    def screen(self, session: SimulatedSession, to: str, content: dict[str, Any]) -> Refusal | None:
        """What WhatsApp refuses by itself: an unknown number, a limit, a session that is not logged in."""
        if session.login != "ready":
            return Refusal("not_ready")
        contact = self.contacts.get(to)
        if contact is not None and not contact.on_whatsapp:
            return Refusal("131026")
        limits = self.limits
        return limits.check(session.name, to, content, self.timeline.now_us(), session.last_inbound.get(to))

    def accept(
        self, session: SimulatedSession, message_id: str, to: str, content: dict[str, Any], fails: Fault | None = None
    ) -> str:
        """Count a call and plan its receipts; returns the provider's id."""
        now = self.activity_us = self.timeline.now_us()
        provider_id = self._new_id("wamid.")
        self.calls.accept(message_id, session.name, to, content, provider_id, now)
        if fails is not None:
            reason = fails.reason or "Failed after it was accepted"
            self.timeline.at(
                fails.delay.draw(self.rng),
                self._receipt,
                session,
                provider_id,
                "failed",
                message_id,
                fails.code,
                reason,
            )
            return provider_id
        contact = self.contacts.get(to) if self.contacts else None
        habits = self.habits if contact is None or contact.habits is None else contact.habits
        if habits.is_plain:
            self._receipt(session, provider_id, "delivered", message_id)
            self._receipt(session, provider_id, "read", message_id)
        else:
            self._plan_receipts(session, habits, provider_id, message_id)
        if contact is not None and contact.script:
            text = content.get("body")
            for step in contact.answers(text if isinstance(text, str) else ""):
                answer = {"session": session.name, "from": to, "text": step.reply, "push_name": contact.name}
                self.timeline.at(step.delay.draw(self.rng), self.inject, answer)
        return provider_id

    def _plan_receipts(self, session: SimulatedSession, habits: Habits, provider_id: str, message_id: str) -> None:
        if habits.sent:
            self._receipt(session, provider_id, "sent", message_id)
        if self.rng.random() >= habits.delivered:
            return
        delay = habits.delivered_delay.draw(self.rng)
        self._receipt_in(delay, session, provider_id, "delivered", message_id)
        if self.rng.random() < habits.read:
            delay += habits.read_delay.draw(self.rng)
            self._receipt_in(delay, session, provider_id, "read", message_id)

    def _receipt_in(self, delay: float, session: SimulatedSession, *receipt: str) -> None:
        if delay > 0:
            self.timeline.at(delay, self._receipt, session, *receipt)
        else:
            self._receipt(session, *receipt)

    def _receipt(
        self,
        session: SimulatedSession,
        provider_id: str,
        status: str,
        message_id: str,
        code: str = "",
        reason: str = "",
    ) -> None:
        self.counts["receipts"] += 1
        payload = (provider_id, status, self.timeline.now_us(), message_id, code, reason)
        self._deliver(session, session.receipts, "receipt", Entry(payload))

    def lookup(self, message_id: str) -> tuple[str, str | None]:
        """``accepted`` with the first provider id, else ``absent`` (or what a scripted lie says)."""
        call = self.calls.get(message_id)
        if call is not None:
            return "accepted", call.provider_ids[0]
        return self.denied.get(message_id, "absent"), None

    # --- from people to the engine
    def inject(self, raw: Any, acked: Callable[[], None] | None = None) -> str:
        """Have a person write a message; returns its id. ``acked`` is called at the first acknowledgement.

        Raises:
            InvalidInput: If a field is unknown, missing or of the wrong type.
        """
        payload = self.inbound(raw)
        self.write(payload, acked)
        return str(payload["id"])

    def write(self, payload: dict[str, Any], acked: Callable[[], None] | None = None) -> None:
        """Deliver what :meth:`inbound` made."""
        session = self.session(payload["session"])
        now = self.activity_us = self.timeline.now_us()
        if not payload["from_me"]:
            session.last_inbound[payload["chat_id"]] = now
        self.counts["injected"] += 1
        encoded = orjson.dumps(payload)
        entry = Entry(orjson.Fragment(encoded), len(encoded) + 24, acked)
        self._deliver(session, session.messages, "message", entry)

    def inbound(self, raw: Any) -> dict[str, Any]:
        """Check and complete a message that a person writes.

        Raises:
            InvalidInput: If a field is unknown or of the wrong type.
        """
        if not isinstance(raw, dict) or set(raw) - _INJECT_FIELDS:
            raise InvalidInput(f"A message is an object of {', '.join(sorted(_INJECT_FIELDS))}.")
        for name in ("id", "session", "from", "chat_id", "text", "push_name", "quoted_id"):
            if raw.get(name) is not None and not isinstance(raw[name], str):
                raise InvalidInput(f"'{name}' of a message is a text.")
        content = raw.get("content")
        if content is None:
            content = {"type": "text", "body": raw.get("text") or ""}
        elif not isinstance(content, dict) or not isinstance(content.get("type"), str):
            raise InvalidInput("'content' of a message is an object with a 'type'.")
        stamp = raw.get("timestamp")
        if stamp is not None and (type(stamp) is not int or not 0 <= stamp < 1 << 53):
            raise InvalidInput("'timestamp' of a message is UTC microseconds.")
        message_id = raw.get("id") or self._new_id("wamid.IN")
        if len(message_id) > 256:
            raise InvalidInput("A message id has at most 256 characters.")
        from_me = bool(raw.get("from_me", False))
        sender = parse_address(PHONE if from_me else raw.get("from") or DEFAULT_SENDER)
        chat = parse_address(raw["chat_id"]) if raw.get("chat_id") else sender
        if from_me and chat.canonical == PHONE:
            raise InvalidInput("'chat_id' of a message that is typed on the phone says to whom.")
        return {
            "session": self.session(raw.get("session") or self._only_session()).name,
            "id": message_id,
            "from": sender.canonical,
            "chat_id": chat.canonical,
            "content": content,
            "timestamp": self.timeline.now_us() if stamp is None else stamp,
            "is_group": bool(raw.get("is_group", chat.is_group)),
            "mentioned": bool(raw.get("mentioned", False)),
            "from_me": from_me,
            "push_name": raw.get("push_name") or "",
            "quoted_id": raw.get("quoted_id"),
        }

    def _only_session(self) -> str:
        return next(iter(self.sessions)) if len(self.sessions) == 1 else "default"

    def _deliver(self, session: SimulatedSession, mailbox: Mailbox, what: str, entry: Entry) -> None:
        for fault in self.faults.on_delivery(session.name, what, self.rng, self.timeline.now_us()):
            delay = fault.delay.draw(self.rng)
            if fault.kind == "duplicate":
                self.counts["duplicated"] += 1
                self.timeline.at(delay, self._put, session, mailbox, Entry(entry.payload, entry.size))
            else:
                self.counts["reordered"] += 1
                self.timeline.at(delay, self._put, session, mailbox, entry)
                return
        self._put(session, mailbox, entry)

    def _put(self, session: SimulatedSession, mailbox: Mailbox, entry: Entry) -> None:
        mailbox.put(entry)
        self.wake(session)
