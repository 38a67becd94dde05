from __future__ import annotations

import json

import pytest

from tests.realtime.fakes import Bench, settle
from waqtor.contracts.wire import ErrorDetail

DEEP = "[" * 5000 + "]" * 5000

MALFORMED = [
    "",
    " ",
    "{",
    "null",
    "true",
    "1",
    "1e999",
    "NaN",
    '"subscribe"',
    "[]",
    "[1]",
    "{}",
    DEEP,
    '{"a":' * 2000,
    '{"type": null}',
    '{"type": 1}',
    '{"type": ["subscribe"]}',
    '{"type": {"a": 1}}',
    '{"type": ""}',
    '{"type": "publish", "data": {}}',
    '{"type": "SUBSCRIBE"}',
    '{"type": "__class__"}',
    '{"type": "welcome"}',
    '{"type": "subscribe", "topics": "messages"}',
    '{"type": "subscribe", "topics": [1]}',
    '{"type": "subscribe", "topics": [null]}',
    '{"type": "subscribe", "topics": {"a": 1}}',
    '{"type": "subscribe", "topics": ["all"], "events": ["all"]}',
    '{"type": "subscribe", "extra": 1}',
    '{"type": "subscribe", "since": 5}',
    '{"type": "subscribe", "since": {"offset": 5}}',
    '{"type": "subscribe", "since": {"epoch": "e", "offset": -1}}',
    '{"type": "subscribe", "since": {"epoch": "e", "offset": 1.5}}',
    '{"type": "subscribe", "since": {"epoch": "' + "e" * 65 + '", "offset": 1}}',
    '{"type": "subscribe", "since": {"epoch": 1, "offset": 1}}',
    '{"type": "ping", "id": 1}',
    '{"type": "ping", "id": "' + "i" * 65 + '"}',
    '{"type": "ping", "id": "' + "i" * 1001 + '"}',
    '{"type": "ping", "' + "k" * 1001 + '": 1}',
    '{"type": "ping", "\\u0000": 1}',
    '{"type": "get_state", "session": "x"}',
    '{"type": "ping", "id": "\\ud800"}',
    "\ud800",
    "\x00",
    "\u202e{}",
    "x" * 20_000,
    "م" * 6_000,
    json.dumps({"type": "subscribe", "topics": ["x" * 1001]}),
    json.dumps({"type": "subscribe", "topics": ["a"] * 129}),
]


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_frames_are_refused_and_the_socket_stays(text: str) -> None:
    async with Bench(ws_trusted="10.0.0.1") as bench:
        connection, socket = await bench.join()
        bench.say(connection, text)
        bench.say(connection, {"type": "ping", "id": "alive"})
        await settle()
        assert [f["type"] for f in socket.frames] == ["welcome", "error", "pong"]
        error = socket.frames[1]
        assert ErrorDetail.model_validate(error["error"]).code in {"invalid_input", "too_large"}
        assert error["message"] == error["error"]["message"]
        assert connection.names == {}
        assert len(json.dumps(error)) < 6000


@pytest.mark.parametrize("size", [10_240, 10_241])
async def test_the_size_limit_counts_bytes(size: int) -> None:
    async with Bench(message_max_string_length=20_000) as bench:
        connection, socket = await bench.join()
        frame = '{"type": "ping"}'
        bench.say(connection, frame + " " * (size - len(frame)))
        await settle()
        assert socket.frames[1]["type"] == ("pong" if size == 10_240 else "error")
        assert bench.hub.monitor()["security"]["oversized"] == (size > 10_240)


@pytest.mark.parametrize(("sent", "code"), [(b"{}", 1003), ("x" * 1_048_576, 1009)])
async def test_binary_and_huge_frames_close(sent: str | bytes, code: int) -> None:
    async with Bench() as bench:
        connection, socket = await bench.join()
        bench.say(connection, sent)
        await settle()
        assert socket.closed[0] == code
        bench.say(connection, {"type": "ping"})
        await settle()
        assert not socket.of("pong"), "nothing is carried out after the close"


async def test_an_unknown_subscription_name_is_refused_not_an_error() -> None:
    async with Bench() as bench:
        connection, socket = await bench.join()
        bench.say(connection, {"type": "subscribe", "topics": ["", "مرحبا", "message.", "*.received", "x" * 1000]})
        await settle()
        assert len(socket.of("subscribed")[0]["data"]["refused"]) == 5
