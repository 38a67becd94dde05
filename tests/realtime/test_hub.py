from __future__ import annotations

import asyncio
import json

import pytest

from tests.realtime.fakes import Bench, message, rule, session, settle, status, until
from waqtor.contracts.events import Event
from waqtor.kernel.clock import FakeClock
from waqtor.realtime import frames


def ephemeral(kind: str, **data) -> Event:
    return Event(kind, "default", data, created=1)


async def test_welcome_then_states_then_silence_until_subscribed() -> None:
    async with Bench(sessions=[session()]) as bench:
        bench.journal.append_now(message(1))
        connection, socket = await bench.join()
        bench.journal.append_now(message(2))
        await settle()
        assert [f["type"] for f in socket.frames] == ["welcome", "session.status"]
        welcome = socket.frames[0]
        assert set(welcome) == {"type", "topic", "data", "timestamp", "message"}
        assert set(welcome["data"]) == {
            "message",
            "server",
            "protocol",
            "connection",
            "epoch",
            "offset",
            "batch",
            "limits",
        }
        assert (welcome["data"]["server"], welcome["data"]["offset"]) == ("waqtor/test", 1)
        assert "offset" not in socket.frames[1]
        assert connection.names == {}


async def test_the_qr_goes_to_admins_only() -> None:
    async with Bench(sessions=[session(qr="2@secret")]) as bench:
        _, admin = await bench.join()
        reader_connection, reader = await bench.join("messages:read")
        _, sender = await bench.join("messages:send")
        bench.say(reader_connection, {"type": "subscribe", "topics": ["session.qr", "session"]})
        bench.say(reader_connection, {"type": "get_state"})
        await settle()
        await bench.bus.publish(ephemeral("session.qr", qr="2@next", timestamp="t"))
        await settle()
        assert [f["data"]["qr"] for f in admin.of("session.qr")] == ["2@secret"]
        assert [f["type"] for f in reader.frames] == ["welcome", "session.status", "subscribed", "state"]
        assert reader.of("subscribed")[0]["data"]["refused"] == ["session.qr"]
        assert "2@" not in json.dumps(reader.frames)
        assert [f["type"] for f in sender.frames] == ["welcome"]


async def test_names_topics_types_prefixes_all_and_refusals() -> None:
    async with Bench() as bench:
        connection, socket = await bench.join("messages:read")
        asked = ["message.received", "session.*", "campaigns", "nonsense", "all", "webhooks", "all"]
        bench.say(connection, {"type": "subscribe", "topics": asked, "id": "x"})
        await settle()
        answer = socket.of("subscribed")[0]
        assert answer["id"] == "x"
        assert answer["data"]["topics"] == ["message.received", "session.*", "all"]
        assert answer["data"]["refused"] == ["campaigns", "nonsense", "webhooks"]
        bench.journal.append_now(message(), status(), rule())
        await bench.bus.publish(ephemeral("campaign.progress", campaign_id="c", status="running"))
        await settle()
        assert socket.offsets() == [1, 2], "all means all that this key may see, each once"
        bench.say(connection, {"type": "unsubscribe", "events": ["all", "session.*", "never-had"], "id": "y"})
        bench.journal.append_now(status(), message())
        await settle()
        assert socket.of("unsubscribed")[0]["data"] == {"removed": ["all", "session.*"], "topics": ["message.received"]}
        assert socket.offsets() == [1, 2, 5]
        bench.say(connection, {"type": "unsubscribe"})
        bench.journal.append_now(message())
        await settle()
        assert socket.offsets() == [1, 2, 5]
        assert bench.hub.metrics()["topics"] == {}


async def test_ephemeral_events_carry_no_offset_and_journaled_ones_on_the_bus_are_not_doubled() -> None:
    async with Bench() as bench:
        connection, socket = await bench.join()
        bench.say(connection, {"type": "subscribe", "topics": ["all"]})
        event = message(1)
        bench.journal.append_now(event)
        await bench.bus.publish(event)
        await bench.bus.publish(ephemeral("metrics", values={"x": 1}))
        await bench.bus.publish(ephemeral("unknown.type"))
        await settle()
        assert [f["type"] for f in socket.frames[2:]] in (
            ["message.received", "metrics"],
            ["metrics", "message.received"],
        )
        assert "offset" not in socket.of("metrics")[0]
        assert "priority" not in socket.of("message.received")[0]
        bench.journal.append_now(status())
        await settle()
        assert socket.of("session.status")[0]["priority"] == "high"


async def test_one_reading_and_one_writing_for_many(monkeypatch) -> None:
    written = []
    real = frames.event_frame_of
    monkeypatch.setattr(frames, "event_frame_of", lambda event: written.append(event.offset) or real(event))
    async with Bench() as bench:
        sockets = []
        for _ in range(50):
            connection, socket = await bench.join()
            bench.say(connection, {"type": "subscribe", "topics": ["messages"]})
            sockets.append(socket)
        await settle()
        reads = bench.journal.reads
        bench.journal.append_now(*[message(n) for n in range(20)])
        await until(lambda: all(socket.offsets() == list(range(1, 21)) for socket in sockets))
        assert written == list(range(1, 21))
        assert bench.journal.reads - reads <= 3


async def test_a_slow_client_is_told_of_the_gap_and_delays_nobody() -> None:
    async with Bench(ws_buffer_bytes=4096) as bench:
        slow, stuck = await bench.join()
        fast, quick = await bench.join()
        for connection in (slow, fast):
            bench.say(connection, {"type": "subscribe", "topics": ["all"]})
        await settle()
        stuck.flowing.clear()
        for n in range(50):
            bench.journal.append_now(message(n, "x" * 300))
            await settle(20)
        bench.journal.append_now(status())
        await until(lambda: quick.offsets() == list(range(1, 52)))
        assert slow.buffered < 2 * 4096
        assert bench.hub.metrics()["metrics"]["dropped"] > 20
        assert bench.hub.metrics()["buffer"]["overloaded"] == 1
        bench.say(slow, {"type": "ping", "id": "p"})
        stuck.flowing.set()
        await until(lambda: stuck.of("pong"))
        assert "offset" not in stuck.of("pong")[0]["data"], "a client with a gap is not told that it has everything"
        gaps = stuck.of("gap")
        assert len(gaps) == 1
        gap, got = gaps[0]["data"], stuck.offsets()
        assert gaps[0]["priority"] == "high"
        assert got == [*range(1, gap["after"] + 1), 51], "priority frames came, ordinary ones were dropped"
        assert (gap["dropped"], gap["journaled"]) == (50 - gap["after"], 50 - gap["after"])
        assert gap["until"] == 50
        assert gap["recoverable"] is True
        bench.say(slow, {"type": "subscribe", "topics": ["all"], "since": {"epoch": "epoch-1", "offset": gap["after"]}})
        await until(lambda: stuck.of("recovered"))
        assert stuck.offsets()[-(51 - gap["after"]) :] == list(range(gap["after"] + 1, 52))


async def test_only_ephemeral_drops_are_not_recoverable() -> None:
    async with Bench(ws_buffer_bytes=2048) as bench:
        connection, socket = await bench.join()
        bench.say(connection, {"type": "subscribe", "topics": ["metrics"]})
        await settle()
        socket.flowing.clear()
        for n in range(20):
            await bench.bus.publish(ephemeral("metrics", values={"x" * 300: n}))
        socket.flowing.set()
        await until(lambda: socket.of("gap"))
        assert socket.of("gap")[0]["data"]["recoverable"] is False


async def test_over_the_limit_for_too_long_or_full_closes_3008() -> None:
    clock = FakeClock()
    async with Bench(ws_buffer_bytes=4096, clock=clock) as bench:
        long, long_socket = await bench.join()
        full, full_socket = await bench.join()
        healthy, healthy_socket = await bench.join()
        bench.say(long, {"type": "subscribe", "topics": ["messages"]})
        bench.say(full, {"type": "subscribe", "topics": ["session"]})
        bench.say(healthy, {"type": "subscribe", "topics": ["all"]})
        await settle()
        long_socket.flowing.clear()
        full_socket.flowing.clear()
        bench.journal.append_now(*[message(n, "x" * 500) for n in range(30)])
        await settle()
        await clock.advance(29)
        assert long_socket.closed is None
        bench.journal.append_now(*[status("x" * 500) for n in range(30)])
        await settle()
        assert full_socket.closed[0] == 3008
        await clock.advance(2)
        await settle()
        assert long_socket.closed[0] == 3008
        assert healthy_socket.closed is None
        assert len(healthy_socket.offsets()) == 60


async def test_state_and_pong() -> None:
    async with Bench(sessions=[session(qr="2@x")]) as bench:
        connection, socket = await bench.join()
        bench.journal.append_now(rule(), rule())
        bench.say(connection, {"type": "subscribe", "topics": ["messages"]})
        bench.say(connection, {"type": "get_state", "id": "s"})
        await until(lambda: bench.hub.position == 2)
        bench.say(connection, {"type": "ping", "id": "p"})
        await settle()
        state = socket.of("state")[0]
        assert state["id"] == "s"
        assert state["data"]["topics"] == ["messages"]
        assert state["data"]["sessions"][0]["qr"] == "2@x"
        pong = socket.of("pong")[0]
        assert (pong["id"], pong["data"]) == ("p", {"epoch": "epoch-1", "offset": 2})


async def test_an_event_that_json_cannot_write_plainly_is_still_delivered() -> None:
    async with Bench() as bench:
        connection, socket = await bench.join()
        bench.say(connection, {"type": "subscribe", "topics": ["all"]})
        event = message(1, "lone \ud800 surrogate")
        event.data = {**event.data, "n": 2**70}
        bench.journal.append_now(event, message(2))
        await settle()
        assert socket.offsets() == [1, 2]


async def test_broken_sockets_are_forgotten_without_harm() -> None:
    async with Bench() as bench:
        connection, socket = await bench.join()
        _, other = await bench.join(names=["all"])
        bench.say(connection, {"type": "subscribe", "topics": ["all"]})
        await settle()
        connection.lost()
        bench.journal.append_now(message(1), message(2))
        await until(lambda: connection.gone.is_set())
        await bench.hub.disconnect(connection)
        await bench.hub.disconnect(connection)
        await until(lambda: bench.hub.position == 2)
        assert not socket.offsets()
        assert other.offsets() == [1, 2]
        told = bench.hub.metrics()
        assert (told["metrics"]["connections"], told["metrics"]["disconnections"]) == (2, 1)
        assert told["topics"]["message.received"] == 1


async def test_revoked_keys_lose_their_sockets() -> None:
    clock = FakeClock()
    async with Bench(clock=clock) as bench:
        who = await bench.keys.verify("wk_good")
        from tests.realtime.fakes import FakeSocket

        socket = FakeSocket()
        await bench.hub.connect(socket, who, "10.0.0.1")
        _, other = await bench.join()
        bench.keys.revoked.add("wk_good")
        await settle()
        await clock.advance(31)
        await until(lambda: socket.closed)
        assert socket.closed[0] == 1008
        assert socket.frames[-1]["error"]["code"] == "unauthorized"
        assert other.closed is None


async def test_stop_delivers_what_is_queued_then_says_1001() -> None:
    bench = Bench()
    await bench.hub.start()
    connection, socket = await bench.join(names=["all"])
    _, stuck = await bench.join(names=["all"])
    await settle()
    stuck.flowing.clear()
    bench.journal.append_now(*[message(n) for n in range(100)])
    await until(lambda: bench.hub.position == 100)
    async with asyncio.timeout(5):
        await bench.hub.stop("maintenance")
    assert socket.closed == (1001, "maintenance")
    assert socket.offsets() == list(range(1, 101))
    assert stuck.closed == (1001, "maintenance")
    assert not bench.hub.connections
    assert connection.gone.is_set()


async def test_a_failing_tail_recovers_and_misses_nothing() -> None:
    async with Bench() as bench:
        connection, socket = await bench.join(names=["all"])
        read, failures = bench.journal.read, iter([1, 1])

        async def flaky(after, limit):
            if next(failures, None):
                raise OSError("disk hiccup")
            return await read(after, limit)

        bench.journal.read = flaky
        bench.journal.append_now(message(1))
        await until(lambda: socket.offsets() == [1])
        assert bench.hub.monitor()["errors"]["total"] == 2
        assert connection.closing is None


async def test_monitor_has_what_the_protocol_names() -> None:
    async with Bench() as bench:
        await bench.join(names=["session.*"])
        bench.journal.append_now(status())
        await until(lambda: bench.hub.position == 1)
        told = bench.hub.monitor()
        assert {"server", "connections", "messages", "errors", "system", "buffer", "clients"} <= set(told)
        assert told["system"]["memory"]["rss"] > 1_000_000
        client = told["clients"][0]
        assert client["ip"] == "10.0.0.1"
        assert client["subscriptions"] == ["session.*"]
        assert set(bench.hub.metrics()) >= {"metrics", "websocket", "topics", "buffer", "timestamp"}
        json.dumps(told)


@pytest.mark.parametrize("count", [128, 129])
async def test_the_number_of_subscriptions_is_bounded(count: int) -> None:
    from waqtor.realtime import topics

    async with Bench() as bench:
        connection, socket = await bench.join()
        known = sorted(topics._TYPES)
        bench.say(connection, {"type": "subscribe", "topics": (known * 20)[:count]})
        await settle()
        assert bool(socket.of("error")) == (count == 129)
