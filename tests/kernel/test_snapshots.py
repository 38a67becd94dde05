from __future__ import annotations

import asyncio
import json
import random

import pytest

from waqtor.kernel.clock import FakeClock
from waqtor.kernel.snapshots import Measured, Snapshots, quantile_of
from waqtor.kernel.telemetry import Telemetry


class Kept:
    """Keeps snapshots, unless told to refuse them."""

    def __init__(self) -> None:
        self.all: list[tuple[int, int, float, dict[tuple[str, str], Measured]]] = []
        self.full = False

    def __call__(self, now: int, started: int, seconds: float, found: list[Measured]) -> bool:
        if self.full:
            return False
        assert len({(m.name, m.labels) for m in found}) == len(found), "a number twice in one snapshot"
        self.all.append((now, started, seconds, {(m.name, m.labels): m for m in found}))
        return True


def make(interval: float = 300.0) -> tuple[Snapshots, Telemetry, FakeClock, Kept]:
    telemetry, clock, kept = Telemetry(), FakeClock(), Kept()
    return Snapshots(telemetry, clock, kept, interval), telemetry, clock, kept


async def test_counters_hold_their_value_and_what_was_added():
    snapshots, telemetry, clock, kept = make()
    telemetry.ws_dropped.inc(3)
    await clock.advance(10)
    assert snapshots.take()
    telemetry.ws_dropped.inc(4)
    await clock.advance(20)
    assert snapshots.take()
    key = ("waqtor_ws_dropped_total", "{}")
    assert [(s[2], s[3][key].value, s[3][key].added) for s in kept.all] == [(10, 3, 3), (20, 7, 4)]
    assert {s[1] for s in kept.all} == {1_700_000_000_000_000}
    assert kept.all[1][0] - kept.all[0][0] == 20_000_000


async def test_a_snapshot_that_found_no_room_is_made_up_for_by_the_next():
    snapshots, telemetry, clock, kept = make()
    for _ in range(3):
        telemetry.ws_dropped.inc()
        await clock.advance(10)
        kept.full = len(kept.all) == 1 and not kept.full
        snapshots.take()
    added = [s[3]["waqtor_ws_dropped_total", "{}"].added for s in kept.all]
    assert (sum(added), sum(s[2] for s in kept.all)) == (3, 30)
    assert added == [1, 2]


async def test_gauges_have_no_increase_and_labels_are_json():
    snapshots, telemetry, _, kept = make()
    telemetry.queued.labels('a "quoted" ١').set(2)
    telemetry.sends.labels("shop", "sent").inc()
    snapshots.take()
    found = kept.all[0][3]
    (gauge,) = (m for m in found.values() if m.name == "waqtor_send_queue")
    assert (gauge.kind, gauge.value, gauge.added) == ("gauge", 2, None)
    assert json.loads(gauge.labels) == {"session": 'a "quoted" ١'}
    assert ("waqtor_sends_total", '{"outcome":"sent","session":"shop"}') in found


async def test_quantiles_are_of_the_time_since_the_last_snapshot():
    snapshots, telemetry, _, kept = make()
    for _ in range(100):
        telemetry.ws_pong_seconds.observe(0.002)
    snapshots.take()
    for _ in range(100):
        telemetry.ws_pong_seconds.observe(0.3)
    snapshots.take()
    snapshots.take()
    key = ("waqtor_ws_pong_seconds", '{"quantile":"0.95"}')
    first, second, third = (s[3].get(key) for s in kept.all)
    assert first is not None
    assert 0.001 <= first.value <= 0.0025
    assert second is not None
    assert 0.25 <= second.value <= 0.5, "the early quick ones count no more"
    assert third is None, "nothing was observed"
    assert kept.all[1][3]["waqtor_ws_pong_seconds_count", "{}"].added == 100
    assert not [m for s in kept.all for m in s[3].values() if m.name.endswith("_bucket")]


async def test_requests_are_left_out_because_they_have_their_own_table():
    snapshots, telemetry, _, kept = make()
    telemetry.http.labels("GET", "/x", "200").observe(0.1)
    snapshots.take()
    assert not [name for name, _ in kept.all[0][3] if name.startswith("waqtor_http_")]
    assert ("process_resident_memory_bytes", "{}") in kept.all[0][3]


async def test_they_are_taken_at_multiples_of_the_interval():
    snapshots, _, clock, kept = make(300.0)
    task = asyncio.create_task(snapshots.run())
    await asyncio.sleep(0)
    await clock.advance(700)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(kept.all) >= 2
    assert all(now % 300_000_000 == 0 for now, *_ in kept.all)


class TestQuantileOf:
    def test_nothing_counted(self):
        assert quantile_of([], 0.5) is None
        assert quantile_of([(1.0, 0.0), (float("inf"), 0.0)], 0.5) is None

    def test_above_the_last_bound_it_is_that_bound(self):
        assert quantile_of([(1.0, 1.0), (float("inf"), 10.0)], 0.95) == 1.0

    def test_between_two_bounds_it_is_spread_evenly(self):
        cumulative = [(1.0, 0.0), (2.0, 10.0), (float("inf"), 10.0)]
        assert quantile_of(cumulative, 0.5) == pytest.approx(1.5)
        assert quantile_of(cumulative, 1.0) == pytest.approx(2.0)

    def test_it_is_within_the_bucket_of_the_true_one(self):
        rng = random.Random(3)
        bounds = (0.001, 0.01, 0.1, 1.0, float("inf"))
        for _ in range(50):
            seen = sorted(rng.uniform(0, 0.9) ** 3 for _ in range(rng.randint(1, 60)))
            cumulative = [(bound, float(sum(value <= bound for value in seen))) for bound in bounds]
            for quantile in (0.5, 0.95, 0.99):
                rank = max(1, -(-len(seen) * quantile // 1))
                true = seen[int(rank) - 1]
                found = quantile_of(cumulative, quantile)
                assert found is not None
                lower = max((b for b in (0.0, *bounds[:-1]) if b < true), default=0.0)
                upper = min(b for b in bounds if b >= true)
                assert lower <= found <= upper
