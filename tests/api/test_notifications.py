from __future__ import annotations

from tests.api.asserts import assert_error


async def test_notifications_are_made_listed_marked_and_removed(client):
    made = []
    for title in ("one", "two", "three"):
        response = await client.post("/api/v1/notifications", json={"title": title, "type": "warning"})
        assert response.status_code == 201
        made.append(response.json()["notification"]["id"])
    page = (await client.get("/api/v1/notifications", params={"limit": 2})).json()
    assert ([v["id"] for v in page["notifications"]], page["unread"]) == (made[:0:-1], 3)
    rest = (await client.get("/api/v1/notifications", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [v["id"] for v in rest["notifications"]] == made[:1]
    one = await client.patch(f"/api/v1/notifications/{made[0]}", json={"read": True})
    assert one.json()["notification"]["read"] is True
    assert (await client.get("/api/v1/notifications/count")).json() == {"total": 3, "unread": 2}
    unread = (await client.get("/api/v1/notifications", params={"filter": "unread"})).json()
    assert len(unread["notifications"]) == 2
    assert (await client.post("/api/v1/notifications/read-all")).json() == {"marked": 2, "unread": 0}
    assert (await client.delete(f"/api/v1/notifications/{made[0]}")).json()["deleted"] is True
    assert_error(await client.delete(f"/api/v1/notifications/{made[0]}"), 404, "not_found")


async def test_bad_input_and_preferences(client):
    bad = await client.post("/api/v1/notifications", json={"title": "x", "link": "javascript:alert(1)"})
    assert_error(bad, 422, "invalid_input", field="link")
    assert_error(
        await client.get("/api/v1/notifications", params={"cursor": "x"}), 422, "invalid_input", field="cursor"
    )
    assert (await client.put("/api/v1/notifications/preferences", json={"muted": ["custom"]})).status_code == 200
    assert (await client.get("/api/v1/notifications/preferences")).json() == {"muted": ["custom"]}
    assert (await client.post("/api/v1/notifications", json={"title": "x"})).json() == {"notification": None}


async def test_the_alias_speaks_the_old_way(client):
    await client.post("/api/notifications", json={"title": "x"})
    body = (await client.get("/api/notifications")).json()
    assert (body["success"], body["unread"], body["nextCursor"]) == (True, 1, None)
