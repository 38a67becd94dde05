from __future__ import annotations

import asyncio
import random
import threading
import time
from contextlib import asynccontextmanager

import pytest

from tests.realtime.fakes import KEY, Bench, message, rule, session, status, until
from tests.realtime.server import LiveServer
from waqtor.client import AsyncWaqtorClient, FileCursor, WaqtorClient, stream
from waqtor.contracts.events import Event
from waqtor.errors import ConfigurationError, Forbidden, InvalidInput, Unauthorized


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(stream.EventStream.__init__, "__kwdefaults__", {"delay": lambda attempt: 0.02})


@asynccontextmanager
async def serving(**more):
    async with LiveServer(Bench(**more)) as server:
        yield server


@asynccontextmanager
async def client_of(server, key: str = KEY, **more):
    async with AsyncWaqtorClient(server.url, key, **more) as client:
        yield client


def collect(client, *patterns: str) -> list:
    got: list = []

    @client.on(*(patterns or ("*",)))
    async def take(data, event):
        got.append(event)

    return got


def offsets(got) -> list[int]:
    return [event.offset for event in got if event.offset]


async def test_events_arrive_typed_and_in_order() -> None:
    async with serving(sessions=[session(qr="2@x")]) as server, client_of(server) as client:
        got = collect(client)
        texts: list[str] = []
        client.on("message.received")(lambda data: texts.append(data["body"]))
        await client.start()
        await until(lambda: any(event.type == "connected" for event in got) or server.bench.hub.metrics()["topics"])
        server.bench.journal.append_now(message(1, "مرحبا"), rule(), status())
        await server.bench.bus.publish(Event("metrics", "", {"values": {"x": 1.0}}, created=1))
        await until(lambda: len(offsets(got)) == 3 and any(e.type == "metrics" for e in got))
        assert texts == ["مرحبا"]
        assert offsets(got) == [1, 2, 3]
        first = next(e for e in got if e.offset == 1)
        assert (first.type, first.topic, first.session) == ("message.received", "messages", "default")
        assert first.id
        assert [e.data["qr"] for e in got if e.type == "session.qr"] == ["2@x"]
        assert len([e for e in got if e.type == "session.status"]) == 1, "snapshots are not events"


async def test_nothing_is_lost_or_doubled_over_kills_and_restarts() -> None:
    async with serving() as server, client_of(server) as client:
        got = collect(client, "message.*")
        await client.start()
        await until(lambda: server.bench.hub.metrics()["topics"])
        sent = 0
        for round in range(5):
            for _ in range(20):
                sent += 1
                server.bench.journal.append_now(message(sent), rule(sent))
                await asyncio.sleep(0.001)
            await server.kill()
            for _ in range(10):
                sent += 1
                server.bench.journal.append_now(message(sent))
            if round % 2:
                await asyncio.sleep(0.05)
            await server.start()
        await until(lambda: len(got) >= sent, timeout=10)
        expected = [e.offset for e in server.bench.journal.events if e.type == "message.received"]
        assert offsets(got) == expected
        assert [e.data["message_id"] for e in got] == [f"m{n}" for n in range(1, sent + 1)]


async def test_paged_recovery_longer_than_the_cap_and_the_rate_limit() -> None:
    async with serving(ws_recovery_limit=25, rate_limit_client_messages=5) as server:
        server.bench.journal.append_now(message(0))
        async with client_of(server) as client:
            got = collect(client, "messages")
            await client.start()
            await until(lambda: server.bench.hub.metrics()["topics"])
            await server.kill()
            server.bench.journal.append_now(*[message(n) for n in range(400)])
            await server.start()
            await until(lambda: len(got) == 400, timeout=15)
            assert offsets(got) == list(range(2, 402))


async def test_a_slow_handler_gets_everything_through_gaps(monkeypatch) -> None:
    monkeypatch.setattr(stream, "_QUEUE", 10)
    async with serving(ws_buffer_bytes=20_000) as server, client_of(server) as client:
        got: list[int] = []
        gate = asyncio.Event()

        @client.on("messages")
        async def slowly(data, event):
            await gate.wait()
            got.append(event.offset)

        await client.start()
        await until(lambda: server.bench.hub.metrics()["topics"])
        chance = random.Random(1)
        for n in range(400):
            server.bench.journal.append_now(message(n, chance.randbytes(20_000).hex()))
            await asyncio.sleep(0)
        await until(lambda: server.bench.hub.position == 400)
        assert server.bench.hub.metrics()["metrics"]["dropped"] > 0, "the test must provoke drops"
        gate.set()
        await until(lambda: len(got) == 400, timeout=20)
        assert got == list(range(1, 401))


async def test_the_cursor_file_carries_over_restarts_of_the_process(tmp_path) -> None:
    path = tmp_path / "deep" / "bot.cursor"
    async with serving() as server:
        seen: list[int] = []
        for round in range(4):
            async with client_of(server, cursor=path) as client:
                got = collect(client, "messages")
                await client.start()
                await until(lambda: server.bench.hub.metrics()["topics"])
                server.bench.journal.append_now(message(round), message(round))
                await until(lambda got=got, total=3 * round + 2 - len(seen): len(got) == total)
            seen += offsets(got)
            await until(lambda: not server.bench.hub.connections)
            server.bench.journal.append_now(message(99))
        assert seen == list(range(1, 12))
        assert not list(path.parent.glob("*.tmp"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"epoch": 1, "offset": 1}',
        '{"epoch": "e", "offset": -1}',
        '{"epoch": "e", "offset": "1"}',
        "\x00",
    ],
)
def test_a_foreign_file_is_not_taken_for_a_cursor(tmp_path, content: str) -> None:
    path = tmp_path / "cursor"
    path.write_text(content)
    with pytest.raises(ConfigurationError):
        FileCursor(path).load()
    assert path.read_text() == content


async def test_what_cannot_be_recovered_is_told_and_the_stream_goes_on() -> None:
    async with serving() as server, client_of(server) as client:
        got, gaps = collect(client, "messages"), collect(client, "gap")
        await client.start()
        await until(lambda: server.bench.hub.metrics()["topics"])
        server.bench.journal.append_now(message(1))
        await until(lambda: got)
        await server.kill()
        server.bench.journal.append_now(message(2))
        server.bench.journal.epoch = "epoch-2"
        await server.start()
        await until(lambda: gaps)
        assert gaps[0].data == {"reason": "epoch_changed", "after": 1, "until": 2, "epoch": "epoch-2"}
        server.bench.journal.append_now(message(3))
        await until(lambda: len(got) == 2)
        assert offsets(got) == [1, 3]


async def test_a_failing_handler_hurts_nobody(caplog) -> None:
    async with serving() as server, client_of(server) as client:

        @client.on("message.received")
        async def broken(data):
            raise ValueError("boom")

        got = collect(client, "messages")
        await client.start()
        await until(lambda: server.bench.hub.metrics()["topics"])
        server.bench.journal.append_now(message(1, "private words"), message(2, "private words"))
        await until(lambda: len(got) == 2)
        assert "boom" in caplog.text
        assert "private words" not in caplog.text


async def test_late_handlers_join_the_live_stream() -> None:
    async with serving() as server, client_of(server) as client:
        got = collect(client, "message.received")
        await client.start()
        await until(lambda: server.bench.hub.metrics()["topics"])
        server.bench.journal.append_now(message(1), rule(2))
        await until(lambda: got)
        rules = collect(client, "smartbot")
        await until(lambda: "smartbot.reply" in server.bench.hub.metrics()["topics"])
        server.bench.journal.append_now(message(3), rule(4))
        await until(lambda: rules and len(got) == 2)
        assert (offsets(got), offsets(rules)) == ([1, 3], [4])
        await server.kill()
        server.bench.journal.append_now(rule(5), message(6))
        await server.start()
        await until(lambda: len(rules) == 2 and len(got) == 3)
        assert (offsets(got), offsets(rules)) == ([1, 3, 6], [4, 5])


@pytest.mark.parametrize("pattern", ["message.recieved", "", "nothing.*", "message.", "MESSAGES"])
def test_patterns_that_match_nothing_are_refused(pattern: str) -> None:
    with WaqtorClient("http://127.0.0.1:1", KEY) as client, pytest.raises(InvalidInput):
        client.on(pattern)


async def test_a_wrong_key_ends_it_and_a_revoked_one_too() -> None:
    async with serving() as server:
        async with client_of(server, key="wrong") as client:
            collect(client)
            with pytest.raises(Unauthorized):
                await asyncio.wait_for(client.wait(), 5)
        async with client_of(server) as client:
            got = collect(client, "disconnected")
            await client.start()
            await until(lambda: server.bench.hub.connections)
            server.bench.hub.connections[0].close(1008, "key revoked or expired")
            with pytest.raises(Unauthorized):
                await asyncio.wait_for(client.wait(), 5)
            assert got[0].data == {"code": 1008, "reason": "key revoked or expired", "reconnect": False}


@pytest.mark.parametrize(
    ("code", "again"),
    [(1000, False), (1001, True), (1011, True), (1012, True), (3008, True), (3010, True), (4100, True)],
)
async def test_close_codes_are_honoured(code: int, again: bool) -> None:
    async with serving() as server, client_of(server) as client:
        closed, opened = collect(client, "disconnected"), collect(client, "connected")
        await client.start()
        await until(lambda: opened)
        server.bench.hub.connections[0].close(code, "because")
        await until(lambda: closed)
        assert closed[0].data == {"code": code, "reason": "because", "reconnect": again}
        if again:
            await until(lambda: len(opened) == 2)
        else:
            await asyncio.wait_for(client.wait(), 5)


@pytest.mark.parametrize(
    ("code", "reason", "wait", "error"),
    [
        (1008, "rate limit: too many violations", 30.0, None),
        (1008, "key revoked", 0.0, Unauthorized),
        (1002, "", 0.0, Exception),
        (1003, "", 0.0, Exception),
        (1007, "", 0.0, Exception),
        (1009, "", 0.0, Exception),
        (3500, "", 0.0, Exception),
        (4500, "", 0.0, Exception),
        (None, "", 0.0, None),
        (1006, "", 0.0, None),
    ],
)
def test_what_close_codes_mean(code, reason, wait, error) -> None:
    from waqtor.client.closing import ending_of

    ending = ending_of(code, reason)
    assert ending.wait == wait
    assert (ending.error is None) if error is None else isinstance(ending.error, error)
    assert not ending.done


async def test_the_blocking_client_handles_in_a_thread_and_may_call_back() -> None:
    async with serving() as server:

        @server.app.get("/healthz")
        def healthz():
            return {"status": "ok"}

        got: list = []
        threads: set[str] = set()
        client = WaqtorClient(server.url, KEY)

        @client.on("message.received")
        def on_message(data):
            threads.add(threading.current_thread().name)
            got.append((data["body"], client.status.health()))

        await until(lambda: server.bench.hub.metrics()["topics"])
        server.bench.journal.append_now(*[message(n, str(n)) for n in range(20)])
        await until(lambda: len(got) == 20)
        assert got == [(str(n), {"status": "ok"}) for n in range(20)]
        assert len(threads) == 1
        assert await asyncio.to_thread(client.wait, 0.01) is False
        await asyncio.to_thread(client.close)
        assert not [t for t in threading.enumerate() if t.name.startswith("waqtor")]
        client.close()


async def test_the_blocking_client_can_be_closed_by_a_handler() -> None:
    async with serving() as server:
        client = WaqtorClient(server.url, KEY)
        client.on("connected")(lambda data: client.close())
        await asyncio.wait_for(asyncio.to_thread(client.wait), 5)
        await asyncio.to_thread(client.close)


async def test_an_async_handler_may_close_the_client() -> None:
    async with serving() as server:
        client = AsyncWaqtorClient(server.url, KEY)
        done = asyncio.Event()

        @client.on("connected")
        async def leave(data):
            await client.close()
            done.set()

        await client.start()
        await asyncio.wait_for(done.wait(), 5)
        await until(lambda: not server.bench.hub.connections)


async def test_closing_lets_the_handler_at_work_finish_and_remembers_it(tmp_path) -> None:
    async with serving() as server:
        done: list[int] = []
        for round in range(2):
            client = WaqtorClient(server.url, KEY, cursor=tmp_path / "cursor")
            began = threading.Event()

            @client.on("messages")
            def slowly(data, event, began=began):
                began.set()
                time.sleep(0.2)
                done.append(event.offset)

            await until(lambda: server.bench.hub.metrics()["topics"])
            if round == 0:
                server.bench.journal.append_now(message(1), message(2))
            await asyncio.to_thread(began.wait, 5)
            await asyncio.to_thread(client.close)
            await until(lambda: not server.bench.hub.connections)
        assert done == [1, 2]


async def test_the_blocking_client_reports_refusals_in_wait() -> None:
    async with serving(allowed_ips="10.0.0.0/8") as server:
        client = WaqtorClient(server.url, KEY)
        client.on("*")(print)
        with pytest.raises(Forbidden):
            await asyncio.to_thread(client.wait, 5)
        await asyncio.to_thread(client.close)


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    async with serving() as server:
        await server.kill()
        async with client_of(server) as client:
            got = collect(client, "messages")
            await client.start()
            await asyncio.sleep(0.1)
            await server.start()
            await until(lambda: server.bench.hub.metrics()["topics"])
            server.bench.journal.append_now(message(1))
            await until(lambda: got)
