from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import orjson
import pytest

from waqtor.errors import SendUncertain
from waqtor.transports.simulator.endpoint import address_of
from waqtor.transports.simulator.protocol import MAX_FRAME

CONTROL = {"op": "hello", "id": 0, "role": "control"}
TRANSPORT = {"op": "hello", "id": 0, "role": "transport", "session": "raw"}


class Raw:
    """A client that writes whatever bytes it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def line(self) -> Any:
        async with asyncio.timeout(5):
            return orjson.loads(await self.reader.readline())

    def write(self, *frames: Any) -> None:
        for frame in frames:
            self.writer.write(frame if isinstance(frame, bytes) else orjson.dumps(frame) + b"\n")

    async def answer(self, request: int) -> Any:
        while (frame := await self.line()).get("id") != request:
            pass
        return frame


async def raw(bench: Any, hello: Any = None) -> Raw:
    client = Raw(*await asyncio.open_unix_connection(address_of(bench.path), limit=1 << 26))

    async def close() -> None:
        client.writer.close()

    bench.stack.push_async_callback(close)
    if hello is not None:
        client.write(hello)
        assert (await client.line())["op"] == "result"
    return client


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"\xff\xfe\n", b"[1,2]\n", b'"text"\n', b"{\n", b"null\n", b'{"op":"\\ud800"}\n',
     b"[" * 5000 + b"\n",
     b'{"op": NaN}\n', b"\x00\n"],
)  # fmt: skip
async def test_a_malformed_line_is_answered_and_skipped(bench: Any, line: bytes) -> None:
    client = await raw(bench, CONTROL)
    client.write(line, {"op": "stats", "id": 1})
    first = await client.line()
    assert (first["op"], first["code"]) == ("refused", "malformed")
    assert (await client.line())["id"] == 1


@pytest.mark.parametrize(
    "frame",
    [
        {}, {"op": None}, {"op": ["send"]}, {"op": "nothing"}, {"op": "send"}, {"op": "ack"}, {"op": "lookup"},
        {"op": "hello"}, {"op": "hello", "role": "root"}, {"op": "hello", "role": "transport", "session": 5},
        {"op": "hello", "role": "transport", "session": ""}, {"op": "hello", "role": "transport", "session": "x" * 99},
        {"op": "stats"}, {"op": "stop"}, {"op": "inject", "messages": [{"text": "x"}]},
    ],
)  # fmt: skip
async def test_nothing_is_done_before_a_proper_hello(bench: Any, frame: dict) -> None:
    client = await raw(bench)
    client.write({**frame, "id": 7})
    answer = await client.line()
    assert (answer["op"], answer["id"]) == ("refused", 7)
    assert bench.world.counts["injected"] == bench.world.calls.total == 0
    assert not bench.server.stopping.is_set()


@pytest.mark.parametrize(
    "frame",
    [
        {"op": "inject"}, {"op": "inject", "messages": []}, {"op": "inject", "messages": ["x"]},
        {"op": "inject", "messages": [{"text": "ok"}, {"text": 5}]}, {"op": "script"}, {"op": "script", "faults": {}},
        {"op": "configure", "receipts": 5}, {"op": "configure", "colour": 1}, {"op": "configure", "limits": []},
        {"op": "configure", "redeliver_s": 0}, {"op": "configure", "accept_delay": [1]}, {"op": "contact"},
        {"op": "contact", "address": "nobody"}, {"op": "contact", "address": "966500000001", "x": 1},
        {"op": "clock", "advance": -1}, {"op": "clock", "advance": 1e300}, {"op": "clock", "freeze": "now"},
        {"op": "clock", "freeze": -1}, {"op": "seed", "seed": "x"}, {"op": "login"}, {"op": "login", "change": "steal"},
        {"op": "login", "change": "scan", "session": 5}, {"op": "calls", "after": -1},
        {"op": "calls", "after": 1 << 63},
        {"op": "calls", "limit": "all"}, {"op": "disconnect", "session": 5}, {"op": "send"}, {"op": {}},
        {"op": "script", "faults": [{"kind": "late", "delay": 1e300}]},
        {"op": "script", "faults": [{"kind": "outage", "from_s": 1e300}]},
    ],
)  # fmt: skip
async def test_a_wrong_control_frame_is_refused_and_changes_nothing(bench: Any, frame: dict) -> None:
    client = await raw(bench, CONTROL)
    client.write({**frame, "id": 7}, {"op": "stats", "id": 8})
    answer = await client.answer(7)
    assert answer["op"] == "refused", answer
    stats = await client.answer(8)
    assert (stats["injected"], stats["planned"], stats["faults"]) == (0, 0, [])


@pytest.mark.parametrize(
    "send",
    [
        {}, {"message_id": ""}, {"message_id": 5}, {"message_id": "x" * 257}, {"to": None}, {"to": "9" * 300},
        {"content": None}, {"content": []}, {"content": {}}, {"content": {"type": None}},
    ],
)  # fmt: skip
async def test_a_malformed_send_is_refused_with_a_parameter_error(bench: Any, send: dict) -> None:
    client = await raw(bench, TRANSPORT)
    good = {"message_id": "M", "to": "966500000001", "content": {"type": "text", "body": "x"}}
    client.write({"op": "send", "id": 7} if send == {} else {"op": "send", "id": 7, **good, **send})
    assert (await client.answer(7))["code"] == "100"
    assert bench.world.calls.total == 0


async def test_a_transport_may_not_steer_and_a_control_may_not_send(bench: Any) -> None:
    transport, control = await raw(bench, TRANSPORT), await raw(bench, CONTROL)
    transport.write({"op": "stop", "id": 7})
    assert (await transport.answer(7))["op"] == "refused"
    control.write({"op": "send", "id": 7, "message_id": "M", "to": "966500000001", "content": {"type": "text"}})
    assert (await control.answer(7))["op"] == "refused"
    control.write({**TRANSPORT, "id": 8})
    assert (await control.answer(8))["op"] == "refused"


async def test_a_line_without_end_closes_the_connection_and_no_other(bench: Any) -> None:
    client = await raw(bench, CONTROL)
    client.write(b"x" * (MAX_FRAME + 70_000))
    assert (await client.line())["code"] == "malformed"
    async with asyncio.timeout(5):
        assert await client.reader.read() == b""
    assert (await bench.control.stats())["injected"] == 0


async def test_frames_may_be_cut_anywhere(bench: Any) -> None:
    client, rng = await raw(bench, CONTROL), random.Random(4)
    stream = b"".join(
        orjson.dumps({"op": "inject", "id": n, "wait": False, "messages": [{"text": "س" * n}]})
        + rng.choice([b"\n", b"\r\n"])
        for n in range(1, 60)
    )
    while stream:
        size = rng.randrange(1, 90)
        client.writer.write(stream[:size])
        await client.writer.drain()
        await asyncio.sleep(0)
        stream = stream[size:]
    assert [(await client.line())["id"] for _ in range(1, 60)] == list(range(1, 60))


async def test_random_bytes_do_no_harm(bench: Any) -> None:
    rng = random.Random(9)
    for _ in range(20):
        client = await raw(bench, rng.choice([None, CONTROL, {**TRANSPORT, "session": f"s{rng.random()}"}]))
        client.write(rng.randbytes(2000), b"\n")
        client.writer.close()
    assert (await bench.control.stats())["injected"] == 0


async def test_a_client_that_never_reads_does_not_grow_the_process(bench: Any) -> None:
    client = await raw(bench, TRANSPORT)
    body = "x" * 100_000
    await bench.control.inject_many([{"text": body, "session": "raw"} for _ in range(100)], wait=False)
    await bench.control.inject_many([{"text": body, "session": "raw"} for _ in range(100)], wait=False)
    await asyncio.sleep(0.1)
    [connection] = bench.server._transports.values()
    assert connection.backlog <= 8 * 1024 * 1024 + 2 * (1 << 20)
    received = 0
    while received < 200:  # and when it reads at last, everything comes
        frame = await client.line()
        if frame["op"] == "messages":
            received += len(frame["items"])
            client.write({"op": "ack", "messages": [item[0] for item in frame["items"]]})
    await bench.control.wait_idle(0.05)


async def test_the_record_is_written_before_the_answer(tmp_path: Any, serve: Any) -> None:
    file = tmp_path / "calls.jsonl"
    async with serve(tmp_path / "s.sock", record=file) as bench:
        client = await raw(bench, TRANSPORT)
        for n in range(20):
            client.write(
                {"op": "send", "id": n + 1, "message_id": f"M{n}", "to": "1", "content": {"type": "text", "body": "x"}}
            )
            while (frame := await client.line())["op"] != "accepted":
                pass
            rows = [orjson.loads(line) for line in file.read_bytes().splitlines()]
            assert [row["message_id"] for row in rows] == [f"M{m}" for m in range(n + 1)]
            assert frame["items"][0][1] == rows[-1]["provider_id"]


async def test_a_hostile_simulator_does_not_harm_the_transport(tmp_path: Any, make_sink: Any, wait_until: Any) -> None:
    from waqtor.transports.simulator.client import SimulatorTransport

    junk = [
        b"nonsense\n", b"[1]\n", b'{"op":"accepted"}\n', b'{"op":"accepted","items":[[1]]}\n', b'{"op":"messages"}\n',
        b'{"op":"messages","items":[5]}\n', b'{"op":"messages","items":[[[],{}]]}\n', b'{"op":"result","id":[]}\n',
        b'{"op":"messages","items":[[5,{}],[6,{"id":"x","from":"y","chat_id":"z","content":{},"timestamp":0}]]}\n',
        b'{"op":"receipts","items":[[7],[8,"p","exploded",0,"m","",""]]}\n', b'{"op":"state","status":"ready"}\n',
        b'{"op":"dance"}\n', b'{"op":"state","status":"ready","client_info":{"x":1}}\n',
    ]  # fmt: skip
    good = {"id": "I", "from": "966500000001", "chat_id": "966500000001", "timestamp": 1}
    good["content"] = {"type": "text", "body": "still here"}
    acked: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = orjson.loads(await reader.readline())
        writer.write(orjson.dumps({"op": "result", "id": hello["id"]}) + b"\n" + b"".join(junk))
        writer.write(orjson.dumps({"op": "messages", "items": [[9, good]]}) + b"\n")
        while line := await reader.readline():
            frame = orjson.loads(line)
            acked.extend(frame["messages"] + frame["receipts"])
        writer.close()

    path = tmp_path / "evil.sock"
    server = await asyncio.start_unix_server(serve, path)
    sink = make_sink()
    transport = SimulatorTransport("default", path, backoff=lambda n: 0.02)
    await transport.start(sink)
    await wait_until(lambda: 9 in acked)
    assert [m.content.body for m in sink.messages] == ["still here"]
    assert sorted(acked) == [5, 6, 7, 8, 9]  # what cannot be mended by redelivery is acknowledged and logged
    assert "disconnected" not in sink.states
    await transport.stop()
    server.close()
    await server.wait_closed()
    os.unlink(path) if path.exists() else None


async def test_a_record_that_cannot_be_written_stops_everything(tmp_path: Any, serve: Any, make_text: Any) -> None:
    async with serve(tmp_path / "s.sock", record=tmp_path / "calls.jsonl") as bench:
        transport, _ = await bench.transport()
        await transport.send(make_text("M1"))
        os.close(bench.world.calls._fd)
        bench.world.calls._fd = os.open(os.devnull, os.O_RDONLY)  # as a disk that refuses to be written
        with pytest.raises(SendUncertain):
            await transport.send(make_text("M2"))
        assert bench.server.stopping.is_set()
        assert isinstance(bench.server.failure, OSError)


async def test_calls_without_an_answer_reach_the_record_too(tmp_path: Any, serve: Any) -> None:
    file = tmp_path / "calls.jsonl"
    async with serve(tmp_path / "s.sock", record=file) as bench:
        await bench.control.configure(receipts="silent")
        await bench.control.script([{"kind": "late", "delay": 0.05}])
        client = await raw(bench, TRANSPORT)
        client.write({"op": "send", "id": 1, "message_id": "M", "to": "1", "content": {"type": "text", "body": "x"}})
        await client.writer.drain()
        await asyncio.sleep(0.02)
        client.writer.close()
        await asyncio.sleep(0.2)
        assert b'"message_id":"M"' in file.read_bytes()
