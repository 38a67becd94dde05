from __future__ import annotations

import asyncio

from tests.realtime.fakes import Bench, message, settle
from waqtor.realtime import heartbeats
from waqtor.realtime.heartbeats import Heartbeats


async def test_every_pong_is_noted_once():
    async with Bench() as bench:
        watch = Heartbeats(lambda: bench.hub.connections, bench.telemetry)
        _, quick = await bench.join()
        _, silent = await bench.join()
        watch.look()
        assert bench.telemetry.values()["waqtor_ws_pong_seconds_count"] == 0
        quick.last_pong, quick.last_ping_rtt = 1_700_000_000_000_000, 0.004
        watch.look()
        watch.look()
        quick.last_pong, quick.last_ping_rtt = 1_700_000_030_000_000, 0.006
        watch.look()
        values = bench.telemetry.values()
        assert values["waqtor_ws_pong_seconds_count"] == 2
        assert round(values["waqtor_ws_pong_seconds_sum"], 6) == 0.01
        assert silent.last_pong == 0
        told = bench.hub.monitor()["clients"]
        assert [client["pong_ms"] for client in told] == [6.0, None]


async def test_gauges_tell_what_is_so_at_the_moment_of_reading():
    async with Bench(ws_buffer_bytes=4096) as bench:
        Heartbeats(lambda: bench.hub.connections, bench.telemetry, lambda: 7)
        connection, slow = await bench.join()
        await bench.join()
        bench.say(connection, {"type": "subscribe", "topics": ["messages"]})
        await settle()
        slow.paused = True
        bench.journal.append_now(*[message(n, body="x" * 500) for n in range(20)])
        await settle()
        values = bench.telemetry.values()
        assert values["waqtor_ws_clients"] == 2
        assert values["waqtor_ws_connections_total"] == 2
        assert 0 < values["waqtor_ws_buffered_bytes"] == values["waqtor_ws_buffered_most_bytes"]
        assert values["waqtor_ws_overloaded"] == 1
        assert values["waqtor_ws_behind"] == 7
        assert values["waqtor_ws_events_total"] == 20
        assert values["waqtor_ws_dropped_total"] > 0
        await bench.hub.disconnect(connection)
        values = bench.telemetry.values()
        assert values["waqtor_ws_buffered_bytes"] == 0
        assert values["waqtor_ws_closes_total{code=1006}"] == 1


async def test_it_looks_by_itself(monkeypatch):
    monkeypatch.setattr(heartbeats, "EVERY_S", 0.01)
    async with Bench() as bench:
        _, socket = await bench.join()
        socket.last_pong, socket.last_ping_rtt = 1, 0.001
        task = asyncio.create_task(Heartbeats(lambda: bench.hub.connections, bench.telemetry).run())
        while not bench.telemetry.values()["waqtor_ws_pong_seconds_count"]:  # the test's time-out ends it
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
