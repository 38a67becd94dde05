from __future__ import annotations

import socket
from pathlib import Path

import pytest

from waqtor.benchmarks.hooks import black_hole, run


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_delivery_is_counted_and_the_dead_endpoint_is_dead(tmp_path: Path) -> None:
    found = run(deliveries=1000, concurrency=16, seconds=2.2, keep=tmp_path)
    by_peer = {(item["peer"], item["unit"]): item for item in found}
    for unit in ("deliveries/s", "deliveries/CPU-s"):
        own = by_peer["aiohttp alone", unit]
        assert own["value"] > 100
        assert own["ratio"] == pytest.approx(own["value"] / own["peer_value"], abs=1e-3)
        assert ("Node, one POST after another", unit) in by_peer
    assert by_peer["aiohttp alone", "deliveries/CPU-s"]["floor"] == 0.5
    dead = found[-1]
    assert dead["timeouts_of_the_dead"] > 0
    assert dead["events"] > 300
    assert dead["ok"] == (dead["ratio"] <= 1.1)


def test_connecting_to_the_black_hole_hangs() -> None:
    with black_hole() as url, socket.socket() as probe:
        probe.settimeout(0.3)
        with pytest.raises(TimeoutError):
            probe.connect(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))))
