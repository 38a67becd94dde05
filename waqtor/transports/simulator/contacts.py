"""The simulated people: who is on WhatsApp, how fast they read, what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.delays import ZERO, Delay, parse_delay


@dataclass(slots=True)
class Step:
    """A line of a contact's script: when a message holds ``match`` (any case; empty: always), write ``reply``."""

    reply: str
    match: str = ""
    delay: Delay = ZERO
    times: int = 1
    used: int = 0


@dataclass(slots=True)
class Habits:
    """How messages are received: probability and delay (seconds) of each receipt.

    ``sent`` is the provider's own first status; the Cloud API sends it, most tests do without.
    ``read`` counts from delivery.
    """

    delivered: float = 1.0
    delivered_delay: Delay = ZERO
    read: float = 1.0
    read_delay: Delay = ZERO
    sent: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether every message is delivered and read at once: no random number is needed."""
        return (
            self.delivered == 1.0
            and self.read == 1.0
            and not self.sent
            and self.delivered_delay.is_zero
            and self.read_delay.is_zero
        )


PROFILES: dict[str, Habits] = {
    "instant": Habits(),
    "human": Habits(0.98, Delay("lognormal", 0.4, 0.5), 0.8, Delay("exponential", 6.0), sent=True),
    "silent": Habits(delivered=0.0, read=0.0),
}
"""Named habits: everything at once (default), roughly like people, and no receipts at all."""


@dataclass(slots=True)
class Contact:
    """A person of whom something special is known."""

    name: str = ""
    on_whatsapp: bool = True
    habits: Habits | None = None
    script: list[Step] = field(default_factory=list)

    def answers(self, text: str) -> list[Step]:
        """The lines that answer ``text``; each is used up ``times`` times."""
        lowered = text.lower()
        found = [step for step in self.script if step.used < step.times and step.match.lower() in lowered]
        for step in found:
            step.used += 1
        return found


def parse_habits(raw: Any, base: Habits | None = None) -> Habits:
    """Read a profile's name, or an object of probabilities and delays on top of ``base``.

    Raises:
        InvalidInput: If it is neither.
    """
    if isinstance(raw, str) and raw in PROFILES:
        return PROFILES[raw]
    base = base or Habits()
    values: dict[str, Any] = {name: getattr(base, name) for name in Habits.__slots__}
    if not isinstance(raw, dict) or set(raw) - set(values):
        raise InvalidInput(f"Receipts are one of {', '.join(PROFILES)} or an object of {', '.join(values)}.")
    for name, value in raw.items():
        if name.endswith("_delay"):
            values[name] = parse_delay(value)
        elif name == "sent":
            values[name] = bool(value)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InvalidInput(f"'{name}' is a probability between 0 and 1.")
        else:
            values[name] = float(value)
    return Habits(**values)


def parse_contact(raw: dict[str, Any]) -> Contact:
    """Read ``{"name", "on_whatsapp", "receipts", "script": [{"match", "reply", "delay", "times"}]}``.

    Raises:
        InvalidInput: If a field is unknown or of the wrong type.
    """
    if set(raw) - {"name", "on_whatsapp", "receipts", "script"}:
        raise InvalidInput("A contact has name, on_whatsapp, receipts and script.")
    name, on_whatsapp, script = raw.get("name", ""), raw.get("on_whatsapp", True), raw.get("script", [])
    if not isinstance(name, str) or not isinstance(on_whatsapp, bool) or not isinstance(script, list):
        raise InvalidInput("A contact's name is a text, on_whatsapp true or false, script a list.")
    habits = None if raw.get("receipts") is None else parse_habits(raw["receipts"])
    return Contact(name, on_whatsapp, habits, [_step(line) for line in script])


def _step(raw: Any) -> Step:
    if not isinstance(raw, dict) or set(raw) - {"match", "reply", "delay", "times"}:
        raise InvalidInput("A line of a script has match, reply, delay and times.")
    reply, match, times = raw.get("reply"), raw.get("match", ""), raw.get("times", 1)
    if not isinstance(reply, str) or not reply or not isinstance(match, str) or type(times) is not int:
        raise InvalidInput("A script's reply and match are texts, times a whole number.")
    return Step(reply, match, parse_delay(raw.get("delay", 0)), times)
