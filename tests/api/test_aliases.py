from __future__ import annotations

import pytest

from tests.api.asserts import assert_error
from waqtor.api.aliases import camel_name, legacy_body, snake_name, snake_query, target

TO = "966501234567"


@pytest.mark.parametrize(
    ("snake", "camel"),
    [("message_id", "messageId"), ("chat_id", "chatId"), ("is_group", "isGroup"), ("status", "status")],
)
def test_names_go_both_ways(snake, camel):
    assert camel_name(snake) == camel
    assert snake_name(camel) == snake


def test_names_that_are_not_camel_case_stay():
    for name in ("URL", "", "_private", "already_snake", "متى", "X" * 100, "a b", "Big"):
        assert snake_name(name) == name
    assert camel_name("last_qr") == "lastQR"
    assert (snake_name("lastQR"), snake_name("chatID")) == ("last_qr", "chat_id")
    assert camel_name("_private") == "_private"


def test_only_paths_without_version_are_aliases():
    assert target("/api/messages") == "/api/v1/messages"
    for path in ("/api/v1/messages", "/api/v1", "/healthz", "/apimessages", "/api"):
        assert target(path) is None


def test_queries_are_respelled_and_their_values_are_not():
    assert snake_query(b"chatId=a%26b&isGroup=&messageId=chatId") == b"chat_id=a%26b&is_group=&message_id=chatId"


def test_data_inside_a_body_keeps_its_spelling():
    body = {"elapsed_ms": 1, "columns": ["n_rows"], "rows": [[{"a_b": 1}]], "content": {"variables": {"order_id": "1"}}}
    assert legacy_body(body) == {
        "success": True,
        "elapsedMs": 1,
        "columns": ["n_rows"],
        "rows": [[{"a_b": 1}]],
        "content": {"variables": {"order_id": "1"}},
    }


def test_addresses_become_old_ones_and_other_texts_do_not():
    body = legacy_body({"chat_id": TO, "to": "123456@g.us", "from": "hello", "body": TO, "messages": [{"chat_id": TO}]})
    assert body["chatId"] == f"{TO}@c.us"
    assert (body["to"], body["from"], body["body"]) == ("123456@g.us", "hello", TO)
    assert body["messages"] == [{"chatId": f"{TO}@c.us"}]


async def test_a_send_over_the_alias_speaks_the_old_way(client, engine):
    body = {"chatId": f"{TO}@c.us", "text": "مرحبا", "quotedMessageId": "q1"}
    response = await client.post("/api/messages/send-text", json=body, headers={"Idempotency-Key": "k"})
    assert response.status_code == 200
    assert set(response.json()) == {"success", "messageId", "timestamp", "status", "duplicate"}
    assert response.json()["success"] is True
    assert engine.commands[0][0].quoted_message_id == "q1"
    assert engine.commands[0][1].endswith(":k")


async def test_both_spellings_are_taken_on_both_paths(client, engine):
    for path in ("/api/messages/send-text", "/api/v1/messages/send-text"):
        for name in ("quotedMessageId", "quoted_message_id"):
            assert (await client.post(path, json={"to": TO, "text": "x", name: "q"})).status_code == 200
    assert [command.quoted_message_id for command, _ in engine.commands] == ["q"] * 4


async def test_lists_keep_their_old_bodies(client):
    await client.post("/api/messages/send-text", json={"to": TO, "text": "one"})
    found = (await client.get("/api/messages", params={"chatId": f"{TO}@c.us"})).json()
    assert found["success"] is True
    assert found["nextCursor"] is None
    assert found["messages"][0]["chatId"] == f"{TO}@c.us"
    assert found["messages"][0]["isGroup"] is False
    chats = (await client.get("/api/chats")).json()
    assert chats["chats"][0]["chatId"] == f"{TO}@c.us"
    assert chats["chats"][0]["botPaused"] is False


async def test_errors_on_the_alias_also_carry_a_message(client):
    response = await client.post("/api/messages/send-text", json={"to": TO})
    error = assert_error(response, 422, "invalid_input", field="text")
    assert response.json()["message"] == error["message"]
    for path, status in (("/api/messages/none", 404), ("/api/nothing", 404)):
        response = await client.get(path)
        assert response.json()["message"] == assert_error(response, status, "not_found")["message"]
    assert "message" not in (await client.get("/api/v1/messages/none")).json()


async def test_an_alias_needs_a_key_too(engine, connect):
    response = await connect(engine, None).get("/api/messages")
    assert_error(response, 401, "unauthorized")
    assert response.json()["message"]


async def test_rules_keep_their_keys_through_an_alias(client, engine):
    rule = {"id": "hours", "examples": {"en": ["open?"]}, "replies": {"en": [{"text": "Yes", "weight": 2}]}}
    made = await client.post("/api/smartbot/rules", json=rule)
    assert made.status_code == 201
    assert made.json()["rule"]["replies"] == {"en": [{"text": "Yes", "weight": 2}]}
    assert made.headers["etag"] == f'"{made.json()["revision"]}"'


async def test_metrics_have_their_old_names(client):
    body = (await client.get("/api/metrics")).json()
    assert {"connections", "lastQR", "uptimeFormatted"} <= set(body["metrics"])
    assert body["topics"] == {"message.received": 2}
    assert "totalBuffered" in body["buffer"]
    assert set(body["security"]) == {
        "unauthorizedAttempts",
        "rateLimitViolations",
        "invalidOrigins",
        "expiredHandshakes",
        "invalidSignatures",
        "oversizedMessages",
    }
    monitor = (await client.get("/api/ws-monitor")).json()
    assert monitor["clients"] == [{"ip": "127.0.0.1", "lastPing": None, "isAlive": True}]


async def test_aliases_are_not_in_the_document(client):
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert all(path.startswith("/api/v1/") or not path.startswith("/api") for path in paths)
    assert "/api/v1/messages/send-button" not in paths
