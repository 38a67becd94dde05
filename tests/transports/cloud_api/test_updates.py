from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waqtor.errors import InvalidInput
from waqtor.transports.cloud_api.updates import read_updates

NUMBER = "106540352242922"


def delivery(*values: dict[str, Any], number: str = NUMBER) -> dict[str, Any]:
    changes = [{"field": "messages", "value": {"metadata": {"phone_number_id": number}, **value}} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


def item(kind: str, part: Any, message_id: str = "wamid.1", **more: Any) -> dict[str, Any]:
    return {"from": "966501234567", "id": message_id, "timestamp": "1749416383", "type": kind, kind: part, **more}


def only(payload: Any) -> Any:
    updates = read_updates(payload, NUMBER, "default")
    assert (len(updates.messages), updates.malformed) == (1, 0)
    return updates.messages[0]


def test_a_text_with_name_and_quote():
    message = only(delivery({
        "contacts": [{"profile": {"name": "سارة"}, "wa_id": "966501234567"}],
        "messages": [item("text", {"body": "كم السعر؟"}, context={"id": "wamid.Q", "from": "1"})],
    }))  # fmt: skip
    assert (message.sender, message.chat_id, message.push_name) == ("966501234567", "966501234567", "سارة")
    assert (message.content.body, message.quoted_id) == ("كم السعر؟", "wamid.Q")
    assert message.timestamp == 1_749_416_383_000_000


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (
            item("image", {"id": "7", "mime_type": "image/jpeg", "caption": "this"}),
            {"media_id": "7", "caption": "this"},
        ),
        (item("document", {"id": "8", "filename": "a.pdf"}), {"media_id": "8", "filename": "a.pdf"}),
        (item("location", {"latitude": 24.7, "longitude": 46.7, "url": "x"}), {"latitude": 24.7, "longitude": 46.7}),
        (item("reaction", {"message_id": "wamid.0", "emoji": "👍"}), {"message_id": "wamid.0", "emoji": "👍"}),
        (item("reaction", {"message_id": "wamid.0"}), {"emoji": ""}),
        (item("button", {"payload": "YES", "text": "Yes"}), {"type": "choice", "id": "YES", "title": "Yes"}),
        (
            item("interactive", {"type": "list_reply", "list_reply": {"id": "r1", "title": "Row", "description": "d"}}),
            {"type": "choice", "id": "r1", "title": "Row"},
        ),
        (item("order", {"catalog_id": "1"}), {"type": "other", "kind": "order", "raw": {"catalog_id": "1"}}),
        (item("text", {"body": "x" * 5000}), {"type": "other", "kind": "text", "raw": {"body": "x" * 5000}}),
        (item("edit", {"original_message_id": "wamid.0"}), {"type": "other", "kind": "edit"}),
    ],
)
def test_kinds(raw: dict[str, Any], wanted: dict[str, Any]):
    assert wanted.items() <= only(delivery({"messages": [raw]})).content.model_dump().items()


def test_contacts_are_a_list_and_are_kept():
    raw = item("contacts", [{"name": {"formatted_name": "A"}}])
    content = only(delivery({"messages": [raw]})).content
    assert content.raw == {"contacts": [{"name": {"formatted_name": "A"}}]}


def test_people_without_a_number_are_known_by_their_scoped_id():
    raw = {**item("text", {"body": "x"}), "from": "", "from_user_id": "SA.42"}
    message = only(delivery({"contacts": [{"profile": {"username": "sara"}, "user_id": "SA.42"}], "messages": [raw]}))
    assert (message.sender, message.push_name) == ("SA.42@bsuid", "sara")


def test_what_was_typed_on_the_phone_belongs_to_the_customers_chat():
    echo = {**item("text", {"body": "done"}), "from": "966500000000", "to": "966501234567"}
    message = only(delivery({"message_echoes": [echo]}))
    assert (message.from_me, message.chat_id, message.sender) == (True, "966501234567", "966500000000")


def test_statuses_of_every_kind_with_our_id_and_the_reason():
    statuses = [
        {"id": "wamid.1", "status": status, "timestamp": "1749416383", "recipient_id": "966501234567"}
        for status in ("sent", "delivered", "read", "played")
    ]
    failed = {
        "id": "wamid.2", "status": "failed", "timestamp": "1749416384", "biz_opaque_callback_data": "01J",
        "errors": [{"code": 131026, "title": "Undeliverable", "error_data": {"details": "Not on WhatsApp"}}],
    }  # fmt: skip
    updates = read_updates(delivery({"statuses": [*statuses, failed]}), NUMBER, "s")
    assert [r.status for r in updates.receipts] == ["sent", "delivered", "read", "read", "failed"]
    last = updates.receipts[-1]
    assert (last.message_id, last.error_code, last.error_reason) == ("01J", "131026", "Not on WhatsApp")
    assert updates.receipts[0].message_id is None


def test_every_entry_and_change_counts_and_other_numbers_do_not():
    payload = delivery({"messages": [item("text", {"body": "a"}, "wamid.1"), item("text", {"body": "b"}, "wamid.2")]})
    payload["entry"] += delivery({"messages": [item("text", {"body": "c"}, "wamid.3")]})["entry"]
    payload["entry"] += delivery({"messages": [item("text", {"body": "d"}, "wamid.4")]}, number="9")["entry"]
    assert [m.message_id for m in read_updates(payload, NUMBER, "s").messages] == ["wamid.1", "wamid.2", "wamid.3"]


@pytest.mark.parametrize(
    "change", [{"id": ""}, {"id": None}, {"timestamp": "soon"}, {"from": "nobody"}, {"timestamp": "9" * 30}]
)
def test_an_item_without_id_sender_or_time_is_counted_and_the_rest_taken(change: dict[str, Any]):
    good = item("text", {"body": "b"}, "wamid.2")
    updates = read_updates(delivery({"messages": [{**item("text", {"body": "a"}), **change}, good]}), NUMBER, "s")
    assert ([m.message_id for m in updates.messages], updates.malformed) == (["wamid.2"], 1)


@pytest.mark.parametrize("payload", [None, [], 5, {}, {"object": "page", "entry": []}])
def test_other_payloads_are_refused(payload: Any):
    with pytest.raises(InvalidInput):
        read_updates(payload, NUMBER, "s")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "metadata": st.just({"phone_number_id": NUMBER}) | _JSON, "contacts": _JSON, "statuses": _JSON,
            "messages": st.lists(st.fixed_dictionaries(
                {}, optional={
                    "id": st.just("wamid.1") | _JSON, "from": st.just("966501234567") | _JSON,
                    "timestamp": st.just("1749416383") | _JSON, "context": _JSON,
                    "type": st.sampled_from(["text", "image", "interactive", "button", "reaction", "location", "x"]),
                    "text": _JSON, "image": _JSON, "interactive": _JSON, "button": _JSON, "reaction": _JSON,
                    "location": _JSON,
                }
            ), max_size=3),
        },
    )
)  # fmt: skip
def test_hostile_shapes_never_break_a_delivery(value: dict[str, Any]):
    payload = {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}
    updates = read_updates(payload, NUMBER, "s")
    ours = isinstance(value.get("metadata"), dict) and value["metadata"].get("phone_number_id") == NUMBER
    if ours:
        assert len(updates.messages) + updates.malformed >= len(value.get("messages", []))


@pytest.mark.shared
def test_every_message_and_status_of_the_recorded_deliveries_comes_out_once():
    folder = Path(os.environ.get("WAQTOR_SHARED_DIR", "../shared")) / "fixtures" / "cloud_api"
    if not folder.is_dir():
        pytest.skip("no shared fixtures: set WAQTOR_SHARED_DIR")
    files = [*folder.glob("webhooks_*/*.json"), *folder.glob("handmade/webhook_batched*"),
             *folder.glob("handmade/webhook_status*")]  # fmt: skip
    seen = 0
    for path in files:
        payload = json.loads(path.read_text(encoding="utf-8"))
        # Recordings with <PLACEHOLDERS> for numbers have no sender that could be read.
        if payload.get("object") != "whatsapp_business_account" or "<WHATSAPP" in path.read_text():
            continue
        values = [change["value"] for entry in payload["entry"] for change in entry["changes"]]
        for number in {str(v.get("metadata", {}).get("phone_number_id")) for v in values}:
            mine = [v for v in values if str(v.get("metadata", {}).get("phone_number_id")) == number]
            updates = read_updates(payload, number, "s")
            written = [m["id"] for v in mine for m in (*v.get("messages", []), *v.get("message_echoes", []))]
            assert [m.message_id for m in updates.messages] == written, path
            assert [r.provider_id for r in updates.receipts] == [m["id"] for v in mine for m in v.get("statuses", [])]
            assert updates.malformed == 0, path
            seen += len(updates.messages) + len(updates.receipts)
    assert seen >= 55
