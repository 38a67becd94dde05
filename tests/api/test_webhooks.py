from __future__ import annotations

from tests.api.asserts import assert_error

URL = "https://crm.example.com/hooks/waqtor"


async def made(client, **more):
    response = await client.post("/api/v1/webhooks", json={"url": URL, **more})
    assert response.status_code == 201
    return response.json()["webhook"]


async def test_a_webhook_is_made_read_changed_and_removed(client):
    hook = await made(client, events=["message.received"], headers={"Authorization": "Bearer t"})
    assert hook["events"] == ["message_received"]
    assert hook["secret"].startswith("whsec_")
    assert hook["headers"] == ["Authorization"]
    path = f"/api/v1/webhooks/{hook['id']}"
    seen = (await client.get(path)).json()["webhook"]
    assert seen["secret"] is None
    assert (await client.get("/api/v1/webhooks")).json()["webhooks"] == [seen]
    changed = (await client.patch(path, json={"enabled": False, "timeout": 5000})).json()["webhook"]
    assert (changed["enabled"], changed["timeout_ms"], changed["url"], changed["health"]) == (
        False,
        5000,
        URL,
        "disabled",
    )
    rotated = (await client.post(f"{path}/rotate")).json()["webhook"]
    assert rotated["secret"] != hook["secret"]
    assert rotated["old_secret_until"]
    assert (await client.delete(path)).json() == {"id": hook["id"], "deleted": True}
    assert_error(await client.get(path), 404, "not_found")


async def test_deliveries_are_tested_listed_and_replayed(client):
    path = f"/api/v1/webhooks/{(await made(client))['id']}"
    for _ in range(3):
        detail = (await client.post(f"{path}/test")).json()
        assert detail["delivery"]["state"] == "delivered"
        assert '"event":"test"' in detail["body"]
    page = (await client.get(f"{path}/logs", params={"limit": 2})).json()
    assert len(page["logs"]) == 2
    rest = (await client.get(f"{path}/logs", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert (len(rest["logs"]), rest["next_cursor"]) == (1, None)
    one = (await client.get(f"{path}/logs/{page['logs'][0]['id']}")).json()
    assert one["attempts"][0]["status_code"] == 204
    assert (await client.get(f"{path}/stats", params={"hours": 1})).json()["attempts"] == 0
    again = await client.post(f"{path}/replay", json={"delivery_id": page["logs"][0]["id"]})
    assert again.json()["replayed"] == 1
    assert_error(await client.post(f"{path}/replay", json={"delivery_id": "none"}), 404, "not_found")
    assert_error(await client.get(f"{path}/logs/none"), 404, "not_found")


async def test_bad_webhooks_are_refused(client):
    for body, field in (
        ({"url": "http://10.0.0.1/"}, "url"), ({"url": "http://localhost:1/"}, "url"), ({}, "url"),
        ({"url": URL, "events": ["nothing"]}, "events"), ({"url": URL, "headers": {"host": "x"}}, "headers"),
    ):  # fmt: skip
        assert_error(await client.post("/api/v1/webhooks", json=body), 422, "invalid_input", field=field)


async def test_the_aliases_keep_their_old_bodies(client):
    response = await client.post("/api/webhooks", json={"url": URL, "events": ["message_received"], "secret": ""})
    assert response.status_code == 201
    body = response.json()
    assert body["success"] is True
    assert {"id", "url", "secret", "timeoutMs", "failingSince"} <= set(body["webhook"])
    assert [hook["id"] for hook in (await client.get("/api/webhooks")).json()["webhooks"]] == [body["webhook"]["id"]]
    assert (await client.delete(f"/api/webhooks/{body['webhook']['id']}")).json()["success"] is True


async def test_a_key_without_the_scope_is_refused(engine, connect):
    engine.keys.add("wq_other_0123456789abcdef0123456789", "other", "messages:read")
    response = await connect(engine, "wq_other_0123456789abcdef0123456789").get("/api/v1/webhooks")
    assert_error(response, 403, "forbidden")
