from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from waqtor.errors import InvalidInput, NotFound, Timeout
from waqtor.messaging.ports import Outgoing
from waqtor.transports.simulator.replay import read_messages, replay_file


def write(path: Path, *lines: Any) -> Path:
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines) + b"\n")
    return path


async def test_everything_is_fed_in_acknowledged_and_replies_are_counted(
    bench: Any, make_sink: Any, tmp_path: Any
) -> None:
    file = write(tmp_path / "m.jsonl", *[{"text": f"رسالة {n} 😀", "label": None, "lang": "ar"} for n in range(600)])
    sink = make_sink()
    transport, _ = await bench.transport(sink)
    seen, progress = [], []

    async def commit(message: Any) -> None:
        seen.append(message.content.body)
        if int(message.content.body.split()[1]) % 3 == 0:
            await transport.send(
                Outgoing(f"R{message.message_id}", "default", message.chat_id, {"type": "text", "body": "y"})
            )

    async def on_message(message: Any) -> None:
        await commit(message)
        sink.messages.append(message)

    sink.message = on_message
    summary = await replay_file(
        file, bench.path, settle_s=0.1, contacts=50, progress=lambda done, total: progress.append((done, total))
    )
    assert (summary.messages, summary.acked, summary.replies, summary.duplicates) == (600, 600, 200, 0)
    assert sorted(seen) == sorted(f"رسالة {n} 😀" for n in range(600))
    assert len({m.chat_id for m in sink.messages}) == 50
    assert progress[-1] == (600, 600)
    assert summary.rate > 0
    assert summary.settled_seconds >= summary.seconds > 0


async def test_the_rate_is_kept(bench: Any, tmp_path: Any) -> None:
    await bench.transport()
    file = write(tmp_path / "m.jsonl", *[{"text": str(n)} for n in range(40)])
    summary = await replay_file(file, bench.path, rate=100, settle_s=0.05)
    assert 0.38 <= summary.seconds < 1.5


async def test_repeated_sends_are_counted_as_duplicates(bench: Any, tmp_path: Any, make_sink: Any) -> None:
    sink = make_sink()
    transport, _ = await bench.transport(sink)

    async def commit(item: Any) -> None:
        if hasattr(item, "content"):
            for _ in range(2):
                await transport.send(Outgoing("SAME", "default", item.chat_id, {"type": "text", "body": "y"}))

    sink.commit = commit
    summary = await replay_file(write(tmp_path / "m.jsonl", {"text": "x"}), bench.path, settle_s=0.05)
    assert (summary.replies, summary.duplicates) == (2, 1)


async def test_limit_named_senders_and_blank_lines(bench: Any, tmp_path: Any) -> None:
    _, sink = await bench.transport()
    file = write(
        tmp_path / "m.jsonl", {"text": "a", "from": "+966 50 123 4567", "push_name": "هند"}, b"", {"text": "b"}
    )
    summary = await replay_file(file, bench.path, limit=1, settle_s=0.05)
    assert summary.messages == 1
    assert [(m.sender, m.push_name) for m in sink.messages] == [("966501234567", "هند")]
    assert len(read_messages(file)) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "JSON"), (b"\xff\xfe", "JSON"), (b"[]", "text"), (b'{"text": 5}', "text"), (b"{}", "text"),
        (b'{"text": "x", "from": "nobody"}', "phone"), (b'{"text": "x", "from": 5}', "from"),
    ],
)  # fmt: skip
async def test_a_wrong_line_is_named_and_nothing_is_fed_in(bench: Any, tmp_path: Any, line: bytes, words: str) -> None:
    await bench.transport()
    file = write(tmp_path / "m.jsonl", {"text": "ok"}, line)
    with pytest.raises(InvalidInput, match=f"m.jsonl:2.*{words}"):
        await replay_file(file, bench.path)
    assert (await bench.control.stats())["injected"] == 0


async def test_a_missing_file_and_an_unacknowledged_message(bench: Any, tmp_path: Any, make_sink: Any) -> None:
    with pytest.raises(NotFound):
        read_messages(tmp_path / "none.jsonl")
    sink = make_sink()
    sink.commit = lambda item: asyncio.sleep(0.5)
    await bench.transport(sink)
    summary = await replay_file(write(tmp_path / "m.jsonl", {"text": "x"}), bench.path, ack_timeout=0.1, settle_s=0.05)
    assert (summary.messages, summary.acked, summary.rate) == (1, 0, 0.0)


async def test_no_engine_is_a_clear_error(bench: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "m.jsonl", {"text": "x"})
    with pytest.raises(Timeout, match="No engine"):
        await replay_file(file, bench.path, connect_timeout=0.05)
