from __future__ import annotations

import io
import zipfile

import pytest

NUMBER = "966501234567"


async def actions(client, **query):
    return [e["action"] for e in (await client.get("/api/v1/audit", params=query)).json()["entries"]]


async def test_a_consent_is_given_listed_withdrawn_and_remembered(client):
    body = {"contact": f"+{NUMBER}", "source": "نموذج", "at": "2020-01-31T08:00:00Z"}
    made = (await client.post("/api/v1/privacy/consents", json=body)).json()
    assert made == {"contact": NUMBER, "purpose": "marketing", "consents": True, "changed": True}
    assert not (await client.post("/api/v1/privacy/consents", json=body)).json()["changed"]
    (found,) = (await client.get("/api/v1/privacy/consents", params={"contact": NUMBER})).json()["consents"]
    assert (found["source"], found["since"]) == ("نموذج", "2020-01-31T08:00:00.000Z")
    gone = await client.delete("/api/v1/privacy/consents", params={"contact": NUMBER, "source": "call"})
    assert gone.json()["changed"]
    changes = (await client.get("/api/v1/privacy/consents/history", params={"contact": NUMBER})).json()["changes"]
    assert [change["change"] for change in changes] == ["withdrawn", "given"]


async def test_consents_come_in_pages(client):
    for n in range(3):
        await client.post("/api/v1/privacy/consents", json={"contact": f"96650123456{n}", "source": "x"})
    first = (await client.get("/api/v1/privacy/consents", params={"limit": 2})).json()
    rest = await client.get("/api/v1/privacy/consents", params={"limit": 2, "cursor": first["next_cursor"]})
    assert [c["contact"][-1] for c in first["consents"] + rest.json()["consents"]] == ["0", "1", "2"]
    assert rest.json()["next_cursor"] is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_a_list_of_consents_is_imported_and_bad_lines_are_named_without_their_content(client, delimiter):
    lines = [
        ("Phone", "purpose", "at"), (f"+{NUMBER}", "", "2020-01-31T08:00:00Z"), (NUMBER, "", "2020-01-31T08:00:00Z"),
        ("nobody", "", ""), ("966507654321", "Not a purpose", ""), ("966507654322", "news", ""),
        ("966507654323", "", "tomorrow"),
    ]  # fmt: skip
    text = "\ufeff" + "\n".join(delimiter.join(line) for line in lines)
    done = (await client.post("/api/v1/privacy/consents/import", content=text.encode())).json()
    assert (done["given"], done["unchanged"], done["bad"]) == (2, 1, 3)
    assert [issue.split(":")[0] for issue in done["issues"]] == ["line 4", "line 5", "line 7"]
    assert "nobody" not in str(done)
    assert "consent.imported" in await actions(client)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("erase", {"contact": "120363041234567890@g.us"}), ("export", {"contact": "nobody"}), ("erase", {}),
        ("consents", {"contact": NUMBER, "source": "x", "at": "2999-01-01T00:00:00Z"}),
        ("consents", {"contact": NUMBER, "source": "x", "at": "yesterday"}),
        ("consents", {"contact": NUMBER, "source": "x", "purpose": "Marketing!"}),
        ("consents", {"contact": NUMBER}),
    ],
)  # fmt: skip
async def test_bad_input_changes_nothing(client, path, body):
    response = await client.post(f"/api/v1/privacy/{path}", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["error"]["code"] in ("invalid_input", "invalid_address")
    assert await actions(client) == []


async def test_an_export_is_a_zip_whose_name_says_nothing(client):
    response = await client.post("/api/v1/privacy/export", json={"contact": NUMBER})
    assert response.headers["content-type"] == "application/zip"
    assert NUMBER not in response.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as packed:
        assert {"README.txt", "manifest.json", "consent-history.jsonl"} <= set(packed.namelist())
    assert await actions(client) == ["privacy.exported"]


async def test_an_erasure_is_begun_once_and_can_be_watched(client):
    first = await client.post("/api/v1/privacy/erase", json={"contact": NUMBER})
    again = await client.post("/api/v1/privacy/erase", json={"contact": f"00{NUMBER}"})
    assert (first.status_code, first.json()["id"]) == (202, again.json()["id"])
    assert (await client.get(f"/api/v1/privacy/erasures/{first.json()['id']}")).json()["state"] == "running"
    assert (await client.get("/api/v1/privacy/erasures/none")).status_code == 404
    listed = (await client.get("/api/v1/privacy/erasures")).text
    assert NUMBER not in listed


async def test_sensitive_actions_are_written_down_with_who_and_the_request(client):
    made = (await client.post("/api/v1/keys", json={"name": "crm", "scopes": ["messages:send"]})).json()
    hook = await client.post(
        "/api/v1/webhooks", json={"url": "https://crm.example.com/in", "events": ["message_received"]},
        headers={"x-request-id": "req-1"},
    )  # fmt: skip
    await client.post(f"/api/v1/webhooks/{hook.json()['webhook']['id']}/rotate", json={})
    await client.post(f"/api/v1/chats/{NUMBER}/pause", json={})
    await client.delete(f"/api/v1/keys/{made['id']}")
    await client.post("/api/v1/privacy/opt-outs", json={"contact": NUMBER})
    entries = (await client.get("/api/v1/audit")).json()["entries"]
    assert [e["action"] for e in entries] == [
        "contact.opted-out", "key.revoked", "chat.paused", "webhook.rotated", "webhook.created", "key.created",
    ]  # fmt: skip
    by_action = {e["action"]: e for e in entries}
    assert by_action["key.revoked"]["subject"] == by_action["key.created"]["subject"] == made["id"]
    assert by_action["webhook.created"]["request_id"] == "req-1"
    assert by_action["webhook.created"]["subject"] == hook.json()["webhook"]["id"]
    assert by_action["chat.paused"]["subject"].startswith("p:")
    assert all(e["key_name"] == "admin" for e in entries)
    text = str(entries)
    assert NUMBER not in text
    assert made["key"] not in text
    assert await actions(client, contact=NUMBER) == ["contact.opted-out", "chat.paused"]
    assert await actions(client, action="webhook.rotated") == ["webhook.rotated"]


async def test_what_failed_is_not_written_down(client):
    assert (await client.delete("/api/v1/keys/none")).status_code == 404
    assert (await client.post("/api/v1/webhooks", json={"url": "http://10.0.0.1/x"})).status_code >= 400
    assert await actions(client) == []
