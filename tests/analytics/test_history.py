from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from waqtor.analytics.history import Span, series_of, summed
from waqtor.benchmarks.log import MemoryJournal
from waqtor.contracts.views import MetricHistory
from waqtor.errors import InvalidInput
from waqtor.kernel.snapshots import Measured
from waqtor.storage.duck_log import DuckLog

NOON = 1_795_003_200_000_000
"""A multiple of an hour, UTC microseconds."""
SECOND = 1_000_000


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[DuckLog]:
    log = DuckLog(path / "t.duckdb", MemoryJournal(), flush_ms=20)
    task = asyncio.create_task(log.run())
    await log.settled()
    yield log
    await log.stop()
    await task


async def asked(log: DuckLog, span: Span, name: str | None = None, session: str | None = None) -> MetricHistory:
    deadline = asyncio.get_running_loop().time() + 10
    while not (await log.query("SELECT 1 FROM metrics LIMIT 1")).rows:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
    return span.history(await log.query(*span.rows(name, session)), await log.query(*span.starts()))


def counter(value: float, added: float, name: str = "waqtor_ws_frames_total", labels: str = "{}") -> Measured:
    return Measured(name, labels, "counter", value, added)


async def test_rates_are_right_over_a_restart_and_gaps_are_null(tmp_path):
    async with opened(tmp_path) as log:
        first, second = NOON - 900 * SECOND, NOON + 1200 * SECOND + 60 * SECOND
        for n in range(1, 4):  # one process counts to 900
            log.tally.snapshot(NOON + n * 300 * SECOND, first, 300.0, [counter(n * 300.0, 300.0)])
        # killed at 12:15; another begins at 12:21 and counts from zero
        log.tally.snapshot(NOON + 1500 * SECOND, second, 240.0, [counter(120.0, 120.0)])
        log.tally.snapshot(NOON + 1800 * SECOND, second, 300.0, [counter(720.0, 600.0)])
        span = Span(NOON, NOON + 1801 * SECOND, 300.0)
        history = await asked(log, span)
    (series,) = history.series
    assert history.at[0] == "2026-11-18T12:00:00.000Z"
    assert series.values == (1.0, 1.0, 1.0, None, 0.5, 2.0, None)
    assert series.most == (300.0, 600.0, 900.0, None, 120.0, 720.0, None)
    assert series.added == 1620.0
    assert history.restarts == ("2026-11-18T12:21:00Z",)
    assert not history.truncated


async def test_gauges_are_weighed_by_time_and_quantiles_are_the_worst(tmp_path):
    async with opened(tmp_path) as log:
        for at, seconds, clients, lag in ((270, 270.0, 10.0, 0.2), (300, 30.0, 110.0, 0.9)):
            found = [
                Measured("waqtor_ws_clients", "{}", "gauge", clients, None),
                Measured("waqtor_loop_lag_seconds", '{"quantile":"0.95"}', "quantile", lag, None),
            ]
            log.tally.snapshot(NOON + at * SECOND, NOON, seconds, found)
        history = await asked(log, Span(NOON, NOON + 301 * SECOND, 300.0))
    clients = series_of(history, "waqtor_ws_clients")
    lag = series_of(history, "waqtor_loop_lag_seconds", quantile="0.95")
    assert clients is not None
    assert lag is not None
    assert (clients.values[0], clients.most[0], clients.added) == (20.0, 110.0, None)
    assert (lag.values[0], lag.most[0]) == (0.9, 0.9)
    assert series_of(history, "waqtor_loop_lag_seconds", quantile="0.5") is None


async def test_names_and_sessions_are_chosen_and_series_added_up(tmp_path):
    async with opened(tmp_path) as log:
        found = [
            counter(6.0, 6.0, "waqtor_security_total", '{"reason":"rate"}'),
            counter(3.0, 3.0, "waqtor_security_total", '{"reason":"origin"}'),
            counter(9.0, 9.0, "waqtor_sends_total", '{"outcome":"sent","session":"shop"}'),
        ]
        log.tally.snapshot(NOON + 300 * SECOND, NOON, 300.0, found)
        span = Span(NOON, NOON + 301 * SECOND, 300.0)
        security = await asked(log, span, name="waqtor_security")
        shop = await asked(log, span, session="shop")
    assert {s.labels["reason"] for s in security.series} == {"rate", "origin"}
    assert summed(security, "waqtor_security_total") == [0.03, None]
    assert summed(security, "waqtor_security_total", reason="rate") == [0.02, None]
    assert summed(security, "nothing") == [None, None]
    assert [s.name for s in shop.series] == ["waqtor_sends_total"]


class TestSpan:
    def test_left_open_it_is_the_last_day_in_steps_of_the_interval(self):
        span = Span.of(None, None, None, NOON, 300.0)
        assert (span.since, span.until, span.step) == (NOON - 86_400 * SECOND, NOON, 300.0)
        assert len(span.begins) == 288

    @pytest.mark.parametrize(
        ("days", "interval", "step"), [(1 / 24, 300, 300), (1 / 24, 10, 15), (7, 300, 3600), (30, 300, 10_800),
                                       (365, 300, 172_800), (1, 0, 300), (1, 7000, 7200)],
    )  # fmt: skip
    def test_the_width_fits_the_time(self, days: float, interval: float, step: float):
        until = datetime.fromtimestamp(NOON / 1e6, UTC)
        span = Span.of(until - timedelta(days=days), until, None, NOON, interval)
        assert span.step == step
        assert len(span.begins) <= 290

    def test_zones_are_understood(self):
        riyadh = timezone(timedelta(hours=3))
        span = Span.of(datetime(2026, 11, 18, 14, tzinfo=riyadh), datetime(2026, 11, 18, 15, tzinfo=riyadh), 60, 0, 300)
        assert (span.since, span.until) == (NOON - 3600 * SECOND, NOON)

    @pytest.mark.parametrize("hours", [0, -1])
    def test_an_end_before_the_begin_is_refused(self, hours: float):
        until = datetime.fromtimestamp(NOON / 1e6, UTC)
        with pytest.raises(InvalidInput, match="before"):
            Span.of(until, until + timedelta(hours=hours), None, NOON, 300)

    def test_too_many_steps_are_refused(self):
        with pytest.raises(InvalidInput, match="more than 5000"):
            Span.of(None, None, 1.0, NOON, 300.0)
