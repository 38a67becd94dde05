from __future__ import annotations

from typing import Any

import orjson
import pytest

from waqtor.errors import InvalidInput
from waqtor.transports.simulator.contacts import parse_habits
from waqtor.transports.simulator.inbound import inbound_message
from waqtor.transports.simulator.sessions import PHONE
from waqtor.transports.simulator.world import World

TEXT = {"type": "text", "body": "hello"}


def history(seed: int) -> list[tuple[Any, ...]]:
    world = World(seed=seed)
    world.timeline.freeze(0)
    world.habits = parse_habits("human")
    world.faults.install([{"kind": "duplicate", "what": "receipt", "probability": 0.3}], 0)
    session = world.session("default")
    for n in range(50):
        world.accept(session, f"M{n}", "1", TEXT)
    world.timeline.advance(120)
    return [(e.payload[1], e.payload[2], e.payload[3]) for e in session.receipts.take(0, 1 << 30)]


def test_the_same_seed_gives_the_same_history_and_another_does_not() -> None:
    assert history(5) == history(5)
    assert history(5) != history(6)
    statuses = [status for status, _, _ in history(5)]
    assert statuses.count("sent") >= 50
    assert 0 < statuses.count("read") < statuses.count("delivered")


def test_ids_differ_between_runs_even_with_a_seed() -> None:
    first, second = (World(seed=1) for _ in range(2))
    assert first.inject({"text": "x"}) != second.inject({"text": "x"})
    assert first.accept(first.session("s"), "M", "1", TEXT) != second.accept(second.session("s"), "M", "1", TEXT)


def test_receipts_come_at_their_time_in_order() -> None:
    world = World()
    world.timeline.freeze(0)
    world.habits = parse_habits({"delivered_delay": 2, "read_delay": 3})
    session = world.session("default")
    world.accept(session, "M", "1", TEXT)
    assert len(session.receipts) == 0
    world.timeline.advance(2)
    assert len(session.receipts) == 1
    world.timeline.advance(2.9)
    assert len(session.receipts) == 1
    world.timeline.advance(0.1)
    assert [(e.payload[1], e.payload[2]) for e in session.receipts.take(0)] == [
        ("delivered", 2_000_000), ("read", 5_000_000),
    ]  # fmt: skip


def test_an_unknown_number_is_refused_and_a_contact_answers_by_its_script() -> None:
    world = World()
    session = world.session("default")
    from waqtor.transports.simulator.contacts import parse_contact

    world.contacts["1"] = parse_contact({"on_whatsapp": False})
    world.contacts["966500000002"] = parse_contact({"name": "Sara", "script": [{"match": "hello", "reply": "أهلاً"}]})
    refusal = world.screen(session, "1", TEXT)
    assert refusal is not None
    assert refusal.code == "131026"
    assert world.screen(session, "966500000002", TEXT) is None
    world.accept(session, "M", "966500000002", TEXT)
    world.timeline.run_due()
    assert world.counts["injected"] == 1
    assert "أهلاً".encode() in orjson.dumps(session.messages.take(0)[0].payload)


def test_an_inbound_message_opens_the_service_window() -> None:
    world = World()
    world.timeline.freeze(0)
    world.limits.configure({"window_s": 86400})
    session = world.session("default")
    assert world.screen(session, "966500000002", TEXT) is not None
    world.inject({"from": "+966 500 000 002", "text": "hi"})
    assert world.screen(session, "966500000002", TEXT) is None
    world.timeline.advance(86401)
    assert world.screen(session, "966500000002", TEXT) is not None


@pytest.mark.parametrize(
    "raw",
    [
        None, [], "hi", {"colour": 1}, {"text": 5}, {"from": "nobody"}, {"from": 5},
        {"chat_id": "x"}, {"id": "x" * 257},
        {"content": []}, {"content": {}}, {"content": {"type": 5}}, {"timestamp": "now"}, {"timestamp": -1},
        {"timestamp": True}, {"session": "s" * 65}, {"timestamp": 1 << 60},
    ],
)  # fmt: skip
def test_a_malformed_message_is_refused_and_nothing_is_delivered(raw: Any) -> None:
    world = World()
    with pytest.raises(InvalidInput):
        world.inject(raw)
    assert world.counts["injected"] == 0


def test_what_is_typed_on_the_phone_is_no_word_of_the_customer() -> None:
    world = World()
    message = world.inbound({"chat_id": "+966 500 000 002", "text": "I'll take this", "from_me": True})
    assert (message["from"], message["chat_id"], message["from_me"]) == (PHONE, "966500000002", True)
    world.write(message)
    assert world.session("default").last_inbound == {}
    assert inbound_message("default", message).from_me
    with pytest.raises(InvalidInput, match="to whom"):
        world.inbound({"text": "x", "from_me": True})
