"""The engine tells how it does, and what it told is there after a restart."""

from __future__ import annotations

from pathlib import Path

import waqtor
from tests.bootstrap.test_engine import _settings
from waqtor.bootstrap import Engine
from waqtor.bootstrap.statistics import Statistics
from waqtor.contracts.events import Event, check
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import FakeClock
from waqtor.kernel.telemetry import Telemetry


async def test_snapshots_of_two_runs_make_one_history(tmp_path: Path):
    for run in range(2):
        engine = Engine(_settings(tmp_path))
        await engine.start()
        try:
            engine.telemetry.ws_dropped.inc(3 + run)
            assert {"heartbeats", "loop-lag", "metric-snapshots", "statistics", "log-retention"} <= set(
                engine.health()["tasks"]
            )
            values = engine.telemetry.values()
            assert values["waqtor_log_running"] == 1
            assert values["waqtor_journal_offset"] == engine.journal.head
            assert values["waqtor_session_ready{session=default}"] == 0, "there is no simulator"
            assert values[f"waqtor_build_info{{version={waqtor.__version__}}}"] == 1
        finally:
            await engine.stop()
    with waqtor.connect(path=engine.settings.duckdb_file) as log:
        found = log.metrics("waqtor_ws_dropped_total")
        assert list(found["value"]) == [4, 3]
        assert found["added"].sum() == 7
        assert found["started"].nunique() == 2
        assert set(log.metrics("process_*")["kind"]) == {"counter", "gauge"}
        assert len(log.metrics(limit=5)) == 5


async def test_no_snapshots_when_they_are_switched_off(tmp_path: Path):
    engine = Engine(_settings(tmp_path, metrics_interval_s=0))
    await engine.start()
    assert "metric-snapshots" not in engine.health()["tasks"]
    await engine.stop()
    with waqtor.connect(path=engine.settings.duckdb_file) as log:
        assert log.metrics().empty


async def test_statistics_are_told_with_the_rates_of_the_last_minute():
    telemetry, bus, clock, told = Telemetry(), Bus(), FakeClock(), list[Event]()
    bus.subscribe("*", told.append)
    statistics = Statistics(telemetry, bus, clock, lambda: ["default"], 20.0)
    for minute in range(6):
        telemetry.received.labels("default").inc(40 if minute < 3 else 0)
        telemetry.sends.labels("default", "sent").inc(20)
        await clock.advance(20)
        await statistics.tell()
    for event in told:
        check(event)
    stats = [event.data for event in told if event.type == "session.stats"]
    assert [s["received"] for s in stats] == [40, 80, 120, 120, 120, 120]
    assert [s["received_rate"] for s in stats] == [2.0, 2.0, 2.0, 1.333, 0.667, 0.0]
    assert {s["sent_rate"] for s in stats} == {1.0}
    metrics = [event for event in told if event.type == "metrics"]
    assert metrics[-1].data["values"]["waqtor_sends_total{session=default,outcome=sent}"] == 120
