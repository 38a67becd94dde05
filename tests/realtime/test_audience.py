from __future__ import annotations

import asyncio
import json

import pytest

from tests.realtime.fakes import Bench, message, rule, settle, until
from tests.realtime.raw import EXTENSION, RawClient, client_frame
from tests.realtime.server import LiveServer
from waqtor.contracts.events import Event


def in_step(bench: Bench) -> int:
    return sum(audience.in_step for audience in bench.hub._subscriptions.audiences())


async def subscribed(bench: Bench, *topics: str, **more):
    connection, socket = await bench.join(**more)
    bench.say(connection, {"type": "subscribe", "topics": topics or ["all"]})
    await settle()
    return connection, socket


async def publish(bench: Bench, *events: Event) -> None:
    bench.journal.append_now(*events)
    await until(lambda: bench.hub.position == bench.journal.head)


async def test_clients_fall_in_after_their_first_event_and_what_they_got_is_known() -> None:
    async with Bench() as bench:
        clients = [await subscribed(bench) for _ in range(3)]
        assert in_step(bench) == 0
        await publish(bench, message(1))
        assert in_step(bench) == 3
        await publish(bench, message(2), rule())
        await bench.bus.publish(Event("metrics", "", {"values": {}}, created=1))
        for connection, socket in clients:
            assert socket.offsets() == [1, 2, 3]
            assert socket.frames[-1]["type"] == "metrics"
            assert connection.delivered == 3
            assert connection.sent == len(socket.frames)
        assert [client["sent"] for client in bench.hub.monitor()["clients"]] == [6, 6, 6]
        assert bench.hub.monitor()["messages"]["frames"] == 12


async def test_ephemeral_events_alone_bring_a_client_in_step() -> None:
    async with Bench() as bench:
        await publish(bench, message(1))
        _, socket = await subscribed(bench, "metrics")
        for _ in range(2):
            await bench.bus.publish(Event("metrics", "", {"values": {}}, created=1))
        assert in_step(bench) == 1
        assert len(socket.of("metrics")) == 2


async def test_a_client_that_stands_still_falls_out_alone_and_in_again() -> None:
    async with Bench(ws_buffer_bytes=4096) as bench:
        connection, stuck = await subscribed(bench)
        _, quick = await subscribed(bench)
        await publish(bench, message(1))
        stuck.flowing.clear()
        assert in_step(bench) == 1
        assert connection.delivered == 1
        await publish(bench, *[message(n, "x" * 300) for n in range(20)])
        assert quick.offsets() == list(range(1, 22))
        stuck.flowing.set()
        (gap,) = stuck.of("gap")
        assert stuck.offsets() == list(range(1, gap["data"]["after"] + 1))
        await publish(bench, message(22))
        await publish(bench, message(23))
        assert in_step(bench) == 2
        assert stuck.offsets()[-2:] == [22, 23]
        assert connection.sent == len(stuck.frames)


@pytest.mark.parametrize("names", [["messages"], ["messages", "smartbot"]])
async def test_another_subscription_neither_doubles_nor_skips(names: list[str]) -> None:
    async with Bench() as bench:
        connection, socket = await subscribed(bench, "messages")
        await publish(bench, message(1), message(2))
        bench.say(connection, {"type": "subscribe", "topics": names})
        await publish(bench, message(3), rule())
        bench.say(connection, {"type": "unsubscribe", "topics": ["messages"]})
        await publish(bench, message(5), rule())
        assert socket.offsets() == ([1, 2, 3] if names == ["messages"] else [1, 2, 3, 4, 6])


async def test_a_client_that_recovers_is_passed_by_and_falls_in_afterwards() -> None:
    async with Bench() as bench:
        connection, socket = await subscribed(bench, "messages")
        await publish(bench, *[message(n) for n in range(5)])
        assert in_step(bench) == 1
        since = {"epoch": "epoch-1", "offset": 0}
        bench.say(connection, {"type": "subscribe", "topics": ["smartbot"], "since": since})
        for n in range(200):
            bench.journal.append_now(message(n), rule())
            await asyncio.sleep(0)
        await until(lambda: socket.of("recovered") and socket.offsets()[-1] == bench.journal.head)
        assert socket.offsets() == list(range(1, 406))
        await publish(bench, message())
        assert in_step(bench) == 1


async def test_events_too_large_for_a_socket_that_flows_go_the_careful_way() -> None:
    async with Bench(ws_buffer_bytes=4096) as bench:
        _, socket = await subscribed(bench)
        await publish(bench, message(1))
        audience = bench.hub._subscriptions.audiences()[0]
        seen: list[int] = []
        socket.write, write = lambda chunk: (seen.append(audience.in_step), write(chunk)), socket.write
        await publish(bench, message(2, "x" * 3000))
        await publish(bench, message(3, "x" * 5000))
        await publish(bench, message(4))
        assert socket.offsets() == [1, 2, 3, 4]
        assert seen == [0, 0, 1], "only the small one went the short way"


async def test_batching_clients_are_never_in_step() -> None:
    async with Bench() as bench:
        await subscribed(bench, batch=True)
        await publish(bench, message(1))
        assert in_step(bench) == 0


async def test_a_transport_that_broke_a_moment_ago_stops_nobody() -> None:
    async with Bench() as bench:
        _, broken = await subscribed(bench)
        _, well = await subscribed(bench)

        def write(wire: bytes) -> None:
            raise RuntimeError("the handler is closed")

        broken._take = write
        await publish(bench, message(1))
        await publish(bench, message(2))
        assert well.offsets() == [1, 2]
        assert bench.hub.monitor()["errors"]["total"] == 0


async def test_closing_ends_the_short_way() -> None:
    async with Bench() as bench:
        connection, socket = await subscribed(bench)
        await publish(bench, message(1))
        connection.close(1000, "enough")
        await publish(bench, message(2))
        assert in_step(bench) == 0
        assert socket.offsets() == [1]
        await bench.hub.disconnect(connection)
        assert bench.hub.metrics()["topics"] == {}


@pytest.mark.parametrize("last", [client_frame(b"\x03\xe8", 8), client_frame(b"", 3)], ids=["close", "bad opcode"])
async def test_nothing_follows_a_close_frame(last: bytes) -> None:
    async with LiveServer(Bench(ws_trusted="127.0.0.1")) as server:
        bench = server.bench
        async with await RawClient.open(server.port, "/ws/smartbot") as client:
            await until(lambda: bench.hub.connections and bench.hub.connections[0].names)
            await publish(bench, message(1))
            assert in_step(bench) == 1
            client.writer.write(last)
            await until(lambda: in_step(bench) == 0)
            await publish(bench, message(2))
            offsets = []
            async with asyncio.timeout(10):
                while not client.close_code:
                    _, payload = await client.frame()
                    if not client.close_code:
                        offsets.append(json.loads(payload).get("offset"))
                assert await client.reader.read() == b""
            assert offsets[-1] == 1


async def test_compressed_and_plain_clients_get_the_same() -> None:
    async with LiveServer(Bench(ws_trusted="127.0.0.1")) as server:
        bench = server.bench
        async with (
            await RawClient.open(server.port, "/ws/smartbot", extension=EXTENSION) as small,
            await RawClient.open(server.port, "/ws/smartbot") as plain,
        ):
            await until(lambda: len([c for c in bench.hub.connections if c.names]) == 2)
            for n in range(3):
                await publish(bench, message(n))
            assert in_step(bench) == 1
            for client in (small, plain):
                async with asyncio.timeout(10):
                    got = [await client.frame() for _ in range(5)]
                assert {first for first, _ in got} == {0xC1 if client is small else 0x81}
