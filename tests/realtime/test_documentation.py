from __future__ import annotations

import json
import re
from pathlib import Path

from tests.realtime.fakes import Bench, message, session, settle, until
from waqtor.contracts.events import EVENTS
from waqtor.contracts.wire import CLIENT_FRAME, RECONNECT_CODES, Close
from waqtor.kernel.clock import FakeClock
from waqtor.realtime.frames import CONTROL
from waqtor.realtime.topics import PRESETS, scope_of
from waqtor.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
BY_TYPE = {example["type"]: example for example in EXAMPLES}


def test_every_frame_close_code_event_topic_and_path_is_documented() -> None:
    assert set(CONTROL) <= set(BY_TYPE)
    codes = {value for name, value in vars(Close).items() if name.isupper()} | set(RECONNECT_CODES)
    rows = dict(re.findall(r"^\| (\d{4}) \|.*\| ([^|]*) \|$", TEXT, re.MULTILINE))
    assert codes <= {int(code) for code in rows}
    for code in map(int, rows):
        assert ("reconnect" in rows[str(code)]) == (code in RECONNECT_CODES or code == 1008), code
    for name, spec in EVENTS.items():
        line = next(line for line in TEXT.splitlines() if line.startswith(f"| `{scope_of(name)}` |"))
        assert f"`{name}`" in line, name
        assert f"`{spec.topic}`" in TEXT.split("Topics: ")[1].split("\n")[0]
        if not spec.journaled:
            assert f"`{name}`" in TEXT.split("Ephemeral types (")[1].split(")")[0]
    for path in PRESETS:
        assert f"`/ws/{path}`, `/{path}`" in TEXT
    for reason in ("epoch_changed", "offset_ahead", "too_old"):
        assert f"`{reason}`" in TEXT


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"WAQTOR_([A-Z_]+)", TEXT))
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_client_frames_of_the_page_are_accepted() -> None:
    mine = [example for example in EXAMPLES if "timestamp" not in example]
    assert {CLIENT_FRAME.validate_python(example).type for example in mine} == {
        "subscribe",
        "unsubscribe",
        "ping",
        "get_state",
    }


async def test_server_frames_are_as_documented() -> None:
    async with Bench(sessions=[session()], clock=FakeClock(), ws_buffer_bytes=4096) as bench:
        bench.journal.append_now(message(1))
        connection, socket = await bench.join()
        since = {"epoch": bench.journal.epoch, "offset": 0}
        for frame in [
            {"type": "subscribe", "topics": ["messages", "nonsense"], "since": since, "id": "1"},
            {"type": "get_state", "id": "3"}, {"type": "ping", "id": "4"}, {"type": "publish", "id": "5"},
        ]:  # fmt: skip
            bench.say(connection, frame)
            await until(lambda: socket.of("recovered"))
        socket.flowing.clear()
        bench.journal.append_now(*[message(n, "x" * 1000) for n in range(20)])
        await settle()
        socket.flowing.set()
        await settle()
        bench.say(connection, {"type": "unsubscribe", "id": "2"})
        for _ in range(8):
            bench.say(connection, {"type": "ping", "id": "6"})
        connection.limits._bucket._tokens = 10
        bench.hub._addresses._buckets["10.0.0.1"]._tokens = 0
        bench.say(connection, {"type": "ping", "id": "7"})
        await settle()
        _, batching = await bench.join(names=["messages"], batch=True)
        for _ in range(20):  # a batch holds what comes within milliseconds: on a busy machine three may come apart
            seen = len(batching.offsets())
            bench.journal.append_now(*[message(n) for n in range(3)])
            await until(lambda seen=seen: len(batching.offsets()) == seen + 3)
            if any(sent["type"] == "batch" for sent in batching.messages):
                break
        for kind in [*CONTROL, "session.status", "message.received"]:
            got = socket.of(kind) or [sent for sent in batching.messages if sent["type"] == kind]
            told = BY_TYPE[kind]
            assert got, kind
            assert set(got[0]) == set(told), kind
            assert set(got[0]["data"]) == set(told["data"]), kind
            assert got[0]["topic"] == told["topic"]
        assert BY_TYPE["welcome"]["data"]["limits"].keys() == socket.of("welcome")[0]["data"]["limits"].keys()
        defaults = Bench().settings
        assert BY_TYPE["welcome"]["data"]["limits"]["buffer_bytes"] == defaults.ws_buffer_bytes
        assert BY_TYPE["error"]["error"].keys() == socket.of("error")[0]["error"].keys()
