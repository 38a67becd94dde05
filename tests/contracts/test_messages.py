from __future__ import annotations

import pytest
from pydantic import ValidationError

from waqtor.contracts.messages import INCOMING, OUTGOING, InboundMessage, body_of

ROW = {"id": "1", "title": "t"}
OTHER = {"id": "2", "title": "t"}


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "body": "س" * 4096},
        {"type": "image", "url": "https://example.com/a.png", "caption": "صورة"},
        {"type": "buttons", "body": "?", "buttons": [{"id": str(i), "title": f"b{i}"} for i in range(3)]},
        {"type": "list", "body": "?", "button": "Open", "sections": [{"rows": [ROW]}]},
        {"type": "template", "name": "order_ready", "language": "ar", "variables": {"1": "x"}},
        {"type": "location", "latitude": -90, "longitude": 180},
        {"type": "reaction", "message_id": "m", "emoji": "👍🏽"},
        {"type": "reaction", "message_id": "m"},
    ],
    ids=lambda content: content["type"],
)
def test_content_survives_a_round_trip(content):
    model = OUTGOING.validate_python(content)
    assert OUTGOING.validate_python(model.model_dump(mode="json")) == model


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "body": ""},
        {"type": "text", "body": "x" * 4097},
        {"type": "text", "body": "\ud800"},
        {"type": "text", "body": "x", "surprise": 1},
        {"type": "image"},
        {"type": "image", "url": "u", "base64": "b"},
        {"type": "buttons", "body": "?", "buttons": []},
        {"type": "buttons", "body": "?", "buttons": [{"id": str(i), "title": f"b{i}"} for i in range(4)]},
        {"type": "buttons", "body": "?", "buttons": [{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]},
        {"type": "buttons", "body": "?", "buttons": [{"id": "1", "title": "a"}, {"id": "2", "title": "a"}]},
        {"type": "buttons", "body": "?", "buttons": [{"id": "1", "title": "x" * 21}]},
        {"type": "list", "body": "?", "button": "o", "sections": [{"rows": [ROW, ROW]}]},
        {"type": "list", "body": "?", "button": "o", "sections": [{"rows": [ROW]}, {"rows": [OTHER]}]},
        {"type": "list", "body": "?", "button": "o",
         "sections": [{"title": f"s{s}", "rows": [{"id": f"{s}{i}", "title": "t"} for i in range(6)]} for s in (1, 2)]},
        {"type": "template", "name": "Bad Name"},
        {"type": "location", "latitude": 91, "longitude": 0},
        {"type": "location", "latitude": float("nan"), "longitude": 0},
        {"type": "choice", "id": "only comes in"},
        {"type": "unknown"},
        "text",
        None,
    ],
)  # fmt: skip
def test_what_whatsapp_would_refuse_is_refused_here(content):
    with pytest.raises(ValidationError):
        OUTGOING.validate_python(content)


def test_what_comes_in_may_be_anything_known_or_other():
    assert INCOMING.validate_python({"type": "choice", "id": "yes"}).id == "yes"
    assert INCOMING.validate_python({"type": "other", "kind": "poll", "raw": {"deep": [1]}}).kind == "poll"


@pytest.mark.parametrize(
    ("content", "text"),
    [({"type": "text", "body": "hi"}, "hi"), ({"type": "image", "caption": "c"}, "c"), ({"title": "t"}, "t"),
     ({"emoji": "👍"}, "👍"), ({"name": "Riyadh"}, "Riyadh"), ({}, ""), ({"body": None}, "")],
)  # fmt: skip
def test_the_text_a_person_would_read(content, text):
    assert body_of(content) == text


@pytest.mark.parametrize(
    "wrong", [{"message_id": ""}, {"message_id": "x" * 257}, {"timestamp": -1}, {"push_name": "x" * 201}]
)
def test_inbound_messages_have_limits(wrong):
    good = {"session": "s", "message_id": "p", "sender": "9665", "chat_id": "9665",
            "content": {"type": "text", "body": "x"}, "timestamp": 1}  # fmt: skip
    InboundMessage.model_validate(good)
    with pytest.raises(ValidationError):
        InboundMessage.model_validate({**good, **wrong})
