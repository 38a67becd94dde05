"""Watching the engine: gauges, heartbeats, the event loop's lag, statistics, snapshots, and the log's retention."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from waqtor.bootstrap.statistics import Statistics
from waqtor.kernel import looplag
from waqtor.kernel.snapshots import Snapshots
from waqtor.realtime.heartbeats import Heartbeats
from waqtor.storage.duck_retention import Retention

if TYPE_CHECKING:
    from waqtor.bootstrap.engine import Engine


class Monitoring:
    """What looks at an engine from beside it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        settings = engine.settings
        self._retention = Retention(settings.log_days, {"metrics": settings.metrics_days})
        self._heartbeats = Heartbeats(lambda: engine.hub.connections, engine.telemetry, self._behind)
        self._snapshots = Snapshots(
            engine.telemetry, engine.clock, engine.log.tally.snapshot, settings.metrics_interval_s or 300.0
        )
        self._statistics = Statistics(
            engine.telemetry, engine.bus, engine.clock, lambda: [view.session for view in engine.sessions()],
            settings.ws_stats_interval_ms / 1000,
        )  # fmt: skip
        engine.telemetry.refresh(self._gauge)

    def tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to be supervised, by name."""
        engine = self._engine
        found: dict[str, Callable[[], Awaitable[None]]] = {
            "heartbeats": self._heartbeats.run,
            "loop-lag": partial(looplag.watch, engine.telemetry),
            "statistics": self._statistics.run,
            "log-retention": partial(engine.log.keep_trimmed, self._retention, engine.clock),
        }
        if engine.settings.metrics_interval_s:
            found["metric-snapshots"] = self._snapshots.run
        return found

    def last(self) -> None:
        """Take the last snapshot, so that what was counted since the one before is not lost by stopping."""
        if self._engine.settings.metrics_interval_s:
            self._snapshots.take()

    def _behind(self) -> int:
        hub, journal = self._engine.hub, self._engine.journal
        return max(0, journal.head - hub.position) if hub.connections else 0

    def _gauge(self) -> None:
        telemetry, engine = self._engine.telemetry, self._engine
        telemetry.journal_offset.set(engine.journal.head)
        status = engine.log.status()
        telemetry.log_lag.set(status.lag)
        telemetry.log_running.set(status.ok)
        for view in engine.sessions():
            telemetry.session_ready.labels(view.session).set(view.status == "ready")
