"""The metrics over time, by REST and by the SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.asserts import assert_error
from tests.api.fakes import ADMIN, FakeEngine
from waqtor.benchmarks.log import MemoryJournal
from waqtor.client import AsyncWaqtorClient
from waqtor.kernel.snapshots import Snapshots
from waqtor.storage.duck_log import DuckLog

PATH = "/api/v1/metrics/history"


@pytest.fixture
async def logged(engine: FakeEngine, tmp_path: Path) -> AsyncIterator[FakeEngine]:
    """An engine with a real log that holds twelve snapshots: an hour up to the clock's present."""
    log: Any = DuckLog(tmp_path / "t.duckdb", MemoryJournal(), flush_ms=20)
    snapshots = Snapshots(engine.telemetry, engine.clock, log.tally.snapshot, 300.0)
    for n in range(12):
        engine.telemetry.ws_frames.labels("out").inc(600)
        engine.telemetry.ws_clients.set(n)
        await engine.clock.advance(300)
        snapshots.take()
    await engine.clock.advance(1)
    task = asyncio.create_task(log.run())
    await log.settled()
    while not (await log.query("SELECT 1 FROM metrics LIMIT 1")).rows:  # the test's time-out ends it
        await asyncio.sleep(0.02)
    engine.log = log
    yield engine
    await log.stop()
    await task


async def test_a_day_in_steps_of_the_interval(logged, connect):
    body = (await connect(logged).get(PATH, params={"name": "waqtor_ws_"})).json()
    assert body["step"] == 300
    assert len(body["at"]) in (288, 289)
    frames = next(s for s in body["series"] if s["name"] == "waqtor_ws_frames_total")
    assert frames["labels"] == {"direction": "out"}
    known = [value for value in frames["values"] if value is not None]
    assert known == [2.0] * 12
    assert frames["added"] == 7200
    assert len(frames["values"]) == len(body["at"])
    assert {s["name"][:10] for s in body["series"]} == {"waqtor_ws_"}


async def test_the_sdk_and_the_aliases_give_the_same(logged, connect):
    http = connect(logged)
    async with AsyncWaqtorClient("http://localhost", ADMIN, transport=http._transport) as client:
        history = await client.status.metrics_history(name="waqtor_ws_clients", step=3600)
    (clients,) = history.series
    assert max(value for value in clients.most if value is not None) == 11
    old = (await http.get("/api/metrics/history", params={"name": "waqtor_ws_clients", "step": 3600})).json()
    assert old["series"][0]["name"] == "waqtor_ws_clients"


async def test_nothing_yet_is_no_error(logged, connect):
    body = (await connect(logged).get(PATH, params={"name": "nothing"})).json()
    assert body["series"] == []
    assert body["at"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"step": "0"}, "step"),
        ({"step": "nan"}, "step"),
        ({"nonsense": "1"}, "nonsense"),
        ({"name": "x" * 101}, "name"),
    ],
)
async def test_wrong_questions_are_named(engine, connect, params, field):
    assert_error(await connect(engine).get(PATH, params=params), 422, "invalid_input", field=field)


async def test_impossible_times_are_refused(engine, connect):
    for params in (
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z", "step": "1"},
    ):
        assert_error(await connect(engine).get(PATH, params=params), 422, "invalid_input")


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
async def test_the_far_ends_of_time_do_no_harm(engine, connect, since):
    for params in ({"since": since, "until": "9999-12-31T23:59:59Z"}, {"until": since}, {"since": since}):
        assert_error(await connect(engine).get(PATH, params=params), 422, "invalid_input")


async def test_it_needs_a_key_except_on_this_machine(logged, connect):
    assert (await connect(logged, None).get(PATH)).status_code == 200
    assert_error(await connect(logged, None, address="203.0.113.5").get(PATH), 401, "unauthorized")
