from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any


async def test_order_holds_within_a_chat_and_chats_run_side_by_side(bench: Any, make_sink: Any) -> None:
    sink = make_sink()

    async def commit(item: Any) -> None:
        await asyncio.sleep(0.001 * (hash(item.message_id) % 7))

    sink.commit = commit
    await bench.transport(sink)
    messages = [{"from": f"96650000000{n % 9}", "text": str(n)} for n in range(300)]
    ids = await bench.control.inject_many(messages)
    by_chat = defaultdict(list)
    for message in sink.messages:
        by_chat[message.chat_id].append(int(message.content.body))
    assert all(numbers == sorted(numbers) for numbers in by_chat.values())
    assert len(by_chat) == 9
    assert sorted(m.message_id for m in sink.messages) == sorted(ids)
    assert 2 <= sink.most_running <= 9


async def test_width_bounds_what_runs_at_once(bench: Any, make_sink: Any) -> None:
    sink = make_sink()
    sink.commit = lambda item: asyncio.sleep(0.005)
    await bench.transport(sink, width=4)
    await bench.control.inject_many([{"from": f"9665000000{n:02d}", "text": "x"} for n in range(40)])
    assert sink.most_running == 4


async def test_the_acknowledgement_follows_the_commit(bench: Any, make_sink: Any, wait_until: Any) -> None:
    sink, gate = make_sink(), asyncio.Event()
    sink.commit = lambda item: gate.wait()
    await bench.transport(sink)
    waiting = asyncio.ensure_future(bench.control.inject("hello"))
    await wait_until(lambda: sink.begun)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert (await bench.control.stats())["inbound_acked"] == 0
    gate.set()
    await waiting
    assert (await bench.control.stats())["inbound_acked"] == 1


async def test_what_was_not_acknowledged_comes_again_after_a_disconnect(
    bench: Any, make_sink: Any, wait_until: Any
) -> None:
    sink, gate = make_sink(), asyncio.Event()
    sink.commit = lambda item: gate.wait()
    first, _ = await bench.transport(sink)
    ids = await bench.control.inject_many([{"text": str(n)} for n in range(5)], wait=False)
    await wait_until(lambda: sink.begun)
    for task in first._tasks:
        task.cancel()
    first._link.abort()  # as a killed engine: no goodbye
    other = make_sink()
    await bench.transport(other)
    await wait_until(lambda: len(other.messages) == 5)
    assert [m.message_id for m in other.messages] == ids
    gate.set()


async def test_a_delivery_under_way_is_not_handled_twice_by_a_reconnect(
    bench: Any, make_sink: Any, wait_until: Any
) -> None:
    sink, gate = make_sink(), asyncio.Event()
    sink.commit = lambda item: gate.wait()
    await bench.transport(sink)
    waiting = asyncio.ensure_future(bench.control.inject("hello"))
    await wait_until(lambda: sink.begun)
    await bench.control.disconnect()
    await wait_until(lambda: sink.states.count("ready") == 2)
    await asyncio.sleep(0.05)
    gate.set()
    await waiting
    assert len(sink.begun) == 1


async def test_a_slow_commit_beyond_the_timeout_is_pushed_again_and_handled_once(
    bench: Any, make_sink: Any, wait_until: Any
) -> None:
    await bench.control.configure(redeliver_s=0.05)
    sink = make_sink()
    sink.commit = lambda item: asyncio.sleep(0.5)
    await bench.transport(sink)
    await bench.control.inject("hello")
    stats = await bench.control.stats()
    assert stats["inbound_redelivered"] >= 1
    assert len(sink.begun) == 1


async def test_a_failing_commit_is_tried_again_and_then_left_to_redelivery(bench: Any, make_sink: Any) -> None:
    await bench.control.configure(redeliver_s=0.3)
    sink, attempts = make_sink(), []

    async def commit(item: Any) -> None:
        attempts.append(item.message_id)
        if len(attempts) < 6:
            raise OSError("disk")

    sink.commit = commit
    await bench.transport(sink)
    message_id = await bench.control.inject("hello")
    assert [m.message_id for m in sink.messages] == [message_id]
    assert len(attempts) == 6
    assert (await bench.control.stats())["inbound_redelivered"] >= 1


async def test_duplicates_have_the_same_id_and_reordered_ones_come_later(bench: Any) -> None:
    _, sink = await bench.transport()
    await bench.control.script(
        [{"kind": "duplicate", "what": "message", "delay": 0.01}, {"kind": "reorder", "what": "message", "times": 1}]
    )
    ids = await bench.control.inject_many(["first", "second"])
    await bench.control.wait_idle(0.1)
    assert sorted(m.message_id for m in sink.messages) == sorted(ids * 2)
    assert sink.messages[0].message_id == ids[1]


async def test_receipts_can_be_duplicated_and_overtake_each_other(bench: Any, make_text: Any) -> None:
    transport, sink = await bench.transport()
    await bench.control.script([{"kind": "reorder", "what": "receipt", "times": 1, "delay": 0.05}])
    await transport.send(make_text("M1"))
    await bench.control.wait_idle(0.05)
    assert [r.status for r in sink.statuses] == ["read", "delivered"]
    await bench.control.script([{"kind": "duplicate", "what": "receipt"}])
    await transport.send(make_text("M2"))
    await bench.control.wait_idle(0.1)
    assert sorted(r.status for r in sink.statuses if r.message_id == "M2") == ["delivered", "delivered", "read", "read"]


async def test_messages_wait_while_nobody_is_connected(bench: Any) -> None:
    ids = await bench.control.inject_many(["one", "two"], wait=False)
    assert (await bench.control.stats())["inbound_waiting"] == 2
    _, sink = await bench.transport()
    await bench.control.wait_idle(0.05)
    assert [m.message_id for m in sink.messages] == ids


async def test_stopping_lets_a_running_commit_finish_and_acknowledges_it(
    bench: Any, make_sink: Any, wait_until: Any
) -> None:
    sink = make_sink()
    sink.commit = lambda item: asyncio.sleep(0.2)
    transport, _ = await bench.transport(sink)
    await bench.control.inject("hello", wait=False)
    await wait_until(lambda: sink.begun)
    await transport.stop()
    assert len(sink.messages) == 1
    stats = await bench.control.stats()
    assert (stats["inbound_acked"], stats["inbound_waiting"]) == (1, 0)


async def test_unknown_content_is_kept_as_other(bench: Any) -> None:
    _, sink = await bench.transport()
    contents = [
        {"type": "poll", "question": "؟", "options": [1, 2]},
        {"type": "text", "body": ""},
        {"type": "text", "body": "x", "unknown_field": 1},
        {"type": "location", "latitude": 1000, "longitude": 0},
        {"type": "x" * 500},
    ]
    await bench.control.inject_many([{"content": content} for content in contents])
    assert [m.content.type for m in sink.messages] == ["other"] * 5
    assert [m.content.raw for m in sink.messages] == contents


async def test_groups_and_quotes_and_choices_arrive(bench: Any) -> None:
    _, sink = await bench.transport()
    await bench.control.inject(
        {
            "from": "+966 50 123 4567", "chat_id": "120363000000000001@g.us", "mentioned": True, "quoted_id": "wamid.Q",
            "push_name": "سارة" * 100, "content": {"type": "choice", "id": "yes", "title": "نعم"}, "timestamp": 17,
        }
    )  # fmt: skip
    [m] = sink.messages
    assert (m.sender, m.chat_id, m.is_group, m.mentioned) == ("966501234567", "120363000000000001@g.us", True, True)
    assert (m.quoted_id, m.timestamp, len(m.push_name), m.content.id) == ("wamid.Q", 17, 200, "yes")
