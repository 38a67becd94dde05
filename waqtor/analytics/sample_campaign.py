"""A believable campaign with an A/B test, made from a seed: for the notebook when the log knows no campaign yet."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from waqtor.analytics.sample import SAMPLE_START
from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso

SAMPLE_CAMPAIGN = "01SAMPECAMPAGN".ljust(26, "0")
"""The campaign's id."""
_START = SAMPLE_START + 9 * 3_600_000_000
_SECOND = 1_000_000
_NOT_THERE = {"code": "131026", "reason": "the number is not on WhatsApp", "retryable": False}
_OPTED_OUT = {"code": "opted_out", "reason": "the contact opted out", "retryable": False}
_READ, _REPLIED = {"A": 0.58, "B": 0.66}, {"A": 0.05, "B": 0.09}


def campaign_events(
    recipients: int = 2000, *, seed: int = 7, rate: float = 4.0, session: str = "default"
) -> Iterator[Event]:
    """Yield the journaled events of one campaign in order, offsets from 1.

    Args:
        recipients: People in its audience; about 3 % are left out, 2 % fail.
        seed: The same seed gives the same events, ids included.
        rate: Messages per second, falling to a third while the number is slowed down.
        session: Whose it is.
    """
    rng = random.Random(seed)
    found: list[Event] = [_state("started", _START, session, {"total": recipients})]
    counts, left_out, at = Counter[str](), Counter[str](), float(_START)
    for place in range(recipients):
        variant = rng.choice("AB")
        if rng.random() < 0.02:
            left_out[variant] += 1
            counts["skipped"] += 1
            continue
        slowed = 0.4 < place / recipients < 0.6
        at += rng.expovariate(rate / 3 if slowed else rate) * _SECOND
        found.extend(_one(rng, place, variant, int(at), session, counts))
    skips = [
        {"variant": variant, "code": "missing_variable", "reason": "{{name}} is empty", "count": count}
        for variant, count in sorted(left_out.items())
    ]
    if skips:
        data = {"campaign_id": SAMPLE_CAMPAIGN, "skips": skips}
        found.append(
            Event("campaign.skipped", session, data, id="", created=_START + _SECOND, correlation_id=SAMPLE_CAMPAIGN)
        )
    found.append(_state("completed", int(at) + _SECOND, session, {"total": recipients, **counts}))
    found.sort(key=lambda event: event.created)
    for offset, event in enumerate(found, start=1):
        event.offset = offset
        event.id = f"01EVT{offset:021d}"
        yield event


def _one(rng: random.Random, place: int, variant: str, at: int, session: str, counts: Counter[str]) -> Iterator[Event]:
    chat, ours = f"9665{10_000_000 + place}", f"01MSG{place:021d}"
    luck = rng.random()
    if luck < 0.03:
        status, error = ("failed", _NOT_THERE) if luck < 0.02 else ("skipped", _OPTED_OUT)
        counts[status] += 1
        yield _step("failed", at, session, ours, chat, variant, {"status": status, "error": error})
        return
    counts["sent"] += 1
    yield _step("sent", at, session, ours, chat, variant, {})
    if rng.random() > 0.96:
        return
    at += int(rng.lognormvariate(math.log(2), 0.8) * _SECOND)
    yield _step("delivered", at, session, ours, chat, variant, {})
    if rng.random() < _READ[variant]:
        at += int(rng.lognormvariate(math.log(40 * 60), 1.4) * _SECOND)
        yield _step("read", at, session, ours, chat, variant, {})
        if rng.random() < _REPLIED[variant] / _READ[variant]:
            at += int(rng.lognormvariate(math.log(5 * 60), 1.0) * _SECOND)
            yield _reply(at, session, place, chat)


def _state(name: str, at: int, session: str, counts: dict[str, Any]) -> Event:
    status = "running" if name == "started" else name
    data = {"campaign_id": SAMPLE_CAMPAIGN, "status": status, **counts}
    return Event(f"campaign.{name}", session, data, id="", created=at, correlation_id=SAMPLE_CAMPAIGN)


def _step(name: str, at: int, session: str, ours: str, chat: str, variant: str, more: dict[str, Any]) -> Event:
    data = {"message_id": ours, "status": name, "timestamp": iso(at), "cause": "campaign", **more}
    return Event(
        f"message.{name}", session, data, id="", created=at, correlation_id=f"{SAMPLE_CAMPAIGN}:{variant}",
        subject=ours, personal={"to": chat},
    )  # fmt: skip


def _reply(at: int, session: str, place: int, chat: str) -> Event:
    ours = f"01REP{place:021d}"
    data = {"message_id": ours, "provider_id": f"wamid.{place:012x}", "type": "text", "timestamp": iso(at)}
    personal = {"from": chat, "chat_id": chat, "body": "Yes, please", "push_name": "Sample",
                "content": {"type": "text", "body": "Yes, please"}}  # fmt: skip
    return Event(
        "message.received", session, data, id="", created=at, correlation_id=ours, subject=ours, personal=personal
    )
