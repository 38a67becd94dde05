from __future__ import annotations

import asyncio
import random

import pytest

from tests.realtime.fakes import Bench, message, rule, settle, status, until
from waqtor.realtime import recovery


def subscribe(topics, since=None, id="s1", epoch="epoch-1"):
    frame = {"type": "subscribe", "topics": topics, "id": id}
    if since is not None:
        frame["since"] = {"epoch": epoch, "offset": since}
    return frame


async def test_missed_events_come_in_order_then_live() -> None:
    async with Bench() as bench:
        bench.journal.append_now(*[message(n) if n % 2 else rule(n) for n in range(10)])
        connection, socket = await bench.join()
        bench.say(connection, subscribe(["messages"], since=3))
        await until(lambda: socket.of("recovered"))
        bench.journal.append_now(message(99), rule(99))
        await until(lambda: 11 in socket.offsets())
        assert socket.offsets() == [4, 6, 8, 10, 11]
        assert [f["type"] for f in socket.frames] == [
            "welcome",
            "subscribed",
            *["message.received"] * 4,
            "recovered",
            "message.received",
        ]
        assert socket.of("subscribed")[0]["data"] == {
            "topics": ["messages"],
            "refused": [],
            "all": ["messages"],
            "epoch": "epoch-1",
            "recovered": True,
            "offset": 3,
        }
        assert socket.of("recovered")[0]["data"] == {"count": 4, "offset": 10, "more": False, "epoch": "epoch-1"}
        assert socket.of("message.received")[0]["data"]["body"] == "hello"


@pytest.mark.parametrize(
    ("epoch", "offset", "reason"),
    [("other", 5, "epoch_changed"), ("epoch-1", 21, "offset_ahead"), ("epoch-1", 3, "too_old")],
)
async def test_what_cannot_be_recovered_is_said_and_live_goes_on(epoch, offset, reason) -> None:
    async with Bench() as bench:
        bench.journal.append_now(*[message(n) for n in range(20)])
        bench.journal.trim(4)
        connection, socket = await bench.join()
        bench.say(connection, subscribe(["messages"], since=offset, epoch=epoch))
        await until(lambda: socket.of("subscribed"))
        told = socket.of("subscribed")[0]["data"]
        assert (told["recovered"], told["reason"], told["offset"]) == (False, reason, 20)
        bench.journal.append_now(message(20))
        await until(lambda: socket.offsets() == [21])
        assert not socket.of("recovered")


async def test_edges_of_what_is_held_can_be_recovered() -> None:
    async with Bench() as bench:
        bench.journal.append_now(*[message(n) for n in range(20)])
        bench.journal.trim(4)
        for since, expected in ((4, list(range(5, 21))), (20, [])):
            connection, socket = await bench.join()
            bench.say(connection, subscribe(["all"], since=since))
            await until(lambda socket=socket: socket.of("recovered"))
            assert socket.offsets() == expected


async def test_everything_trimmed_is_too_old() -> None:
    async with Bench() as bench:
        bench.journal.append_now(message(1), message(2))
        bench.journal.trim(2)
        connection, socket = await bench.join()
        bench.say(connection, subscribe(["all"], since=1))
        await until(lambda: socket.of("subscribed"))
        assert socket.of("subscribed")[0]["data"]["reason"] == "too_old"


async def test_the_cap_pages_and_the_names_wait_for_the_last_page() -> None:
    async with Bench(ws_recovery_limit=10) as bench:
        bench.journal.append_now(*[message(n) for n in range(25)])
        connection, socket = await bench.join()
        since, pages = 0, 0
        while True:
            pages += 1
            bench.say(connection, subscribe(["messages"], since=since, id=f"p{pages}"))
            await until(lambda pages=pages: len(socket.of("recovered")) == pages)
            told = socket.of("recovered")[-1]["data"]
            since = told["offset"]
            if not told["more"]:
                break
            assert told["count"] == 10
            assert "messages" not in connection.names
            bench.journal.append_now(message(100 + pages))
        bench.journal.append_now(message(999))
        await until(lambda: 28 in socket.offsets())
        assert socket.offsets() == list(range(1, 29))
        assert pages == 3


async def test_other_names_lose_nothing_while_one_is_replayed_or_capped() -> None:
    async with Bench(ws_recovery_limit=5) as bench:
        bench.journal.append_now(*[message(n) for n in range(20)])
        connection, socket = await bench.join()
        bench.say(connection, subscribe(["smartbot"]))
        await settle()
        bench.say(connection, subscribe(["messages"], since=0))
        bench.journal.append_now(rule(1), message(21), rule(2))
        await until(lambda: socket.of("recovered"))
        bench.journal.append_now(rule(3))
        await until(lambda: len(socket.of("smartbot.rule-updated")) == 3)
        await settle()
        assert [f["offset"] for f in socket.of("smartbot.rule-updated")] == [21, 23, 24]
        assert [f["offset"] for f in socket.of("message.received")] == [1, 2, 3, 4, 5]


async def test_trimming_underneath_closes_with_insufficient_state(monkeypatch) -> None:
    monkeypatch.setattr(recovery, "PAGE", 5)
    async with Bench() as bench:
        bench.journal.append_now(*[message(n) for n in range(50)])
        connection, socket = await bench.join()
        read = bench.journal.read

        async def trimming(after, limit):
            found = await read(after, limit)
            if after == 10:
                bench.journal.trim(40)
            return found

        bench.journal.read = trimming
        bench.say(connection, subscribe(["messages"], since=0))
        await until(lambda: socket.closed)
        assert socket.closed[0] == 3010


async def test_a_failing_journal_closes_with_insufficient_state() -> None:
    async with Bench() as bench:
        bench.journal.append_now(message(1))
        connection, socket = await bench.join()

        async def failing(after, limit):
            raise OSError("disk")

        bench.journal.read = failing
        bench.say(connection, subscribe(["messages"], since=0))
        await until(lambda: socket.closed)
        assert socket.closed[0] == 3010


async def test_a_slow_reader_is_paced_not_dropped() -> None:
    async with Bench(ws_buffer_bytes=4096) as bench:
        bench.journal.append_now(*[message(n, "x" * 500) for n in range(200)])
        connection, socket = await bench.join()
        await settle()
        socket.flowing.clear()
        bench.say(connection, subscribe(["messages"], since=0))
        await settle()
        assert connection.buffered < 4096
        socket.flowing.set()
        await until(lambda: socket.of("recovered"))
        assert socket.offsets() == list(range(1, 201))


@pytest.mark.parametrize("seed", range(40))
async def test_every_matching_event_exactly_once_in_order(seed: int, monkeypatch) -> None:
    """Random interleavings of appends, subscribes, drops and reconnects; the client follows the documented rules."""
    chance = random.Random(seed)
    monkeypatch.setattr(recovery, "PAGE", chance.choice([2, 5, 500]))
    async with Bench(
        ws_buffer_bytes=chance.choice([2048, 1 << 20]),
        ws_recovery_limit=chance.choice([3, 7, 1000]),
        ws_trusted="10.0.0.1",
    ) as bench:
        bench.journal.step = chance.choice([1, 3])
        names = chance.choice([["all"], ["messages"], ["message.*", "session.status"], ["smartbot", "session"]])
        bench.journal.append_now(rule())
        client = Client(bench, names, batch=chance.random() < 0.5)
        await client.connect()
        for step in range(chance.randrange(20, 60)):
            action = chance.random()
            if action < 0.6:
                kinds = [message, message, rule, lambda _: status()]
                bench.journal.append_now(*[chance.choice(kinds)(step) for _ in range(chance.randrange(1, 12))])
            elif action < 0.7:
                await client.reconnect()
            elif action < 0.8:
                client.socket.flowing.clear()
            elif action < 0.9:
                client.socket.flowing.set()
            await settle(chance.choice([0, 1, 3, 10, 40]))
            await client.read()
        client.socket.flowing.set()
        matching = [e.offset for e in bench.journal.events if e.type in client.types and e.offset > client.began]

        async def caught_up() -> None:
            async with asyncio.timeout(10):
                while client.got[-1:] != matching[-1:]:
                    await client.read()
                    await asyncio.sleep(0.002)

        if matching:
            await caught_up()
        await settle()
        await client.read()
        assert client.got == matching


class Client:
    """What docs/protocol.md tells clients to do, and no more."""

    def __init__(self, bench, names, *, batch: bool) -> None:
        from waqtor.realtime.topics import types_of

        self.bench, self.names, self.batch = bench, names, batch
        self.types = {kind for name in names for kind in types_of(name)}
        self.seen = None
        self.began = 0
        self.got: list[int] = []
        self.count = 0

    async def connect(self) -> None:
        self.connection, self.socket = await self.bench.join(batch=self.batch)
        self.at, self.in_step = 0, False
        self.subscribe()

    def subscribe(self) -> None:
        self.count += 1
        self.in_step = False
        self.bench.say(self.connection, subscribe(self.names, self.seen, id=f"q{self.count}"))

    async def reconnect(self) -> None:
        await self.bench.hub.disconnect(self.connection)
        self.socket.flowing.set()
        await self.connect()

    async def read(self) -> None:
        while self.at < len(self.socket.frames):
            frame = self.socket.frames[self.at]
            self.at += 1
            mine = frame.get("id") == f"q{self.count}"
            if frame["type"] == "subscribed" and mine:
                self.in_step = True
                if self.seen is None:
                    self.seen = self.began = frame["data"]["offset"]
                else:
                    assert frame["data"]["recovered"] is True
            elif frame["type"] == "recovered" and mine:
                self.seen = frame["data"]["offset"]
                if frame["data"]["more"]:
                    self.subscribe()
            elif frame["type"] == "gap" and self.in_step and frame["data"]["recoverable"]:
                self.subscribe()
            elif "offset" in frame and self.in_step:
                assert frame["offset"] > self.seen, "the server repeated an event"
                self.seen = frame["offset"]
                self.got.append(frame["offset"])
        if self.socket.closed is not None:
            await self.connect()
