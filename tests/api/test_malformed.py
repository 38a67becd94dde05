"""What peers without manners send: each is refused with its code, counted, and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import zlib

import pytest
import uvicorn

from tests.realtime.fakes import Bench, until
from tests.realtime.raw import EXTENSION, RawClient, client_frame
from tests.realtime.server import LiveServer
from waqtor.api.protocol import StrictHttpProtocol, strict_http

TEXT = b'{"type": "ping"}'


def deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-12)
    return (engine.compress(data) + engine.flush(zlib.Z_SYNC_FLUSH))[:-4]


CORPUS = [
    ("unmasked", client_frame(TEXT, mask=False), 1002, "malformed"),
    ("reserved bit 1", client_frame(TEXT, rsv=4), 1002, "malformed"),
    ("reserved bit 2", client_frame(TEXT, rsv=2), 1002, "malformed"),
    ("reserved opcode", client_frame(TEXT, 3), 1002, "malformed"),
    ("reserved control opcode", client_frame(b"", 11), 1002, "malformed"),
    ("fragmented ping", client_frame(b"", 9, fin=False), 1002, "malformed"),
    ("ping over 125 bytes", client_frame(b"x" * 126, 9), 1002, "malformed"),
    ("continuation of nothing", client_frame(TEXT, 0), 1002, "malformed"),
    ("text within a fragmented text", client_frame(b"a", fin=False) + client_frame(b"b"), 1002, "malformed"),
    ("close with one byte", client_frame(b"\x03", 8), 1002, "malformed"),
    ("close with a reserved code", client_frame(b"\x03\xed", 8), 1002, "malformed"),
    ("close with a bad reason", client_frame(b"\x03\xe8\xff\xff", 8), 1007, "malformed"),
    ("text that is not UTF-8", client_frame(b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), 1007, "malformed"),
    ("UTF-8 cut within a fragment", client_frame(b"\xce", fin=False) + client_frame(b"", 0), 1007, "malformed"),
    ("length of 2^63", b"\x81\xff" + b"\x80" + bytes(7) + bytes(4), 1009, "oversized"),
    ("length over the limit", b"\x81\xff" + (1_048_576).to_bytes(8, "big") + bytes(4), 1009, "oversized"),
    ("fragments over the limit", client_frame(b"x" * 600_000, fin=False) + client_frame(b"x" * 600_000, 0), 1009,
     "oversized"),
    ("binary", client_frame(b"\x00", 2), 1003, "malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "code", "reason"), [c[1:] for c in CORPUS], ids=[c[0] for c in CORPUS])
async def test_frames_against_the_rules(sent: bytes, code: int, reason: str) -> None:
    async with LiveServer(Bench()) as server:
        hub = server.bench.hub
        async with await RawClient.open(server.port) as bad, await RawClient.open(server.port) as good:
            await until(lambda: len(hub.connections) == 2, 30)
            bad.writer.write(sent)
            if code == 1003:  # the hub waits for our half of the goodbye
                bad.writer.write(client_frame(b"\x03\xeb", 8))
            assert await bad.ended() == code
            await until(lambda: len(hub.connections) == 1, 30)
            assert hub.monitor()["security"][reason] == 1
            assert server.bench.telemetry.values()[f"waqtor_security_total{{reason={reason}}}"] == 1
            good.writer.write(client_frame(TEXT))
            while json.loads((await good.frame())[1])["type"] != "pong":
                pass


@pytest.mark.parametrize("size", [1_048_576, 50_000_000])
async def test_what_inflates_beyond_the_limit_is_refused(size: int) -> None:
    async with LiveServer(Bench()) as server, await RawClient.open(server.port, extension=EXTENSION) as client:
        await until(lambda: server.bench.hub.connections, 30)
        client.writer.write(client_frame(deflated(bytes(size)), rsv=4))
        assert await client.ended() == 1009
        await until(lambda: server.bench.hub.monitor()["security"]["oversized"] == 1, 30)


async def test_compressed_data_that_is_none_is_refused() -> None:
    async with LiveServer(Bench()) as server, await RawClient.open(server.port, extension=EXTENSION) as client:
        client.writer.write(client_frame(b"\xff\xff\xff\xff", rsv=4))
        assert await client.ended() == 1002


async def test_a_frame_that_never_ends_is_cut_off_by_the_heartbeat() -> None:
    async with LiveServer(Bench(ws_heartbeat_ms=200)) as server, await RawClient.open(server.port) as client:
        client.writer.write(client_frame(b"x" * 1000)[:20])
        assert await client.ended() == 0
        await until(lambda: not server.bench.hub.connections, 30)


@pytest.mark.parametrize("sent", [b"", b"GET /ws HTTP/1.1\r\nHost: x\r\nX-A: "], ids=["nothing", "half a head"])
async def test_a_head_that_is_dribbled_is_cut_off_and_counted(sent: bytes) -> None:
    counted: list[str] = []
    made = strict_http(counted.append)
    made.head_s = 0.3
    assert StrictHttpProtocol.head_s == 10.0

    async def app(scope, receive, send) -> None:
        raise AssertionError("no request was made")

    config = uvicorn.Config(app, http=made, port=0, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    config.load()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: made(config=config, server_state=server.server_state, app_state={}), "127.0.0.1", 0
    )
    async with listener:
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        writer.write(sent)
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()
    assert counted == ["slow"]
