from __future__ import annotations

import pytest
from pydantic import ValidationError

from waqtor.contracts.events import EVENTS, Event, check, hydrate
from waqtor.contracts.wire import CLIENT_FRAME, RECONNECT_CODES, Close, envelope, event_frame, iso


def received(**more) -> Event:
    data = {"message_id": "m", "provider_id": "p", "type": "text", "timestamp": "2026-01-01T00:00:00.000Z"}
    personal = {"from": "966501234567", "chat_id": "966501234567", "body": "hi", "content": {"type": "text"},
                "push_name": None}  # fmt: skip
    return Event("message.received", "s", data, **{"subject": "m", "personal": personal, **more})


def test_personal_fields_are_named_in_the_model_and_may_be_erased():
    for spec in EVENTS.values():
        names = {field.alias or name for name, field in spec.model.model_fields.items()}
        assert set(spec.personal) <= names, spec.name
        if spec.personal:
            assert "erased" in names, spec.name


def test_what_must_never_be_kept_is_never_journaled():
    assert not EVENTS["session.qr"].journaled
    assert {name for name, spec in EVENTS.items() if not spec.journaled} == {
        "session.qr", "session.stats", "campaign.progress", "metrics",
    }  # fmt: skip


def test_every_type_has_a_topic_and_a_description():
    for name, spec in EVENTS.items():
        assert spec.name == name
        assert spec.topic
        assert spec.description.endswith(".")


def test_hydration_merges_what_is_there_and_says_what_was_erased():
    event = received()
    assert hydrate(event)["body"] == "hi"
    assert "body" not in event.data
    check(event)
    event.personal = None
    data = hydrate(event)
    assert data["erased"] is True
    assert (data["body"], data["from"]) == (None, None)
    check(event)
    event.personal = {"body": "hi", "secret": "trace"}
    assert "secret" not in hydrate(event)


def test_check_refuses_what_does_not_fit():
    with pytest.raises(KeyError):
        check(Event("no.such", "s", {}))
    event = received()
    event.data["surprise"] = 1
    with pytest.raises(ValidationError):
        check(event)


def test_frames_and_envelopes_carry_what_readers_need():
    event = received(offset=7, created=1_767_225_600_123_456, correlation_id="c")
    frame = event_frame(event)
    assert (frame["offset"], frame["topic"], frame["timestamp"], frame["correlation_id"]) == (
        7, "messages", 1_767_225_600_123, "c",
    )  # fmt: skip
    assert "priority" not in frame
    assert envelope(event)["created"] == "2026-01-01T00:00:00.123Z"
    qr = Event("session.qr", "s", {"qr": "x", "timestamp": ""})
    assert event_frame(qr)["priority"] == "high"
    assert "offset" not in event_frame(qr)


@pytest.mark.parametrize(
    ("us", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.000Z"), (999_999, "1970-01-01T00:00:00.999Z"),
     (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z")],
)  # fmt: skip
def test_times_are_iso_with_milliseconds(us, text):
    assert iso(us) == text


@pytest.mark.parametrize(
    "frame",
    [{"type": "subscribe", "topics": ["a"] * 129}, {"type": "subscribe", "topics": ["x" * 1001]}, {"type": "evil"}, {},
     [], {"type": "ping", "extra": 1}, {"type": "subscribe", "since": {"epoch": "e", "offset": -1}},
     {"type": "ping", "id": "i" * 65}],
)  # fmt: skip
def test_client_frames_are_strict(frame):
    with pytest.raises(ValidationError):
        CLIENT_FRAME.validate_python(frame)


def test_events_is_another_name_for_topics():
    frame = CLIENT_FRAME.validate_python({"type": "subscribe", "events": ["messages"]})
    assert frame.topics == ("messages",)


def test_close_codes_tell_whether_to_come_back():
    assert Close.SLOW in RECONNECT_CODES
    assert Close.POLICY not in RECONNECT_CODES
