from __future__ import annotations

import pytest

from tests.api.asserts import assert_error
from waqtor.contracts.workbench import MAX_TEXTS

API = "/api/v1/smartbot"


async def test_many_messages_and_an_explanation(client):
    tried = (await client.post(f"{API}/test-many", json={"texts": ["a", "b"]})).json()["tried"]
    assert [t["text"] for t in tried] == ["a", "b"]
    assert_error(await client.post(f"{API}/test-many", json={"texts": ["a"] * (MAX_TEXTS + 1)}), 422, "invalid_input")
    found = (await client.post(f"{API}/explain", json={"text": "hi", "before": {"kind": "git", "ref": "HEAD"}})).json()
    assert found["before"]["text"] == "hi"


@pytest.mark.parametrize("name", ["../x.yaml", "/etc/x.yaml", "a.txt", ".hidden.yaml", "a//b.yaml", "a/../b.yaml"])
async def test_names_that_lead_elsewhere_are_refused(client, name):
    assert_error(await client.get(f"{API}/files/text", params={"name": name}), 422, "invalid_input")
    assert_error(await client.put(f"{API}/files", json={"name": name, "text": "x"}), 422, "invalid_input")


async def test_a_file_is_saved_at_its_revision_only(client):
    view = (await client.get(f"{API}/files/text", params={"name": "custom.yaml"})).json()
    body = {"name": "custom.yaml", "text": "version: 1\n"}
    assert (await client.put(f"{API}/files", json={**body, "revision": view["revision"]})).status_code == 200
    assert_error(await client.put(f"{API}/files", json={**body, "revision": "old"}), 409, "revision_conflict")


@pytest.mark.parametrize("ref", ["--output=x", "a b", "$(x)", ";"])
async def test_a_revision_is_no_option_of_git(client, ref):
    params = {"name": "custom.yaml", "ref": ref}
    assert_error(await client.get(f"{API}/files/diff", params=params), 422, "invalid_input")
    body = {"before": {"kind": "git", "ref": ref}}
    assert_error(await client.post(f"{API}/replays", json=body), 422, "invalid_input")


async def test_a_replay_is_started_read_in_pages_and_cancelled(client):
    started = await client.post(f"{API}/replays")
    assert started.status_code == 201
    path = f"{API}/replays/{started.json()['id']}"
    assert (await client.get(path)).json()["state"] == "running"
    page = (await client.get(f"{path}/changes", params={"limit": 2})).json()
    assert ([c["number"] for c in page["changes"]], page["next_cursor"]) == ([1, 2], "2")
    page = (await client.get(f"{path}/changes", params={"limit": 2, "cursor": "2"})).json()
    assert ([c["number"] for c in page["changes"]], page["next_cursor"]) == ([3], None)
    assert (await client.post(f"{path}/cancel")).status_code == 200
    assert_error(await client.get(f"{API}/replays/none"), 404, "not_found")
