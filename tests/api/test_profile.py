from __future__ import annotations

import pytest

from tests.api.asserts import assert_error

PATH = "/api/v1/profile"


async def test_what_is_left_out_stays(client):
    assert (await client.get(PATH)).json()["sidebar"] == "auto"
    assert (await client.patch(PATH, json={"name": "نورة", "brand": "text"})).json()["name"] == "نورة"
    changed = (await client.patch(PATH, json={"name": "", "gravatar": True})).json()
    assert (changed["name"], changed["brand"], changed["gravatar"]) == ("", "text", True)
    assert (await client.get(PATH)).json() == changed


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "x" * 61), ("name", "a\x00b"), ("email", "no address"), ("language", "fr"), ("sidebar", "left"),
     ("gravatar", "yes"), ("seen", ["x"] * 101)],
)  # fmt: skip
async def test_what_is_not_valid_changes_nothing(client, field, value):
    before = (await client.get(PATH)).json()
    assert_error(await client.patch(PATH, json={field: value}), 422, "invalid_input")
    assert (await client.get(PATH)).json() == before
