from __future__ import annotations

import ast
import asyncio
import inspect
import json
import textwrap
import zlib

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from tests.realtime.fakes import KEY, Bench, message, status, until
from tests.realtime.raw import EXTENSION, RawClient, client_frame
from tests.realtime.server import LiveServer
from waqtor.api import hubsocket
from waqtor.api.hubsocket import MOST_FRAGMENTS, HubSocket, hub_socket


def of_uvicorn() -> set[str]:
    """The attributes of uvicorn's protocol that the socket uses and does not make itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(HubSocket)))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    own = {name for name in vars(HubSocket) if not hasattr(WebSocketsSansIOProtocol, name)}
    return used - own - {"paused", "last_pong", "_listener", "_deflate"}


def test_uvicorn_has_what_the_socket_relies_on() -> None:
    config = uvicorn.Config(lambda: None, ws=hub_socket(Bench().settings), lifespan="off")
    config.load()

    async def make() -> WebSocketsSansIOProtocol:
        return WebSocketsSansIOProtocol(config, ServerState(), {})

    plain = asyncio.run(make())
    missing = {name for name in of_uvicorn() if not hasattr(plain, name)}
    assert missing == {"scope"}, "handle_connect sets the scope, nothing else may come later"
    for name, method in vars(HubSocket).items():
        if inspect.isfunction(method) and not name.startswith("__") and hasattr(WebSocketsSansIOProtocol, name):
            base = inspect.signature(getattr(WebSocketsSansIOProtocol, name))
            assert list(inspect.signature(method).parameters) == list(base.parameters), name
    source = inspect.getsource(WebSocketsSansIOProtocol)
    for called in ("self.send_receive_event_to_app()", "self.handle_ping()", "self.handle_pong(event)",
                   "self.handle_close(event)", "self.handle_parser_exception()",
                   "self.keepalive_timeout)", "self.loop.create_task(self.run_asgi())"):  # fmt: skip
        assert called in source, f"uvicorn no longer calls {called}"


@pytest.fixture
async def server():
    async with LiveServer(Bench(ws_trusted="127.0.0.1")) as found:
        yield found


def events(count: int, size: int = 300) -> list:
    return [message(n, "x" * size) for n in range(count)]


async def test_frames_of_every_length_arrive_as_they_were_written(server) -> None:
    sizes = [1, 100, 125, 126, 127, 1000, 65_535, 65_536, 70_000]
    async with connect(f"{server.ws}/ws/smartbot", additional_headers={"X-API-Key": KEY}, compression=None) as socket:
        bodies = ["ب" * (size // 2) for size in sizes]
        await until(lambda: server.bench.hub.connections and server.bench.hub.connections[0].names)
        server.bench.journal.append_now(*[message(n, body) for n, body in enumerate(bodies)])
        got = []
        async with asyncio.timeout(30):
            while len(got) < len(sizes):
                frame = json.loads(await socket.recv())
                if frame["type"] == "message.received":
                    got.append(frame["data"]["body"])
        assert got == bodies


async def test_events_of_one_moment_leave_in_one_piece(server, monkeypatch) -> None:
    pieces: list[int] = []
    write = HubSocket.write
    monkeypatch.setattr(HubSocket, "write", lambda self, chunk: pieces.append(len(chunk.frames)) or write(self, chunk))
    async with await RawClient.open(server.port, "/ws/smartbot"):
        await until(lambda: server.bench.hub.connections and server.bench.hub.connections[0].names)
        pieces.clear()
        server.bench.journal.append_now(*events(20))
        await until(lambda: sum(pieces) == 20)
        assert pieces == [20]


async def test_context_is_kept_so_that_small_frames_shrink_too(server) -> None:
    async with await RawClient.open(server.port, "/ws/smartbot", extension=EXTENSION) as client:
        assert b"permessage-deflate" in client.head
        inflate = zlib.decompressobj(-12)
        texts, wire = [], 0
        server.bench.journal.append_now(*events(50, 20))
        async with asyncio.timeout(30):
            while len(texts) < 52:
                first, payload = await client.frame()
                assert first == 0xC1
                wire += len(payload)
                texts.append(inflate.decompress(payload + b"\x00\x00\xff\xff"))
        plain = sum(map(len, texts))
        assert [json.loads(text)["offset"] for text in texts[2:]] == list(range(1, 51))
        assert wire < 0.3 * plain
        assert server.bench.hub.connections[0].socket.compressed


async def test_without_context_only_large_frames_are_compressed(server) -> None:
    extension = EXTENSION + "; server_no_context_takeover"
    async with await RawClient.open(server.port, "/ws/smartbot", extension=extension) as client:
        await until(lambda: server.bench.hub.connections and server.bench.hub.connections[0].names)
        server.bench.journal.append_now(message(1, "small"), message(2, "large " * 500))
        kinds = {}
        async with asyncio.timeout(30):
            while len(kinds) < 2:
                first, payload = await client.frame()
                text = payload if first == 0x81 else zlib.decompressobj(-12).decompress(payload + b"\x00\x00\xff\xff")
                frame = json.loads(text)
                if "offset" in frame:
                    kinds[frame["offset"]] = first
        assert kinds == {1: 0x81, 2: 0xC1}


async def test_a_client_that_never_reads_is_bounded_told_and_recovers_while_others_get_everything(server) -> None:
    bench, sent = server.bench, 0
    async with (
        await RawClient.open(server.port, "/ws/smartbot", receive_buffer=4096) as stuck,
        connect(f"{server.ws}/ws/smartbot", additional_headers={"X-API-Key": KEY}, max_queue=None) as healthy,
    ):
        await until(lambda: len(bench.hub.connections) == 2)
        slow = next(
            c for c in bench.hub.connections if c.socket.client[1] == stuck.writer.get_extra_info("sockname")[1]
        )
        seen: list[int] = []

        async def read() -> None:
            async for text in healthy:
                seen.extend([frame["offset"]] if "offset" in (frame := json.loads(text)) else [])

        reading = asyncio.create_task(read())
        highest = 0
        while not slow.behind:
            bench.journal.append_now(*events(100, 1000))
            sent += 100
            await until(lambda: bench.hub.position == sent, 30)  # noqa: B023
            highest = max(highest, slow.buffered)
            assert sent < 20_000
        bench.journal.append_now(*events(500, 1000))
        sent += 500
        await until(lambda: seen and seen[-1] == sent, 30)
        assert highest <= 524_288 + 70_000
        assert slow.buffered <= 524_288 + 70_000
        assert bench.hub.metrics()["metrics"]["dropped"] >= 500
        await until(lambda: bench.telemetry.values()["waqtor_ws_dropped_total"] >= 500)
        got: list[int] = []
        gap = None
        async with asyncio.timeout(60):
            while gap is None:
                _, payload = await stuck.frame()
                frame = json.loads(payload)
                if frame["type"] == "gap":
                    gap = frame["data"]
                elif frame["type"] == "message.received":
                    got.append(frame["offset"])
            assert got == list(range(1, gap["after"] + 1))
            since = {"type": "subscribe", "topics": ["messages"], "since": {"epoch": "epoch-1", "offset": got[-1]}}
            stuck.writer.write(client_frame(json.dumps(since).encode()))
            while got[-1] < sent:
                frame = json.loads((await stuck.frame())[1])
                if "offset" in frame:
                    got.append(frame["offset"])
        assert got == list(range(1, sent + 1))
        assert [o for o in seen if o] == list(range(1, sent + 1))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_priority_beyond_the_hard_limit_closes_with_3008(server, monkeypatch) -> None:
    monkeypatch.setattr(hubsocket, "CLOSE_S", 0.5)
    bench = server.bench
    async with await RawClient.open(server.port, "/ws/status", receive_buffer=4096) as stuck:
        await until(lambda: bench.hub.connections and bench.hub.connections[0].names)
        for _ in range(400):
            bench.journal.append_now(*[status("x" * 50_000)])
            await asyncio.sleep(0)
            if not bench.hub.connections:
                break
        await until(lambda: not bench.hub.connections, 30)
        assert bench.hub.metrics()["closes"] == {"3008": 1}
        assert await stuck.ended() in {3008, 0}, (
            "the close frame comes as soon as the peer has read what was on its way"
        )


async def test_silent_peers_are_cut_off_without_a_word_and_living_ones_are_not() -> None:
    async with LiveServer(Bench(ws_heartbeat_ms=200)) as server:
        hub = server.bench.hub
        async with (
            await RawClient.open(server.port) as silent,
            connect(f"{server.ws}/ws", additional_headers={"X-API-Key": KEY}, ping_interval=None),
        ):
            await until(lambda: len(hub.connections) == 2)
            assert await silent.ended() == 0
            await until(lambda: len(hub.connections) == 1, 30)
            assert hub.metrics()["closes"] == {"1006": 1}
            living = hub.connections[0].socket
            await until(lambda: living.last_pong > 0, 30)
            assert hub.monitor()["clients"][0]["last_pong"].endswith("Z")
            assert hub.monitor()["connections"]["alive"] == 1


async def test_a_ping_flood_of_a_peer_that_does_not_read_costs_no_memory(server) -> None:
    async with await RawClient.open(server.port, receive_buffer=4096) as client:
        await until(lambda: server.bench.hub.connections)
        socket = server.bench.hub.connections[0].socket
        flood = client_frame(b"x" * 125, 9) * 1000
        for _ in range(30):
            client.writer.write(flood)
            await client.writer.drain()
            await asyncio.sleep(0)
        await until(lambda: socket.paused, 30)
        assert socket.waiting < 400_000


@pytest.mark.parametrize("extra", [0, 1])
async def test_fragments_are_put_together_up_to_a_number(server, extra: int) -> None:
    text = b'{"type": "ping", "id": "%s"}' % (b"x" * 40)
    pad = MOST_FRAGMENTS - len(text) + extra
    async with await RawClient.open(server.port) as client:
        parts = [bytes([byte]) for byte in text[:-1]] + [b""] * pad
        client.writer.write(client_frame(parts[0], fin=False))
        for part in parts[1:]:
            client.writer.write(client_frame(part, 0, fin=False))
        client.writer.write(client_frame(text[-1:], 0))
        if extra:
            assert await client.ended() == 1009
            await until(lambda: server.bench.hub.monitor()["security"]["oversized"] == 1)
        else:
            while json.loads((await client.frame())[1])["type"] != "pong":
                pass
