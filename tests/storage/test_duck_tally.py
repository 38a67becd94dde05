from __future__ import annotations

import asyncio

from waqtor.benchmarks.log import MemoryJournal
from waqtor.kernel.snapshots import Measured
from waqtor.storage import duck_tally
from waqtor.storage.duck_log import DuckLog
from waqtor.storage.duck_tally import Tally

NOW = 1_795_000_000_000_000


def totals(rows):
    return sum(row[6] for row in rows["http_requests"]), sum(row[8] for row in rows["http_requests"])


def test_a_row_each_until_the_limit_then_exact_sums():
    tally = Tally(rows_per_second=10)
    for n in range(1000):
        tally.request(NOW + n, "", "GET", "/a" if n % 2 else "/b", 200, "k", 0.5, 3)
    rows = tally.take()
    assert len(rows["http_requests"]) == 12
    assert totals(rows) == (1000, 3000)
    assert sum(row[7] for row in rows["http_requests"]) == 500.0
    assert tally.take() == {}


def test_each_second_has_its_own_limit_and_frames_count_too():
    tally = Tally(rows_per_second=5)
    for second in range(3):
        for n in range(20):
            tally.frame(NOW + second * 1_000_000 + n, "s", "out", "event", 10, count=2)
    rows = tally.take()["ws_frames"]
    assert len(rows) == 3 * 6
    assert sum(row[4] for row in rows) == 120
    assert sum(row[5] for row in rows) == 600


def test_rows_given_back_are_kept_and_memory_stays_bounded():
    tally = Tally(rows_per_second=10)
    count = 0
    for second in range(2000):
        for n in range(10):
            tally.request(NOW + second * 1_000_000 + n, "", "GET", "/a", 200, "k", 1.0, 1)
            count += 1
        if second % 100 == 0:
            tally.give_back(tally.take())
    rows = tally.take()
    assert totals(rows) == (count, count)
    assert len(rows["http_requests"]) <= 200 + 2000


async def test_the_log_writes_them_without_any_event(tmp_path):
    log = DuckLog(tmp_path / "t.duckdb", MemoryJournal(), flush_ms=20)
    task = asyncio.create_task(log.run())
    await log.settled()
    for n in range(1500):
        log.tally.request(NOW + n, "", "GET", "/x", 200, "k", 1.0, 10)
        log.tally.frame(NOW + n, "default", "out", "event", 7)
    await log.stop()
    await task
    import duckdb

    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT sum(requests), sum(bytes_out) FROM http_requests").fetchall() == [
            (1500, 15000)
        ]
        assert connection.execute("SELECT sum(frames), sum(bytes) FROM ws_frames").fetchall() == [(1500, 10500)]


def test_snapshots_keep_their_session_and_order_and_are_refused_when_full(monkeypatch):
    monkeypatch.setattr(duck_tally, "MOST_MEASURED", 3)
    tally = Tally()
    one = Measured("waqtor_sends_total", '{"outcome":"sent","session":"shop"}', "counter", 5.0, 2.0)
    two = Measured("waqtor_ws_clients", "{}", "gauge", 1.0, None)
    assert tally.snapshot(NOW, NOW - 9, 300.0, [one, two])
    assert not tally.snapshot(NOW + 1, NOW - 9, 300.0, [one, two]), "four numbers do not fit"
    rows = tally.take()
    assert [row[1] for row in rows["metrics"]] == ["shop", ""]
    assert tally.snapshot(NOW + 2, NOW - 9, 300.0, [two])
    tally.give_back(rows)
    assert [row[7] for row in tally.take()["metrics"]] == [5.0, 1.0, 1.0]
