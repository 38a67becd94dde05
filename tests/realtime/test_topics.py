from __future__ import annotations

from tests.realtime.fakes import principal
from waqtor.contracts.events import EVENTS
from waqtor.kernel.access import SCOPES
from waqtor.realtime.topics import PRESETS, allowed_types, resolve, scope_of, types_of


def test_every_event_type_has_a_scope_that_exists_and_a_topic_that_carries_it() -> None:
    for name, spec in EVENTS.items():
        assert scope_of(name) in SCOPES
        for key in (name, spec.topic, name.split(".")[0] + ".*", "all"):
            assert name in types_of(key)


def test_presets_carry_exactly_what_the_protocol_says() -> None:
    everything = principal("admin")
    assert allowed_types(PRESETS["status"], everything) == {n for n in EVENTS if n.startswith("session.")}
    assert allowed_types(PRESETS["campaigns"], everything) == {n for n in EVENTS if n.startswith("campaign.")}
    assert allowed_types(PRESETS["smartbot"], everything) == {
        n for n in EVENTS if n.startswith("smartbot.") or n == "message.received"
    }


def test_texts_need_their_scope() -> None:
    sender = principal("messages:send")
    assert resolve(["all", "messages", "smartbot"], sender).granted == ()
    assert allowed_types(["all"], sender) == frozenset()
    reader = principal("messages:read")
    assert "message.received" in allowed_types(["all"], reader)
    assert not {"session.qr", "webhook.delivery", "reader.set-aside"} & allowed_types(["all"], reader)
