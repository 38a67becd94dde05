"""Scripted misbehaviour: which sends and deliveries go wrong, how, how often and when."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.delays import MAX_SECONDS, ZERO, Delay, parse_delay

SEND_KINDS: Final = frozenset(
    {"error", "hang", "swallow", "drop_before", "drop_after", "late", "fail", "latency"},
)
"""error: refuse with ``code``. hang: accept, never answer. swallow: neither accept nor answer. drop_before and
drop_after: end the connection without or with accepting. late: answer nothing, deny it in look-ups, accept after
``delay``. fail: accept, and report ``failed`` with ``code`` later. latency: wait ``delay`` before deciding."""

DELIVERY_KINDS: Final = frozenset({"duplicate", "reorder"})
"""duplicate: deliver again after ``delay``. reorder: hold back for ``delay``, so that later ones overtake."""

KINDS: Final = SEND_KINDS | DELIVERY_KINDS | {"outage"}
Verdict = Literal["error", "hang", "swallow", "drop_before", "drop_after", "late", "fail"]


@dataclass(slots=True)
class Fault:
    """One rule of the script.

    It applies to calls that match ``session``, ``to``, ``type`` (content type) and, for deliveries, ``what``; it
    skips the first ``after`` of them, strikes each with ``probability``, at most ``times`` in all, and only between
    ``from_s`` and ``to_s`` seconds after it was installed (an ``outage`` is nothing but that interval).
    """

    kind: str
    code: str = "500"
    reason: str = ""
    retry_after: float | None = None
    probability: float = 1.0
    after: int = 0
    times: int | None = None
    from_s: float = 0.0
    to_s: float = math.inf
    session: str | None = None
    to: str | None = None
    type: str | None = None
    what: str = "both"
    lookup: str = "absent"
    delay: Delay = ZERO
    installed_us: int = 0
    seen: int = 0
    struck: int = 0

    def is_live(self, now_us: int) -> bool:
        """Whether ``now_us`` lies in its interval."""
        elapsed = (now_us - self.installed_us) / 1_000_000
        return self.from_s <= elapsed < self.to_s

    def strikes(self, rng: random.Random, now_us: int) -> bool:
        """Count a matching call and decide whether it is hit."""
        if not self.is_live(now_us) or (self.times is not None and self.struck >= self.times):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.probability < 1.0 and rng.random() >= self.probability):
            return False
        self.struck += 1
        return True


_NUMBERS = {"probability", "retry_after", "from_s", "to_s"}
_COUNTS = {"after", "times"}
_TEXTS = {"kind", "code", "reason", "session", "to", "type", "what", "lookup"}
_CHOICES = {"kind": KINDS, "what": {"message", "receipt", "both"}, "lookup": {"absent", "unknown"}}
_FIELDS = {f.name for f in fields(Fault)} - {"installed_us", "seen", "struck"}


def parse_fault(raw: Any) -> Fault:
    """Read one fault from JSON.

    Raises:
        InvalidInput: If a field is unknown, of the wrong type or out of range.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInput("A fault is an object with a 'kind'.")
    unknown = set(raw) - _FIELDS
    if unknown:
        raise InvalidInput(f"Unknown fields of a fault: {', '.join(sorted(map(str, unknown)))}.")
    if not isinstance(raw.get("kind"), str) or raw["kind"] not in KINDS:
        raise InvalidInput(f"A fault's kind is one of {', '.join(sorted(KINDS))}.")
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None and name in ("to_s", "times", "retry_after", "session", "to", "type"):
            continue
        values[name] = _value(name, value)
    fault = Fault(**values)
    if fault.kind in ("late", "duplicate", "reorder", "latency") and "delay" not in values:
        fault.delay = Delay("constant", 0.05)
    return fault


def _value(name: str, value: Any) -> Any:
    if name == "delay":
        return parse_delay(value)
    if name == "code" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if name in _TEXTS:
        if not isinstance(value, str) or (name in _CHOICES and value not in _CHOICES[name]):
            raise InvalidInput(f"'{name}' of a fault is not right: {str(value)[:40]!r}.")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or math.isnan(value):
        raise InvalidInput(f"'{name}' of a fault is a number, not below 0.")
    if name in _COUNTS and not isinstance(value, int):
        raise InvalidInput(f"'{name}' of a fault is a whole number.")
    if name in ("from_s", "retry_after") and value > MAX_SECONDS:
        raise InvalidInput(f"'{name}' of a fault is at most {MAX_SECONDS:.0f} seconds.")
    if name == "probability" and value > 1:
        raise InvalidInput("'probability' of a fault is between 0 and 1.")
    return float(value) if name in _NUMBERS else value


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens to one send: seconds to wait first, and the fault that decides its fate, if any."""

    wait: float = 0.0
    fault: Fault | None = None


CLEAN: Final = Strike()


class FaultScript:
    """The faults in force, in order: latencies add up, the first other fault that strikes decides."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._sends: list[Fault] = []
        self._deliveries: list[Fault] = []

    def install(self, raw: Any, now_us: int, *, append: bool = False) -> list[Fault]:
        """Replace (or extend) the script; returns the new faults.

        Raises:
            InvalidInput: If one is wrong; the script is then unchanged.
        """
        if not isinstance(raw, list | tuple):
            raise InvalidInput("A script is a list of faults.")
        fresh = [parse_fault(one) for one in raw]
        for fault in fresh:
            fault.installed_us = now_us
        self.faults = [*self.faults, *fresh] if append else fresh
        self._sends = [f for f in self.faults if f.kind in SEND_KINDS]
        self._deliveries = [f for f in self.faults if f.kind in DELIVERY_KINDS]
        return fresh

    def on_send(self, session: str, to: str, type_: str, rng: random.Random, now_us: int) -> Strike:
        """What happens to a send."""
        if not self._sends:
            return CLEAN
        wait = 0.0
        for fault in self._sends:
            if (
                (fault.session is not None and fault.session != session)
                or (fault.to is not None and fault.to != to)
                or (fault.type is not None and fault.type != type_)
                or not fault.strikes(rng, now_us)
            ):
                continue
            if fault.kind != "latency":
                return Strike(wait, fault)
            wait += fault.delay.draw(rng)
        return Strike(wait) if wait else CLEAN

    def on_delivery(self, session: str, what: str, rng: random.Random, now_us: int) -> list[Fault]:
        """The faults that hit a delivery (``message`` or ``receipt``)."""
        return [
            fault
            for fault in self._deliveries
            if fault.what in (what, "both")
            and (fault.session is None or fault.session == session)
            and fault.strikes(rng, now_us)
        ]

    def is_down(self, session: str, now_us: int) -> bool:
        """Whether an outage of ``session`` is under way."""
        return any(
            fault.kind == "outage" and fault.session in (None, session) and fault.is_live(now_us)
            for fault in self.faults
        )
