from __future__ import annotations

import pytest

from tests.api.asserts import assert_error
from waqtor.contracts.commands import COMMANDS
from waqtor.contracts.ids import is_ulid

TO = "966501234567"
BODIES = {
    "send-text": {"to": TO, "text": "أهلاً 👋"},
    "send-media": {"to": TO, "media_type": "image", "url": "https://example.com/a.png"},
    "send-buttons": {"to": TO, "body": "?", "buttons": [{"id": "y", "title": "Yes"}]},
    "send-button": {"to": TO, "body": "?", "buttons": [{"id": "y", "title": "Yes"}]},
    "send-list": {"to": TO, "body": "?", "button": "Go", "sections": [{"rows": [{"id": "a", "title": "A"}]}]},
    "send-template": {"to": TO, "name": "hello", "language": "ar", "variables": {"orderId": "7"}},
    "send-location": {"to": TO, "latitude": 24.7, "longitude": 46.7},
    "send-reaction": {"to": TO, "message_id": "x", "emoji": "👍"},
}


@pytest.mark.parametrize("name", sorted(BODIES))
async def test_each_send_answers_with_a_receipt(client, engine, name):
    response = await client.post(f"/api/v1/messages/{name}", json=BODIES[name])
    assert response.status_code == 200, response.text
    body = response.json()
    assert is_ulid(body["message_id"])
    assert body["status"] == "pending"
    assert body["duplicate"] is False
    assert body["timestamp"].endswith("Z")
    command, key = engine.commands[-1]
    spec = COMMANDS["send_buttons" if name == "send-button" else name.replace("-", "_")]
    assert isinstance(command, spec.model)
    assert key is None


async def test_keys_of_variables_keep_their_spelling(client, engine):
    await client.post("/api/v1/messages/send-template", json=BODIES["send-template"])
    assert engine.commands[-1][0].variables == {"orderId": "7"}


@pytest.mark.parametrize("spelling", ["to", "chat_id", "chatId"])
async def test_the_recipient_has_three_names(client, engine, spelling):
    response = await client.post("/api/v1/messages/send-text", json={spelling: TO, "text": "x"})
    assert response.status_code == 200, response.text
    assert engine.commands[-1][0].to == TO


async def test_a_repeated_key_sends_once_and_another_body_is_refused(client, engine):
    headers = {"Idempotency-Key": "order-1"}
    first = await client.post("/api/v1/messages/send-text", json=BODIES["send-text"], headers=headers)
    again = await client.post("/api/v1/messages/send-text", json=BODIES["send-text"], headers=headers)
    other = await client.post("/api/v1/messages/send-text", json={"to": TO, "text": "other"}, headers=headers)
    assert again.json() == {**first.json(), "duplicate": True}
    assert_error(other, 409, "idempotency_conflict")
    assert len(engine.archive.all_messages) == 1
    key_id = next(iter(engine.keys.rows))
    assert engine.commands[0][1] == f"api:{key_id}:order-1"


async def test_the_same_idempotency_key_of_another_api_key_is_another_send(engine, connect, client):
    engine.keys.add("other-key-0123456789", "crm", "messages:send")
    other = connect(engine, "other-key-0123456789")
    for caller in (client, other):
        response = await caller.post(
            "/api/v1/messages/send-text", json=BODIES["send-text"], headers={"Idempotency-Key": "k"}
        )
        assert response.json()["duplicate"] is False
    assert len(engine.archive.all_messages) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é".encode()])
async def test_a_bad_idempotency_key_is_refused(client, engine, key):
    response = await client.post(
        "/api/v1/messages/send-text", json=BODIES["send-text"], headers={"Idempotency-Key": key}
    )
    assert_error(response, 422, "invalid_input", field="Idempotency-Key")
    assert not engine.commands


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": TO}, "text"),
        ({"to": TO, "text": ""}, "text"),
        ({"to": TO, "text": "x" * 4097}, "text"),
        ({"to": TO, "text": 5}, "text"),
        ({"to": TO, "text": "x", "colour": "red"}, "colour"),
        ({"to": [TO], "text": "x"}, "to"),
        ({"to": TO, "text": "a\x00b"}, "text"),
        ({"to": TO, "text": "x", "mentions": ["a\x00"]}, "mentions.0"),
        ({"to": TO, "chatId": TO, "text": "x"}, "chat_id"),
        ({"chat_id": TO, "chatId": TO, "text": "x"}, "chatId"),
        ([], ""),
        ("text", ""),
    ],
)
async def test_a_wrong_body_names_its_field_and_sends_nothing(client, engine, body, field):
    response = await client.post("/api/v1/messages/send-text", json=body)
    assert_error(response, 422, "invalid_input", field=field)
    assert not engine.commands


async def test_an_error_never_repeats_what_was_sent(client):
    secret = "my secret text"
    response = await client.post("/api/v1/messages/send-text", json={"to": TO, "text": secret * 400})
    assert secret not in response.text


async def test_a_recipient_that_is_no_address_is_refused(client):
    response = await client.post("/api/v1/messages/send-text", json={"to": "not a number", "text": "x"})
    assert_error(response, 422, "invalid_address")


async def test_an_unknown_session_is_not_found(client):
    response = await client.post("/api/v1/messages/send-text", json={"to": TO, "text": "x", "session": "other"})
    assert_error(response, 404, "not_found")


async def test_messages_come_in_pages_that_join_without_gap_or_repetition(client, engine):
    for n in range(7):
        await client.post("/api/v1/messages/send-text", json={"to": TO, "text": str(n)})
    seen, cursor = [], None
    for _ in range(5):
        params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/v1/messages", params=params)).json()
        seen += [message["body"] for message in page["messages"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list("6543210")


async def test_filters_reach_the_archive_in_canonical_form(client):
    await client.post("/api/v1/messages/send-text", json={"to": TO, "text": "one"})
    await client.post("/api/v1/messages/send-text", json={"to": "966500000000", "text": "two"})
    found = await client.get("/api/v1/messages", params={"chat_id": "+966 50 123-4567", "direction": "out"})
    assert [message["body"] for message in found.json()["messages"]] == ["one"]
    found = await client.get("/api/v1/messages", params={"search": "tw", "status": "queued", "session": "default"})
    assert [message["body"] for message in found.json()["messages"]] == ["two"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"direction": "up"}, "direction"),
        ({"status": "lost"}, "status"),
        ({"cursor": "a b"}, "cursor"),
        ({"colour": "red"}, "colour"),
        ({"search": "x" * 201}, "search"),
    ],
)
async def test_a_wrong_filter_is_refused(client, params, field):
    assert_error(await client.get("/api/v1/messages", params=params), 422, "invalid_input", field=field)


async def test_a_filter_by_no_address_is_refused(client):
    assert_error(await client.get("/api/v1/messages", params={"chat_id": "nobody"}), 422, "invalid_address")


async def test_a_message_is_found_by_our_id_and_by_the_providers(client, engine):
    sent = (await client.post("/api/v1/messages/send-text", json=BODIES["send-text"])).json()
    provider = "wamid.HBgM/x+y=="
    engine.archive.all_messages[0] = engine.archive.all_messages[0].model_copy(update={"provider_id": provider})
    for path in (sent["message_id"], "wamid.HBgM%2Fx%2By%3D%3D", "wamid.HBgM/x+y=="):
        found = await client.get(f"/api/v1/messages/{path}")
        assert found.json()["message_id"] == sent["message_id"], path
    assert_error(await client.get("/api/v1/messages/nothing"), 404, "not_found")


async def test_a_message_in_doubt_is_resolved(client, engine):
    sent = (await client.post("/api/v1/messages/send-text", json=BODIES["send-text"])).json()
    path = f"/api/v1/messages/{sent['message_id']}/resolve"
    response = await client.post(path, json={"outcome": "not_sent", "resend": True})
    assert response.json()["message_id"] == sent["message_id"]
    command = engine.commands[-1][0]
    assert (command.outcome, command.resend) == ("not_sent", True)
    assert_error(await client.post(path, json={"outcome": "maybe"}), 422, "invalid_input", field="outcome")
    gone = await client.post("/api/v1/messages/none/resolve", json={"outcome": "sent"})
    assert_error(gone, 404, "not_found")


async def test_chats_and_their_messages(client, engine):
    for to in (TO, "966500000000"):
        await client.post("/api/v1/messages/send-text", json={"to": to, "text": to})
    first = (await client.get("/api/v1/chats", params={"limit": 1})).json()
    second = (await client.get("/api/v1/chats", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert {first["chats"][0]["chat_id"], second["chats"][0]["chat_id"]} == {TO, "966500000000"}
    assert second["next_cursor"] is None
    found = await client.get("/api/v1/chats/+966501234567/messages")
    assert [message["chat_id"] for message in found.json()["messages"]] == [TO]
    assert_error(await client.get("/api/v1/chats/966599999999/messages"), 404, "not_found")
    assert_error(await client.get("/api/v1/chats/nobody/messages"), 422, "invalid_address")


async def test_a_chat_is_paused_and_resumed(client, engine):
    paused = await client.post(f"/api/v1/chats/{TO}@c.us/pause", json={"minutes": 5, "reason": "mine"})
    assert paused.json()["chat_id"] == TO
    assert engine.commands[-1][0].minutes == 5
    assert (await client.post(f"/api/v1/chats/{TO}/resume")).status_code == 200
    bad = await client.post(f"/api/v1/chats/{TO}/pause", json={"minutes": 0})
    assert_error(bad, 422, "invalid_input", field="minutes")
