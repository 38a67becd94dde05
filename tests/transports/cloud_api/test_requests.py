from __future__ import annotations

from typing import Any

import pytest

from waqtor.contracts.messages import OUTGOING
from waqtor.messaging.ports import Outgoing
from waqtor.transports.cloud_api.requests import body_of


def built(content: dict[str, Any], to: str = "966501234567", **more: Any) -> dict[str, Any]:
    content = OUTGOING.validate_python(content).model_dump(mode="json")
    media_id = more.pop("media_id", None)
    return body_of(Outgoing("01J0000000000000000000000A", "default", to, content, **more), media_id)


def test_a_text_with_a_quote_carries_our_id():
    assert built({"type": "text", "body": "مرحبا", "preview_url": True}, quoted_provider_id="wamid.Q") == {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "966501234567",
        "biz_opaque_callback_data": "01J0000000000000000000000A", "context": {"message_id": "wamid.Q"},
        "type": "text", "text": {"body": "مرحبا", "preview_url": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("to", "field"),
    [
        ("966501234567", {"to": "966501234567", "recipient_type": "individual"}),
        ("SA.123@bsuid", {"recipient": "SA.123", "recipient_type": "individual"}),
        ("120363012345@g.us", {"to": "120363012345", "recipient_type": "group"}),
    ],
)
def test_recipients(to: str, field: dict[str, str]):
    assert field.items() <= built({"type": "text", "body": "x"}, to).items()


def test_buttons_and_lists():
    buttons = built(
        {
            "type": "buttons",
            "body": "Size?",
            "header": "Shirt",
            "footer": "Shop",
            "buttons": [{"id": "s", "title": "S"}],
        }
    )["interactive"]
    assert buttons == {
        "type": "button", "body": {"text": "Size?"}, "header": {"type": "text", "text": "Shirt"},
        "footer": {"text": "Shop"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "s", "title": "S"}}]},
    }  # fmt: skip
    rows = [{"id": "1", "title": "One", "description": "first"}, {"id": "2", "title": "Two"}]
    listed = built({"type": "list", "body": "Pick", "button": "Open", "sections": [{"rows": rows}]})["interactive"]
    assert listed == {
        "type": "list", "body": {"text": "Pick"}, "action": {"button": "Open", "sections": [{"rows": rows}]},
    }  # fmt: skip


def test_template_variables_by_position_and_by_name():
    numbered = built(
        {"type": "template", "name": "sale", "language": "ar", "variables": {"2": "b", "1": "a", "10": "c"}}
    )
    (body,) = numbered["template"]["components"]
    assert [p["text"] for p in body["parameters"]] == ["a", "b", "c"]
    named = built({"type": "template", "name": "sale", "variables": {"name": "سارة"}})
    assert named["template"]["components"][0]["parameters"] == [
        {"type": "text", "parameter_name": "name", "text": "سارة"}
    ]
    assert built({"type": "template", "name": "hello"})["template"] == {"name": "hello", "language": {"code": "en"}}
    own = [{"type": "body", "parameters": [{"type": "text", "text": "x"}]}]
    given = built({"type": "template", "name": "t", "variables": {"1": "y"}, "components": own})
    assert given["template"]["components"] == own


def test_media_by_address_by_id_and_uploaded():
    address = {"type": "document", "url": "https://x.test/a.pdf", "caption": "Bill", "filename": "a.pdf"}
    assert built(address)["document"] == {"link": "https://x.test/a.pdf", "caption": "Bill", "filename": "a.pdf"}
    assert built({"type": "audio", "media_id": "7"}, media_id="7")["audio"] == {"id": "7"}
    assert built({"type": "image", "base64": "AAAA"}, media_id="9")["image"] == {"id": "9"}
    with pytest.raises(ValueError, match="neither uploaded"):
        built({"type": "image", "base64": "AAAA"})


def test_locations_and_reactions():
    assert built({"type": "location", "latitude": 0.0, "longitude": 46.7, "name": "Shop"})["location"] == {
        "latitude": 0.0, "longitude": 46.7, "name": "Shop",
    }  # fmt: skip
    removed = built({"type": "reaction", "message_id": "wamid.1"}, quoted_provider_id="wamid.1")
    assert removed["reaction"] == {"message_id": "wamid.1", "emoji": ""}
    assert "context" not in removed


def test_what_the_api_does_not_know_is_refused():
    with pytest.raises(ValueError, match="poll"):
        body_of(Outgoing("m", "default", "966501234567", {"type": "poll"}))
