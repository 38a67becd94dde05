"""A believable week of traffic, made from a seed: for notebooks, benchmarks and tests when there is no log yet.

The events have the shapes of :mod:`waqtor.contracts.event_data`; texts are invented.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso

_TEXTS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "ar": (
        ("متى يوصل طلبي؟", "order-status"),
        ("كم سعر التوصيل للرياض", "delivery"),
        ("السلام عليكم", "greeting"),
        ("وين موقعكم", "location"),
        ("أبغى أرجع المنتج", "returns"),
        ("عندي مشكلة في الدفع 😡", "payment"),
        ("ممكن أكلم موظف", "human"),
        ("هل عندكم لون ثاني من هذا", None),
    ),
    "en": (
        ("Where is my order?", "order-status"),
        ("Do you deliver on Fridays?", "delivery"),
        ("hello", "greeting"),
        ("what are your opening hours", "hours"),
        ("I want to return this", "returns"),
        ("can I pay with Apple Pay", "payment"),
        ("is the blue one restocked soon", None),
    ),
    "arabizi": (("wen 6alabi", "order-status"), ("kam se3er eltawseel", "delivery"), ("shu hal 7aki", None)),
}
_WEIGHTS = {"ar": 0.6, "en": 0.3, "arabizi": 0.1}
_STAGES = ("exact", "keyword", "semantic", "semantic", "semantic")
SAMPLE_START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, in microseconds."""
_MINUTE = 60_000_000


def sample_events(
    messages: int = 2000, *, seed: int = 7, days: float = 7.0, session: str = "default"
) -> Iterator[Event]:
    """Yield journaled events in order, offsets from 1.

    Each message is followed by a decision, and each answer by its sent, delivered and read (a few fail).

    Args:
        messages: Incoming messages.
        seed: The same seed gives the same events, ids included.
        days: Over how long they are spread, with the rhythm of a day.
        session: Whose they are.
    """
    rng = random.Random(seed)
    pending: list[Event] = []
    for at in _arrivals(rng, messages, days):
        pending.extend(_conversation(rng, at, session))
    pending.sort(key=lambda event: event.created)
    replaced: dict[str, str] = {}
    for offset, event in enumerate(pending, start=1):
        event.offset = offset
        event.id = f"01EVT{offset:021d}"
        for name in ("message_id", "trace_id"):
            if name in event.data:
                old = event.data[name]
                event.data[name] = replaced.setdefault(old, f"01MSG{len(replaced):021d}")
        event.correlation_id = replaced.get(event.correlation_id, event.correlation_id)
        event.subject = replaced.get(event.subject, event.subject)
        yield event


def _arrivals(rng: random.Random, count: int, days: float) -> list[int]:
    """Times with more traffic in the evening (UTC+3) than at night."""
    found: list[int] = []
    span = days * 86_400e6
    while len(found) < count:
        at = SAMPLE_START + int(rng.random() * span)
        hour = (at / 3_600e6 + 3) % 24
        if rng.random() < 0.15 + 0.85 * max(0.0, math.sin((hour - 7) / 24 * 2 * math.pi * 0.75)):
            found.append(at)
    return sorted(found)


def _conversation(rng: random.Random, at: int, session: str) -> Iterator[Event]:
    language = rng.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
    text, rule = rng.choice(_TEXTS[language])
    chat = f"9665{rng.randrange(1000, 1400):04d}0000"
    ours = f"in-{rng.getrandbits(64):x}"
    trace = f"trace-{rng.getrandbits(64):x}"
    yield Event(
        "message.received",
        session,
        {
            "message_id": ours,
            "provider_id": f"wamid.{rng.getrandbits(48):012x}",
            "type": "text",
            "timestamp": iso(at - rng.randrange(200_000, 900_000)),
            "is_group": False,
            "media": False,
        },
        id="",
        created=at,
        correlation_id=ours,
        subject=ours,
        personal={
            "from": chat,
            "chat_id": chat,
            "body": text,
            "push_name": "Sample",
            "content": {"type": "text", "body": text},
        },
    )
    confidence = min(0.999, max(0.02, rng.gauss(0.86 if rule else 0.35, 0.12)))
    decided = at + int(rng.lognormvariate(math.log(12_000), 0.5))
    shared = {"message_id": ours, "language": language, "trace_id": trace, "revision": "sample"}
    handoff = rule == "human"
    if rule is None or handoff or confidence < 0.6:
        yield Event(
            "smartbot.handoff" if handoff else "smartbot.unmatched",
            session,
            {
                **shared,
                "candidates": [{"rule_id": rule or "greeting", "confidence": round(confidence, 4)}],
                "reason": "asked for a person" if handoff else "below the threshold",
            },
            id="",
            created=decided,
            correlation_id=ours,
            subject=trace,
            personal={"from": chat, "trigger": text},
        )
        return
    yield Event(
        "smartbot.reply",
        session,
        {**shared, "rule_id": rule, "confidence": round(confidence, 4), "stage": rng.choice(_STAGES)},
        id="",
        created=decided,
        correlation_id=ours,
        subject=trace,
        personal={"to": chat, "trigger": text, "response": f"[{rule}]"},
    )
    yield from _send(rng, decided, session, chat)


def _send(rng: random.Random, at: int, session: str, chat: str) -> Iterator[Event]:
    ours = f"out-{rng.getrandbits(64):x}"
    fails = rng.random() < 0.02
    steps = ("failed",) if fails else ("sent", "delivered", "read")[: 1 + (rng.random() < 0.97) + (rng.random() < 0.7)]
    for step in steps:
        at += int(rng.lognormvariate(math.log(90_000 if step in ("sent", "failed") else 2 * _MINUTE / 60), 0.6))
        data: dict[str, Any] = {
            "message_id": ours,
            "provider_id": None if fails else f"wamid.{ours[-8:]}",
            "status": step,
            "timestamp": iso(at),
            "cause": "reply",
        }
        if fails:
            data["error"] = {"code": "131047", "reason": "the 24-hour window is closed", "retryable": False}
        yield Event(
            f"message.{step}",
            session,
            data,
            id="",
            created=at,
            correlation_id=ours,
            subject=ours,
            personal={"to": chat},
        )
