from __future__ import annotations

from waqtor.kernel.telemetry import Telemetry


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
