from __future__ import annotations

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.api.asserts import assert_error

PATH = "/api/v1/analytics/queries"
QUERY = {"name": "Orders a day", "sql": "SELECT 1", "about": "for the morning"}


async def test_a_query_is_kept_changed_and_forgotten(client):
    made = await client.post(PATH, json=QUERY)
    assert made.status_code == 201
    place = f"{PATH}/{made.json()['id']}"
    assert (await client.get(place)).json() == made.json()
    changed = (await client.put(place, json={"name": "Orders", "sql": "SELECT 2"})).json()
    assert (changed["name"], changed["sql"], changed["about"]) == ("Orders", "SELECT 2", "")
    listed = (await client.get(PATH)).json()["queries"]
    assert [query["name"] for query in listed if not query["builtin"]] == ["Orders"]
    assert {"kpis", "traffic"} <= {query["id"] for query in listed if query["builtin"]}
    assert (await client.delete(place)).json() == {"id": changed["id"], "deleted": True}
    assert_error(await client.get(place), 404, "not_found")


async def test_names_are_taken_once_and_built_in_ones_stay(client):
    await client.post(PATH, json=QUERY)
    assert_error(await client.post(PATH, json={**QUERY, "name": "orders A day"}), 409, "conflict")
    assert_error(await client.delete(f"{PATH}/kpis"), 409, "conflict")
    assert_error(await client.put(f"{PATH}/kpis", json=QUERY), 409, "conflict")


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "  "}, {"name": "x" * 81}, {"name": "a\nb"}, {"sql": " "}, {"sql": "x" * 100_001},
               {"about": "x" * 301}, {"more": 1}],
)  # fmt: skip
async def test_what_is_not_valid_changes_nothing(client, change):
    assert_error(await client.post(PATH, json={**QUERY, **change}), 422, "invalid_input")
    assert not [query for query in (await client.get(PATH)).json()["queries"] if not query["builtin"]]


async def test_they_need_the_scope_of_queries(engine, connect):
    engine.keys.add("wq_reader_0123456789", "reader", "messages:read")
    assert_error(await connect(engine, "wq_reader_0123456789").get(PATH), 403, "forbidden")


async def test_a_result_as_csv_and_as_parquet(client):
    body = {"sql": "SELECT 1", "format": "csv"}
    sheet = await client.post("/api/v1/analytics/query", json=body)
    assert sheet.headers["content-type"].startswith("text/csv")
    assert sheet.headers["x-waqtor-truncated"] == "0"
    assert len(list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))) == 2
    file = await client.post("/api/v1/analytics/query", json={**body, "format": "parquet"})
    assert pq.read_table(pa.BufferReader(file.content)).to_pydict() == {"n": [1, 2], "body": ["نص", None]}
    refused = await client.post("/api/v1/analytics/query", json={"sql": "DROP TABLE x", "format": "csv"})
    assert_error(refused, 422, "query_refused")
