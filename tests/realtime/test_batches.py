from __future__ import annotations

import asyncio

from tests.realtime.fakes import Bench, message, settle, status, until
from waqtor.realtime import batches, outgoing


async def test_the_first_event_leaves_at_once_and_the_next_ones_together() -> None:
    async with Bench() as bench:
        assert (await bench.join())[1].of("welcome")[0]["data"]["batch"] is False
        _, plain = await bench.join(names=["messages"])
        _, batching = await bench.join(names=["messages"], batch=True)
        assert batching.of("welcome")[0]["data"]["batch"] is True
        for n in range(6):
            bench.journal.append_now(message(n))
            await settle(30)
        await until(lambda: batching.offsets() == [1, 2, 3, 4, 5, 6])
        sent = [m for m in batching.messages if m["topic"] != "system" or m["type"] == "batch"]
        assert sent[0]["type"] == "message.received", "nothing is held back after a quiet moment"
        assert sum(m["type"] == "batch" for m in sent) >= 1
        assert len(sent) < 6
        assert not plain.of("batch")
        assert plain.offsets() == batching.offsets()


async def test_answers_come_after_the_events_that_were_held(monkeypatch) -> None:
    monkeypatch.setattr(batches, "WINDOW_S", 60.0)
    async with Bench() as bench:
        connection, socket = await bench.join(names=["all"], batch=True)
        for n in range(4):
            bench.journal.append_now(message(n))
            await settle(30)
        assert socket.offsets() == [1]
        assert connection.buffered > 0
        bench.say(connection, {"type": "ping", "id": "p"})
        assert socket.offsets() == [1, 2, 3, 4]
        assert socket.frames[-1]["data"]["offset"] == 4
        assert connection.buffered == 0


async def test_a_batch_is_bounded_in_bytes(monkeypatch) -> None:
    monkeypatch.setattr(batches, "WINDOW_S", 60.0)
    async with Bench() as bench:
        connection, socket = await bench.join(names=["all"], batch=True)
        bench.journal.append_now(message(0))
        await settle(30)
        for n in range(40):
            bench.journal.append_now(message(n, "x" * 10_000))
            await settle(30)
            assert connection.buffered <= outgoing.BATCH_BYTES
        assert len(socket.of("message.received")) > 30


async def test_a_slow_batching_client_has_its_gap_where_the_events_are_missing() -> None:
    async with Bench(ws_buffer_bytes=4096) as bench:
        connection, socket = await bench.join(names=["all"], batch=True)
        socket.flowing.clear()
        for n in range(60):
            bench.journal.append_now(message(n, "x" * 200))
            await settle(10)
        bench.journal.append_now(status())
        await until(lambda: bench.hub.position == 61)
        socket.flowing.set()
        await until(lambda: socket.of("session.status"))
        kinds = [frame["type"] for frame in socket.frames if frame["topic"] != "system" or frame["type"] == "gap"]
        gap = socket.of("gap")[0]["data"]
        assert kinds == ["message.received"] * gap["after"] + ["gap", "session.status"]
        assert gap["until"] == 60
        bench.say(
            connection, {"type": "subscribe", "topics": ["all"], "since": {"epoch": "epoch-1", "offset": gap["after"]}}
        )
        await until(lambda: socket.of("recovered"))
        assert socket.offsets()[-(61 - gap["after"]) :] == list(range(gap["after"] + 1, 62))


async def test_those_who_hold_the_same_share_one_text() -> None:
    async with Bench() as bench:
        sockets = [(await bench.join(names=["messages"], batch=True))[1] for _ in range(5)]
        texts: list[bytes] = []
        for socket in sockets:
            write = socket.write
            socket.write = lambda chunk, write=write: texts.extend(f.text for f in chunk.frames) or write(chunk)
        for n in range(5):
            bench.journal.append_now(message(n))
            await settle(30)
        await until(lambda: all(s.offsets() == [1, 2, 3, 4, 5] for s in sockets))
        batches_sent = [text for text in texts if b'"batch"' in text]
        assert len(batches_sent) >= 5
        assert len({id(text) for text in batches_sent}) <= len(batches_sent) // 5


async def test_leaving_ends_the_window(monkeypatch) -> None:
    monkeypatch.setattr(batches, "WINDOW_S", 0.25)  # long enough for a busy machine to leave within it
    async with Bench() as bench:
        connection, socket = await bench.join(names=["messages"], batch=True)
        for n in range(3):
            bench.journal.append_now(message(n))
            await settle(30)
        connection.lost()
        await bench.hub.disconnect(connection)
        await asyncio.sleep(4 * batches.WINDOW_S)
        assert socket.offsets() == [1]
        assert not bench.hub._window._waiting
