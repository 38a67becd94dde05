"""Kept queries on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from waqtor.analytics.saved import SavedQueries
from waqtor.contracts.queries import SaveQuery
from waqtor.errors import Conflict, NotFound
from waqtor.storage.queries import SqlQueries
from waqtor.storage.store import SqlStore


async def test_a_query_is_kept_renamed_and_deleted(store: SqlStore) -> None:
    queries = SavedQueries(SqlQueries(store))
    made = await queries.create(SaveQuery(name="  طلبات اليوم ", sql="SELECT 1", about="daily"))
    assert (made.name, made.sql, made.about, made.builtin) == ("طلبات اليوم", "SELECT 1", "daily", False)
    assert made == await queries.get(made.id)
    changed = await queries.replace(made.id, SaveQuery(name="Orders", sql="SELECT 2"))
    assert (changed.id, changed.name, changed.sql, changed.about, changed.created) == (
        made.id, "Orders", "SELECT 2", "", made.created,
    )  # fmt: skip
    assert changed == await queries.get(made.id)
    await queries.delete(made.id)
    for gone in (queries.get(made.id), queries.delete(made.id), queries.replace(made.id, SaveQuery(name="x", sql="y"))):
        with pytest.raises(NotFound):
            await gone


async def test_the_list_is_by_name_and_ends_with_the_built_in_ones(store: SqlStore) -> None:
    queries = SavedQueries(SqlQueries(store))
    for name in ("b", "A", "c"):
        await queries.create(SaveQuery(name=name, sql="SELECT 1"))
    found = await queries.list()
    assert [query.name for query in found[:3]] == ["A", "b", "c"]
    assert all(query.builtin and query.about for query in found[3:])
    assert (await queries.get("kpis")).builtin


async def test_names_are_unlike_without_their_case(store: SqlStore) -> None:
    queries = SavedQueries(SqlQueries(store))
    first = await queries.create(SaveQuery(name="Orders", sql="SELECT 1"))
    other = await queries.create(SaveQuery(name="Other", sql="SELECT 1"))
    for name in ("ORDERS", " orders ", "KPIs"):
        with pytest.raises(Conflict):
            await queries.create(SaveQuery(name=name, sql="SELECT 2"))
        with pytest.raises(Conflict):
            await queries.replace(other.id, SaveQuery(name=name, sql="SELECT 2"))
    assert (await queries.replace(first.id, SaveQuery(name="ORDERS", sql="SELECT 3"))).name == "ORDERS"


async def test_two_of_a_name_at_once_are_one(store: SqlStore) -> None:
    queries = SavedQueries(SqlQueries(store))
    tries = [queries.create(SaveQuery(name="same", sql=f"SELECT {n}")) for n in range(8)]
    made = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, Conflict) for each in made) == 1
    assert [query.name for query in await queries.list() if not query.builtin] == ["same"]


async def test_built_in_ones_stay(store: SqlStore) -> None:
    queries = SavedQueries(SqlQueries(store))
    for refused in (queries.delete("traffic"), queries.replace("traffic", SaveQuery(name="x", sql="SELECT 1"))):
        with pytest.raises(Conflict, match="part of WaQtor"):
            await refused


async def test_there_is_an_end_to_them(store: SqlStore) -> None:
    queries = SqlQueries(store)
    for n in range(3):
        await queries.create(SaveQuery(name=f"q{n}", sql="SELECT 1"), 3)
    with pytest.raises(Conflict, match="3 saved queries"):
        await queries.create(SaveQuery(name="q3", sql="SELECT 1"), 3)


async def test_nul_can_be_kept(store: SqlStore) -> None:
    queries = SqlQueries(store)
    made = await queries.create(SaveQuery(name="nul", sql="SELECT 'nul \0'"), 9)
    assert (await queries.get(made.id)).sql == "SELECT 'nul \ufffd'"
