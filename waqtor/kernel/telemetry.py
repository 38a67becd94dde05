"""Counters, gauges and histograms of one engine, readable as Prometheus text and as plain numbers."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Telemetry:
    """The metrics of one engine, on a registry of its own (two engines in one process do not clash)."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.started = time.time()
        r = self.registry
        self.received = Counter("waqtor_messages_received", "Messages taken in.", ["session"], registry=r)
        self.duplicates = Counter("waqtor_messages_duplicate", "Redeliveries refused.", ["session"], registry=r)
        self.sends = Counter("waqtor_sends", "Sends by outcome.", ["session", "outcome"], registry=r)
        self.send_seconds = Histogram(
            "waqtor_send_seconds", "Time of a provider call.", ["session"], buckets=_LATENCY, registry=r
        )
        self.queued = Gauge("waqtor_send_queue", "Sends waiting.", ["session"], registry=r)
        self.decisions = Counter("waqtor_bot_decisions", "Bot decisions.", ["decision", "language"], registry=r)
        self.decision_seconds = Histogram(
            "waqtor_bot_decision_seconds", "Time of a decision.", buckets=_LATENCY, registry=r
        )
        self.commits = Counter("waqtor_store_commits", "Group commits.", registry=r)
        self.writes = Counter("waqtor_store_writes", "Writes that shared them.", registry=r)
        self.commit_seconds = Histogram(
            "waqtor_store_commit_seconds", "Time of a group commit.", buckets=_LATENCY, registry=r
        )
        self.reader_lag = Gauge("waqtor_reader_lag", "Events a reader is behind.", ["reader"], registry=r)
        self.set_aside = Counter("waqtor_reader_set_aside", "Events set aside.", ["reader"], registry=r)
        self.ws_clients = Gauge("waqtor_ws_clients", "Open WebSockets.", registry=r)
        self.ws_frames = Counter("waqtor_ws_frames", "WebSocket frames.", ["direction"], registry=r)
        self.ws_dropped = Counter("waqtor_ws_dropped", "Frames dropped for slow clients.", registry=r)
        self.http = Histogram(
            "waqtor_http_seconds", "HTTP requests.", ["method", "route", "status"], buckets=_LATENCY, registry=r
        )
        self.security = Counter("waqtor_security", "Refused for security.", ["reason"], registry=r)
        self.plugin_failures = Counter("waqtor_plugin_failures", "Failed plugin calls.", ["plugin"], registry=r)
        self.up_since = Gauge("waqtor_start_time_seconds", "Start of the engine.", registry=r)
        self.up_since.set(self.started)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    def values(self) -> dict[str, float]:
        """All samples as ``name{label=value}`` → number."""
        found: dict[str, float] = {}
        for metric in self.registry.collect():
            for sample in metric.samples:
                if sample.name.endswith(("_bucket", "_created")):
                    continue
                labels = ",".join(f"{k}={v}" for k, v in sample.labels.items())
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found
