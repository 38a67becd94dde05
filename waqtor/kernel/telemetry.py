"""Counters, gauges and histograms of one engine, readable as Prometheus text and as plain numbers.

Names follow Prometheus: base units in the name (``_seconds``, ``_bytes``), counters end in ``_total``.
docs/metrics.md lists them all and is made from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Kind = Literal["counter", "gauge", "histogram"]


class Sample(NamedTuple):
    """One number of one metric, at this moment.

    Attributes:
        name: As in the Prometheus text; a histogram's samples end in ``_bucket``, ``_sum`` and ``_count``.
        labels: Label values by name.
        kind: What the metric is; ``_sum`` and ``_count`` of a histogram count like counters.
        value: The number; counters count from the start of the process.
    """

    name: str
    labels: dict[str, str]
    kind: Kind
    value: float


class Telemetry:
    """The metrics of one engine, on a registry of its own (two engines in one process do not clash)."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, version: str = "") -> None:
        self.registry = CollectorRegistry()
        self.started = time.time()
        self._refreshers: list[Callable[[], None]] = []
        r = self.registry
        self.received = Counter("waqtor_messages_received", "Messages taken in.", ["session"], registry=r)
        self.duplicates = Counter("waqtor_messages_duplicate", "Redeliveries refused.", ["session"], registry=r)
        self.sends = Counter("waqtor_sends", "Sends by outcome.", ["session", "outcome"], registry=r)
        self.send_seconds = Histogram(
            "waqtor_send_seconds", "Time of a provider call, seconds.", ["session"], buckets=_LATENCY, registry=r
        )
        self.queued = Gauge("waqtor_send_queue", "Sends waiting.", ["session"], registry=r)
        self.session_ready = Gauge("waqtor_session_ready", "1 while the session can send.", ["session"], registry=r)
        self.decisions = Counter("waqtor_bot_decisions", "Bot decisions.", ["decision", "language"], registry=r)
        self.decision_seconds = Histogram(
            "waqtor_bot_decision_seconds", "Time of a decision, seconds.", buckets=_LATENCY, registry=r
        )
        self.commits = Counter("waqtor_store_commits", "Group commits.", registry=r)
        self.writes = Counter("waqtor_store_writes", "Writes that shared them.", registry=r)
        self.commit_seconds = Histogram(
            "waqtor_store_commit_seconds", "Time of a group commit, seconds.", buckets=_LATENCY, registry=r
        )
        self.journal_offset = Gauge("waqtor_journal_offset", "Offset of the latest journaled event.", registry=r)
        self.reader_lag = Gauge("waqtor_reader_lag", "Events a reader is behind.", ["reader"], registry=r)
        self.set_aside = Counter("waqtor_reader_set_aside", "Events set aside.", ["reader"], registry=r)
        self.log_lag = Gauge("waqtor_log_lag", "Events the traffic log is behind.", registry=r)
        self.log_running = Gauge("waqtor_log_running", "1 while the traffic log is being written.", registry=r)
        self.ws_clients = Gauge("waqtor_ws_clients", "Open WebSockets.", registry=r)
        self.ws_dead = Gauge("waqtor_ws_dead", "Open WebSockets that do not answer pings.", registry=r)
        self.ws_overloaded = Gauge("waqtor_ws_overloaded", "Clients that are owed a gap notice.", registry=r)
        self.ws_connections = Counter("waqtor_ws_connections", "WebSockets opened.", registry=r)
        self.ws_closes = Counter("waqtor_ws_closes", "WebSockets closed, by close code.", ["code"], registry=r)
        self.ws_events = Counter("waqtor_ws_events", "Events handed to the hub's clients.", registry=r)
        self.ws_frames = Counter("waqtor_ws_frames", "WebSocket frames.", ["direction"], registry=r)
        self.ws_bytes = Counter(
            "waqtor_ws_bytes", "Bytes of WebSocket frames: in as text, out as they go over the network.", ["direction"],
            registry=r,
        )  # fmt: skip
        self.ws_dropped = Counter("waqtor_ws_dropped", "Frames dropped for slow clients.", registry=r)
        self.ws_errors = Counter("waqtor_ws_errors", "Faults inside the hub.", registry=r)
        self.ws_buffered = Gauge("waqtor_ws_buffered_bytes", "Bytes that wait for clients to read.", registry=r)
        self.ws_buffered_most = Gauge(
            "waqtor_ws_buffered_most_bytes", "Bytes that wait for the client with the longest backlog.", registry=r
        )
        self.ws_behind = Gauge("waqtor_ws_behind", "Journaled events not yet handed to the clients.", registry=r)
        self.ws_pong_seconds = Histogram(
            "waqtor_ws_pong_seconds", "From a ping to its pong, seconds.", buckets=_LATENCY, registry=r
        )
        self.loop_lag_seconds = Histogram(
            "waqtor_loop_lag_seconds", "How late the event loop runs a timer, seconds.", buckets=_LATENCY, registry=r
        )
        self.http = Histogram(
            "waqtor_http_seconds", "HTTP requests, seconds.", ["method", "route", "status"], buckets=_LATENCY,
            registry=r,
        )  # fmt: skip
        self.security = Counter("waqtor_security", "Refused for security.", ["reason"], registry=r)
        self.plugin_failures = Counter("waqtor_plugin_failures", "Failed plugin calls.", ["plugin"], registry=r)
        self.up_since = Gauge("waqtor_start_time_seconds", "Start of the engine, seconds since 1970.", registry=r)
        self.up_since.set(self.started)
        Info("waqtor_build", "The version that runs.", registry=r).info({"version": version})
        ProcessCollector(registry=r)

    def refresh(self, refresher: Callable[[], None]) -> None:
        """Have ``refresher`` set its gauges before every reading; it must be quick and must not wait."""
        self._refreshers.append(refresher)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        self._refresh()
        return generate_latest(self.registry)

    def samples(self) -> Iterator[Sample]:
        """All numbers there are, buckets included."""
        self._refresh()
        for metric in self.registry.collect():
            kind: Kind = "gauge"
            if metric.type in ("counter", "histogram"):
                kind = metric.type  # type: ignore[assignment]
            for sample in metric.samples:
                if not sample.name.endswith("_created"):
                    yield Sample(sample.name, dict(sample.labels), kind, sample.value)

    def values(self) -> dict[str, float]:
        """All samples but buckets as ``name{label=value}`` → number."""
        found: dict[str, float] = {}
        for name, labels, _, value in self.samples():
            if not name.endswith("_bucket"):
                written = ",".join(f"{k}={v}" for k, v in labels.items())
                found[f"{name}{{{written}}}" if written else name] = value
        return found

    def _refresh(self) -> None:
        for refresher in self._refreshers:
            refresher()
