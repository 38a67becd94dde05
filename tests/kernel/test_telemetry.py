from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from waqtor.kernel.telemetry import Telemetry

ROOT = Path(__file__).resolve().parents[2]


def test_two_engines_in_one_process_count_apart():
    one, two = Telemetry(), Telemetry()
    one.received.labels("default").inc(3)
    assert one.values()["waqtor_messages_received_total{session=default}"] == 3
    assert "waqtor_messages_received_total{session=default}" not in two.values()


def test_values_are_plain_numbers_without_buckets():
    telemetry = Telemetry()
    telemetry.send_seconds.labels("default").observe(0.02)
    values = telemetry.values()
    assert values["waqtor_send_seconds_count{session=default}"] == 1
    assert not [name for name in values if "_bucket" in name or "_created" in name]
    assert b"waqtor_send_seconds_bucket" in telemetry.text()


def test_gauges_are_refreshed_before_every_reading():
    telemetry = Telemetry()
    seen = iter(range(1, 100))
    telemetry.refresh(lambda: telemetry.ws_behind.set(next(seen)))
    assert telemetry.values()["waqtor_ws_behind"] == 1
    assert b"waqtor_ws_behind 2.0" in telemetry.text()


class TestExposition:
    """``/metrics`` by Prometheus' own parser, and its naming rules."""

    def families(self):
        telemetry = Telemetry("1.2.3")
        telemetry.received.labels('a "quoted"\\ name\nof ١٢').inc()
        telemetry.http.labels("GET", "/x", "200").observe(0.02)
        return telemetry, list(text_string_to_metric_families(telemetry.text().decode()))

    def test_it_parses_and_odd_label_values_come_through(self):
        telemetry, families = self.families()
        names = {family.name for family in families}
        for metric in telemetry.registry.collect():
            assert metric.name + ("_info" if metric.type == "info" else "") in names
        (received,) = (f for f in families if f.name == "waqtor_messages_received")
        assert received.samples[0].labels == {"session": 'a "quoted"\\ name\nof ١٢'}

    def test_each_has_help_and_type_and_a_name_by_the_rules(self):
        _, families = self.families()
        assert len({family.name for family in families}) == len(families)
        for family in families:
            if family.name.endswith("_created"):
                continue
            assert family.documentation, family.name
            assert family.type in {"counter", "gauge", "histogram"}, family.name
            assert re.fullmatch(r"(waqtor|process)_[a-z_]+", family.name)
            assert "_ms" not in family.name
            if family.type == "histogram":
                assert family.name.endswith(("_seconds", "_bytes")), family.name
            for sample in family.samples:
                if family.type == "counter":
                    assert sample.name.endswith("_total"), sample.name
                assert set(sample.labels) <= {
                    "session", "outcome", "decision", "language", "reader", "direction", "method", "route", "status",
                    "reason", "plugin", "code", "version", "le",
                }  # fmt: skip

    def test_each_is_documented(self):
        _, families = self.families()
        page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
        for family in families:
            if family.name.startswith("waqtor_") and not family.name.endswith("_created"):
                name = family.name + ("_total" if family.type == "counter" else "")
                assert f"| `{name}` |" in page, name
                assert family.name == "waqtor_build_info" or family.documentation in page
