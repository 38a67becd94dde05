from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.realtime.fakes import KEY, SECRET, Bench, message, rule, session, status, until
from tests.realtime.server import LiveServer
from waqtor.api.access import Authenticator
from waqtor.api.tickets import TicketStore
from waqtor.kernel.access import Principal
from waqtor.signing import handshake_signature


@asynccontextmanager
async def serving(**more):
    async with LiveServer(Bench(**more)) as server:
        yield server


def keyed(key: str = KEY) -> dict[str, str]:
    return {"X-API-Key": key}


async def frame(socket, *types: str):
    async with asyncio.timeout(5):
        while True:
            got = json.loads(await socket.recv())
            if not types or got["type"] in types:
                return got


async def test_welcome_state_subscribe_live_and_recover() -> None:
    async with serving(sessions=[session()]) as server:
        journal = server.bench.journal
        journal.append_now(message(1), message(2))
        async with connect(f"{server.ws}/ws", additional_headers=keyed()) as socket:
            welcome = await frame(socket)
            assert welcome["type"] == "welcome"
            assert (welcome["data"]["epoch"], welcome["data"]["offset"]) == ("epoch-1", 2)
            state = await frame(socket)
            assert (state["type"], state["data"]["status"], state["snapshot"]) == ("session.status", "ready", True)
            await socket.send(
                json.dumps(
                    {
                        "type": "subscribe",
                        "events": ["message.*"],
                        "id": "a",
                        "since": {"epoch": "epoch-1", "offset": 1},
                    }
                )
            )
            assert (await frame(socket))["data"]["recovered"] is True
            assert (await frame(socket))["offset"] == 2
            assert (await frame(socket))["type"] == "recovered"
            journal.append_now(rule(), message(4, "مرحبا 😀\u202e"))
            got = await frame(socket)
            assert (got["offset"], got["data"]["body"]) == (4, "مرحبا 😀\u202e")
            assert set(got) == {"type", "topic", "session", "data", "timestamp", "id", "offset", "version"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/status", {"session.status"}),
        ("/ws/status", {"session.status"}),
        ("/campaigns", set()),
        ("/ws/smartbot", {"message.received", "smartbot.rule-updated"}),
        ("/smartbot", {"message.received", "smartbot.rule-updated"}),
    ],
)
async def test_paths_are_subscribed_already(path: str, expected: set[str]) -> None:
    async with serving() as server, connect(server.ws + path, additional_headers=keyed()) as socket:
        assert (await frame(socket))["type"] == "welcome"
        assert (await frame(socket))["type"] == "subscribed"
        server.bench.journal.append_now(message(), status(), rule())
        await socket.send('{"type": "ping", "id": "end"}')
        await until(lambda: server.bench.hub.position == 3)
        await socket.send('{"type": "ping", "id": "end2"}')
        seen = set()
        while (got := await frame(socket)).get("id") != "end2":
            seen.add(got["type"])
        assert seen - {"pong"} == expected


async def refused(server, path: str = "/ws", **more) -> tuple[int, dict]:
    with pytest.raises(InvalidStatus) as error:
        async with connect(server.ws + path, **more):
            pass
    response = error.value.response
    return response.status_code, json.loads(response.body)


async def test_refusals_come_before_the_upgrade_in_the_one_shape() -> None:
    async with serving() as server:
        for path, more, code, word in [
            ("/ws", {}, 401, "unauthorized"),
            ("/ws", {"additional_headers": keyed("wrong")}, 401, "unauthorized"),
            ("/ws", {"additional_headers": {"Authorization": "Bearer no"}}, 401, "unauthorized"),
            ("/ws?apiKey=wrong", {}, 401, "unauthorized"),
            ("/ws?ticket=wrong", {}, 403, "forbidden"),
            ("/ws?ticket=wrong", {"origin": "http://127.0.0.1:8501"}, 401, "unauthorized"),
            ("/ws", {"additional_headers": keyed(), "origin": "https://evil.example"}, 403, "forbidden"),
            ("/ws", {"additional_headers": keyed(), "origin": "null"}, 403, "forbidden"),
            ("/ws", {"additional_headers": keyed(), "origin": "http://[::1"}, 403, "forbidden"),
            ("/ws?apiKey=" + KEY + "&ts=1&sig=00", {}, 401, "unauthorized"),
        ]:
            got, body = await refused(server, path, **more)
            assert (got, body["ok"], body["error"]["code"]) == (code, False, word), path
            assert body["error"]["request_id"]
        assert not server.bench.hub.connections
        security = server.bench.hub.monitor()["security"]
        assert security["unauthorized"] >= 5
        assert security["origin"] == 4
        assert security["signature"] == 1


async def test_ways_in() -> None:
    async with serving(ws_require_signature=True) as server:
        server.app.state.tickets = tickets = TicketStore(server.bench.clock)
        ticket = tickets.issue(Principal("id", "page", frozenset({"messages:read"}))).value
        ts = int(time.time() * 1000)
        sig = handshake_signature(SECRET, KEY, ts, "127.0.0.1")
        signed = f"{server.ws}/ws?apiKey={KEY}&ts={ts}&sig={sig}"
        async with connect(signed) as socket:
            assert (await frame(socket))["type"] == "welcome"
        assert (await refused(server, signed.removeprefix(server.ws)))[0] == 401, "a signature is good once"
        assert (await refused(server, f"/ws?apiKey={KEY}"))[0] == 401, "signatures are compulsory here"
        async with connect(f"{server.ws}/ws?ticket={ticket}", origin="http://127.0.0.1:8501") as socket:
            assert (await frame(socket))["type"] == "welcome"
        assert (await refused(server, f"/ws?ticket={ticket}", origin="http://127.0.0.1:8501"))[0] == 401


async def test_guessing_is_throttled_but_a_known_key_is_not() -> None:
    async with serving() as server:
        bench = server.bench
        server.app.state.authenticator = Authenticator(bench.keys, bench.clock, bench.telemetry)
        async with connect(f"{server.ws}/ws", additional_headers=keyed()):
            pass
        codes = [(await refused(server, additional_headers=keyed(f"guess-{n}")))[0] for n in range(25)]
        assert codes[0] == 401
        assert codes[-1] == 429
        async with connect(f"{server.ws}/ws", additional_headers=keyed()):
            pass


async def test_full_and_stopping_servers_say_503() -> None:
    async with serving(ws_max_connections=1) as server:
        async with connect(f"{server.ws}/ws", additional_headers=keyed()):
            assert (await refused(server, additional_headers=keyed()))[0] == 503
        await until(lambda: not server.bench.hub.connections)
        await server.bench.hub.stop()
        assert (await refused(server, additional_headers=keyed()))[0] == 503


async def test_addresses_outside_the_list_are_refused() -> None:
    async with serving(allowed_ips="10.0.0.0/8") as server:
        assert (await refused(server, additional_headers=keyed()))[0] == 403


async def test_binary_big_and_bad_frames() -> None:
    async with serving(ws_trusted="127.0.0.1") as server:
        for sent, code in [(b"\x00", 1003), ("x" * 1_048_576, 1009), ("x" * 3_000_000, 1009)]:
            async with connect(f"{server.ws}/ws", additional_headers=keyed(), max_size=None) as socket:
                with suppress(ConnectionClosed):
                    await socket.send(sent)
                with pytest.raises(ConnectionClosed) as closed:
                    await frame(socket, "never")
                assert closed.value.rcvd.code == code
        async with connect(f"{server.ws}/ws", additional_headers=keyed()) as socket:
            await socket.send("x" * 20_000)
            assert (await frame(socket, "error"))["error"]["code"] == "too_large"
            await socket.send('{"type": "ping", "id": "still here"}')
            assert (await frame(socket, "pong"))["id"] == "still here"


async def test_stop_closes_with_1001_after_delivering() -> None:
    async with serving() as server, connect(f"{server.ws}/ws/smartbot", additional_headers=keyed()) as socket:
        await frame(socket, "subscribed")
        server.bench.journal.append_now(message(1))
        await until(lambda: server.bench.hub.position == 1)
        await server.bench.hub.stop("upgrade in progress")
        assert (await frame(socket, "message.received"))["offset"] == 1
        with pytest.raises(ConnectionClosed) as closed:
            await frame(socket)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "upgrade in progress")


async def test_a_peer_that_vanishes_is_forgotten() -> None:
    async with serving() as server:
        socket = await connect(f"{server.ws}/ws", additional_headers=keyed())
        await frame(socket)
        socket.transport.abort()
        await until(lambda: not server.bench.hub.connections)
        await socket.wait_closed()


async def test_secrets_stay_out_of_the_log() -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("uvicorn.error")
    async with serving() as server:
        logger.addHandler(handler)
        try:
            async with connect(f"{server.ws}/ws?apiKey={KEY}") as socket:
                await frame(socket)
            await refused(server, "/ws?apiKey=wrong-secret")
        finally:
            logger.removeHandler(handler)
    assert any("[accepted]" in line for line in lines)
    assert not [line for line in lines if KEY in line or "wrong-secret" in line or "without completing" in line]
