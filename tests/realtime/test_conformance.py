"""RFC 6455 by the classes of the Autobahn suite (1 framing … 7 closing), over raw sockets against the real server.

What is against the rules stands in tests/api/test_malformed.py as well, with its counters; here is the whole width of
each class, and what the rules allow. ``make autobahn`` runs the suite itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable

import pytest

from tests.realtime.autobahn import failures
from tests.realtime.fakes import Bench
from tests.realtime.raw import RawClient, client_frame
from tests.realtime.server import LiveServer

PING = b'{"type": "ping", "id": "asked"}'
TEXT, BINARY, CLOSE, PING_FRAME, PONG_FRAME = 1, 2, 8, 9, 10


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with LiveServer(Bench(ws_trusted="127.0.0.1", ws_max_connections=1000)) as found:
        yield found


async def answered(client: RawClient) -> bytes:
    """Send a last question; the payloads of the pongs that came before its answer, joined by bars."""
    client.writer.write(client_frame(b'{"type": "ping", "id": "last"}'))
    pongs, asked = [], 0
    async with asyncio.timeout(10):
        while True:
            first, payload = await client.frame()
            if first == 0x80 | PONG_FRAME:
                pongs.append(payload)
                continue
            assert first == 0x80 | TEXT, (first, payload)
            frame = json.loads(payload)
            asked += frame.get("id") == "asked"
            if frame.get("id") == "last":
                return b"|".join([*pongs, b"asked" * asked])


async def closes(server: LiveServer, sent: bytes) -> int:
    async with await RawClient.open(server.port) as client:
        client.writer.write(sent)
        return await client.ended(10)


async def all_close(server: LiveServer, sent: Iterable[bytes], code: int) -> None:
    cases = list(sent)
    got = await asyncio.gather(*(closes(server, case) for case in cases))
    assert [case.hex() for case, found in zip(cases, got, strict=True) if found != code] == []


async def test_1_frames_of_every_length(server: LiveServer) -> None:
    for size in (len(PING), 125, 126, 127, 128, 10_240):
        async with await RawClient.open(server.port) as client:
            client.writer.write(client_frame(PING + b" " * (size - len(PING))))
            assert await answered(client) == b"asked", size
    for size in (0, 10_241, 65_535, 65_536, 65_537, 1_000_000):
        async with await RawClient.open(server.port) as client:
            client.writer.write(client_frame(b"*" * size))
            assert await answered(client) == b"", size


async def test_1_a_frame_that_comes_byte_by_byte(server: LiveServer) -> None:
    async with await RawClient.open(server.port) as client:
        for byte in client_frame(PING):
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert await answered(client) == b"asked"


async def test_2_pings_are_answered_alike_and_in_order_and_pongs_are_not(server: LiveServer) -> None:
    pings = [b"", b"hello", bytes(range(0x7D)), b"\xff\xfe", b"x" * 125, *[b"n%d" % n for n in range(10)]]
    async with await RawClient.open(server.port) as client:
        client.writer.write(client_frame(b"unasked", PONG_FRAME) + client_frame(b"", PONG_FRAME))
        for ping in pings:
            for byte in client_frame(ping, PING_FRAME):
                client.writer.write(bytes([byte]))
        assert await answered(client) == b"|".join([*pings, b""])
    await all_close(server, [client_frame(b"x" * 126, opcode) for opcode in (PING_FRAME, PONG_FRAME)], 1002)


async def test_3_reserved_bits_are_refused_in_every_kind_of_frame(server: LiveServer) -> None:
    kinds = ((TEXT, PING), (BINARY, b"x"), (CLOSE, b"\x03\xe8"), (PING_FRAME, b""), (PONG_FRAME, b""))
    await all_close(
        server,
        [client_frame(PING) + client_frame(data, kind, rsv=n) for kind, data in kinds for n in range(1, 8)],
        1002,
    )


async def test_4_reserved_opcodes_are_refused(server: LiveServer) -> None:
    opcodes = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    await all_close(server, [client_frame(data, opcode) for opcode in opcodes for data in (b"", b"x")], 1002)


async def test_5_fragments_with_control_frames_between_them(server: LiveServer) -> None:
    start = client_frame(PING[:9], fin=False)
    rest = client_frame(PING[9:], 0)
    middle = client_frame(PING_FRAME.to_bytes(1, "big"), PING_FRAME)
    empty = client_frame(b"", 0, fin=False)
    for sent, pong in ((start + rest, b"asked"), (start + middle + empty + rest, b"\x09|asked"),
                       (client_frame(b"", fin=False) + empty + client_frame(PING, 0), b"asked")):  # fmt: skip
        async with await RawClient.open(server.port) as client:
            client.writer.write(sent)
            assert await answered(client) == pong
    await all_close(
        server,
        [
            client_frame(b"", PING_FRAME, fin=False), client_frame(b"", PONG_FRAME, fin=False),
            client_frame(b"\x03\xe8", CLOSE, fin=False), rest, client_frame(PING, 0, fin=False), start + rest + rest,
            start + client_frame(PING), start + client_frame(b"x", BINARY), start + client_frame(PING, fin=False),
        ],
        1002,
    )  # fmt: skip


GOOD_TEXTS = ("κόσμε", "مرحبا", "😀", "\u0000", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd",
              "\uffff", "\U00010000", "\U0010ffff", "\u202e")  # fmt: skip
BAD_TEXTS = (b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xed\xa0\x80",
             b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
             b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xce", b"\xf0\x9f\x98", b"\xce\xba\xe1")  # fmt: skip


async def test_6_text_is_utf8_however_it_is_cut(server: LiveServer) -> None:
    for text in GOOD_TEXTS:
        question = json.dumps({"type": "subscribe", "topics": [text]}, ensure_ascii=False).encode()
        async with await RawClient.open(server.port) as client:
            for n in range(0, len(question), 3):
                client.writer.write(client_frame(question[n : n + 3], 0 if n else TEXT, fin=False))
            client.writer.write(client_frame(b"", 0))
            assert await answered(client) == b""
    await all_close(server, [client_frame(text) for text in BAD_TEXTS], 1007)
    await all_close(server, [client_frame(t, fin=False) + client_frame(b"", 0) for t in BAD_TEXTS], 1007)
    await all_close(server, [client_frame(b"\x03\xe8" + text, CLOSE) for text in BAD_TEXTS], 1007)


async def test_7_close_frames_are_answered_and_nothing_after_them_counts(server: LiveServer) -> None:
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999)
    for code in good:
        for reason in (b"", "سبب".encode(), b"x" * 123):
            assert await closes(server, client_frame(code.to_bytes(2, "big") + reason, CLOSE)) == code
    after = client_frame(b"\x03\xe8", CLOSE) + client_frame(PING) + client_frame(b"", PING_FRAME)
    assert await closes(server, after) == 1000
    assert await closes(server, client_frame(b"\x03\xe8", CLOSE) * 2) == 1000
    assert await closes(server, client_frame(b"", CLOSE)) == 0, "no code, no code back"
    bad = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    await all_close(server, [client_frame(code.to_bytes(2, "big"), CLOSE) for code in bad], 1002)
    await all_close(server, [client_frame(b"\x03", CLOSE), client_frame(b"\x03\xe8" + b"x" * 124, CLOSE)], 1002)


def test_a_report_of_the_suite_is_judged() -> None:
    cases = {"1.1.1": ("OK", "OK"), "6.4.1": ("NON-STRICT", "OK"), "7.1.5": ("FAILED", "OK"), "7.1.6": ("OK", "FAILED")}
    index = {"waqtor": {name: {"behavior": one, "behaviorClose": two} for name, (one, two) in cases.items()}}
    assert failures(index) == {"7.1.6": "FAILED"}
