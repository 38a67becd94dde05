from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Any

import pytest

from waqtor.errors import SendRefused, SendUncertain
from waqtor.messaging.ports import Outgoing

HOSTILE = [
    "مرحبا، أين طلبي؟",
    "👩‍👩‍👧‍👦🏴\U000e0067\U000e0062\U000e007f 😀",
    "abc\u202edcba\u202c\u2066x\u2069",
    "nul\u0000inside",
    '"quotes" \\ \n\r\n\u2028\u2029{"op":"send"}\n',
    " ",
    "\ufeff\ud7ff\uffff\U0010ffff",
]


async def test_a_send_is_accepted_delivered_and_read(bench: Any, make_text: Any) -> None:
    transport, sink = await bench.transport()
    provider_id = await transport.send(make_text("M1"))
    await bench.control.wait_idle(0.05)
    assert [(r.status, r.message_id, r.provider_id, r.session) for r in sink.statuses] == [
        ("delivered", "M1", provider_id, "default"),
        ("read", "M1", provider_id, "default"),
    ]
    assert sink.states[:2] == ["connecting", "ready"]
    assert sink.reports[1].client_info.platform == "simulator"


@pytest.mark.parametrize("body", HOSTILE)
async def test_any_text_arrives_unchanged_in_both_directions(bench: Any, body: str, make_text: Any) -> None:
    transport, sink = await bench.transport()
    await transport.send(make_text("M1", body))
    await bench.control.inject(body)
    content = sink.messages[0].content
    assert content.body == body
    from waqtor.transports.simulator.calls import content_hash

    assert (await bench.control.calls())["M1"]["hashes"] == [content_hash({"type": "text", "body": body})]


async def test_a_megabyte_goes_through_both_ways(bench: Any) -> None:
    transport, sink = await bench.transport()
    big = "س😀x" * 250_000
    await transport.send(Outgoing("M1", "default", "966500000009", {"type": "document", "base64": big}))
    await bench.control.inject(big)
    [message] = sink.messages
    assert message.content.type == "other"  # longer than a text may be: kept whole, not refused
    assert message.content.raw["body"] == big
    await asyncio.gather(*(bench.control.inject(big) for _ in range(40)))
    assert len(sink.messages) == 41


async def test_thousands_of_sends_in_flight(bench: Any, make_text: Any) -> None:
    transport, sink = await bench.transport()
    ids = await asyncio.gather(*(transport.send(make_text(f"M{n}")) for n in range(3000)))
    assert len(set(ids)) == 3000
    await bench.control.wait_idle(0.05)
    calls = await bench.control.calls()
    assert {m: (c["count"], c["provider_ids"][0]) for m, c in calls.items()} == {
        f"M{n}": (1, ids[n]) for n in range(3000)
    }
    assert len(sink.statuses) == 6000


@pytest.mark.parametrize(
    "content",
    [{"type": "text", "body": "\ud800"}, {"type": "text", "body": object()}, {1: 2}, {"type": "x", "n": 1 << 70}],
)
async def test_what_is_not_json_is_refused_and_nothing_leaves(bench: Any, content: Any) -> None:
    transport, _ = await bench.transport()
    with pytest.raises(SendRefused) as caught:
        await transport.send(Outgoing("M1", "default", "966500000009", content))
    assert (caught.value.error_code, caught.value.retryable) == ("100", False)
    assert await bench.control.calls() == {}


async def test_read_only_mappings_can_be_sent(bench: Any) -> None:
    transport, _ = await bench.transport()
    content = MappingProxyType({"type": "text", "body": "x", "nested": MappingProxyType({"a": 1})})
    assert await transport.send(Outgoing("M1", "default", "966500000009", content))


@pytest.mark.parametrize(
    ("code", "retryable"),
    [("131056", True), ("130429", True), ("500", True), ("131047", False), ("131026", False), ("131048", False)],
)
async def test_errors_by_code(bench: Any, make_text: Any, code: str, retryable: bool) -> None:
    transport, _ = await bench.transport()
    await bench.control.script([{"kind": "error", "code": code, "retry_after": 1.5, "reason": "no", "times": 1}])
    with pytest.raises(SendRefused, match="no") as caught:
        await transport.send(make_text("M1"))
    error = caught.value
    assert (error.error_code, error.retryable, error.retry_after) == (code, retryable, 1.5)
    assert await bench.control.call("M1") is None
    await transport.send(make_text("M1"))
    assert (await bench.control.stats())["refused"] == {code: 1}


@pytest.mark.parametrize(("kind", "count"), [("hang", 1), ("swallow", 0), ("drop_after", 1), ("drop_before", 0)])
async def test_a_lost_answer_is_uncertain(bench: Any, make_text: Any, kind: str, count: int) -> None:
    transport, _ = await bench.transport(timeout=0.3)
    await bench.control.script([{"kind": kind, "times": 1}])
    with pytest.raises(SendUncertain):
        await transport.send(make_text("M1"))
    lookup = await transport.lookup("M1")
    assert lookup.state == ("accepted" if count else "absent")
    call = await bench.control.call("M1")
    assert (call["count"] if call else 0) == count
    if call:
        assert lookup.provider_id == call["provider_ids"][0]


@pytest.mark.parametrize("lie", ["absent", "unknown"])
async def test_a_liar_denies_and_accepts_a_moment_later(bench: Any, make_text: Any, lie: str) -> None:
    transport, _ = await bench.transport(timeout=0.1)
    await bench.control.script([{"kind": "late", "delay": 0.4, "lookup": lie, "times": 1}])
    with pytest.raises(SendUncertain):
        await transport.send(make_text("M1"))
    assert (await transport.lookup("M1")).state == lie
    await asyncio.sleep(0.45)
    assert (await transport.lookup("M1")).state == "accepted"


async def test_other_sends_are_unharmed_by_one_that_hangs(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport(timeout=0.3)
    await bench.control.script([{"kind": "hang", "to": "966500000001"}])
    hanging = asyncio.ensure_future(transport.send(make_text("H", to="966500000001")))
    await asyncio.gather(*(transport.send(make_text(f"M{n}")) for n in range(50)))
    with pytest.raises(SendUncertain):
        await hanging


async def test_not_connected_is_refused_and_retryable(bench: Any, make_text: Any) -> None:
    transport, sink = await bench.transport(ready=False)
    with pytest.raises(SendRefused) as caught:
        await transport.send(make_text("M1"))
    assert (caught.value.error_code, caught.value.retryable) == ("not_connected", True)
    while "ready" not in sink.states:
        await asyncio.sleep(0.002)
    await transport.stop()
    with pytest.raises(SendRefused):
        await transport.send(make_text("M1"))


async def test_a_connection_cut_in_the_same_turn_proves_that_nothing_left(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport()
    send = asyncio.ensure_future(transport.send(make_text("M1")))
    transport_link = transport._link
    await asyncio.sleep(0)  # the send is queued, its write has not come yet
    assert transport_link is not None
    transport_link.abort()
    with pytest.raises(SendRefused) as caught:
        await send
    assert caught.value.retryable
    assert await bench.control.call("M1") is None


async def test_reconnects_by_itself_and_reports_it(bench: Any, make_text: Any, wait_until: Any) -> None:
    transport, sink = await bench.transport()
    for _ in range(3):
        seen = len(sink.states)
        assert await bench.control.disconnect() == 1
        await wait_until(lambda seen=seen: "ready" in sink.states[seen:])
    assert await transport.send(make_text("M1"))
    assert sink.states.count("ready") == 4
    assert sink.states.count("disconnected") == 3


async def test_an_outage_refuses_connections_until_it_ends(bench: Any, make_text: Any, wait_until: Any) -> None:
    transport, sink = await bench.transport()
    await bench.control.script([{"kind": "outage", "from_s": 0.05, "to_s": 0.4}])
    await wait_until(lambda: sink.states[-1] == "disconnected")
    with pytest.raises(SendRefused):
        await transport.send(make_text("M1"))
    await wait_until(lambda: sink.states[-1] == "ready")
    assert await transport.send(make_text("M1"))
    assert sink.states == ["connecting", "ready", "disconnected", "ready"]  # one report, not one per attempt


async def test_latency_delays_and_does_not_block_others(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport()
    await bench.control.script([{"kind": "latency", "delay": 0.2}])
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.gather(*(transport.send(make_text(f"M{n}")) for n in range(100)))
    assert 0.2 <= loop.time() - begun < 1.5


async def test_a_late_failure_comes_as_a_receipt(bench: Any, make_text: Any) -> None:
    transport, sink = await bench.transport()
    await bench.control.script([{"kind": "fail", "code": "131049", "reason": "ecosystem"}])
    await transport.send(make_text("M1"))
    await bench.control.wait_idle(0.05)
    [receipt] = sink.statuses
    assert (receipt.status, receipt.error_code, receipt.error_reason) == ("failed", "131049", "ecosystem")


async def test_a_cancelled_send_leaves_nothing_behind(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport(timeout=0.2)
    await bench.control.script([{"kind": "hang", "times": 1}])
    task = asyncio.ensure_future(transport.send(make_text("M1")))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.4)
    assert transport._link._pending == {}
    assert await transport.send(make_text("M2"))


async def test_lookup_waits_for_the_connection_and_gives_up_as_unknown(
    bench: Any, make_text: Any, make_sink: Any
) -> None:
    transport, _ = await bench.transport()
    provider_id = await transport.send(make_text("M1"))
    await bench.control.disconnect()
    lookup = await transport.lookup("M1")
    assert (lookup.state, lookup.provider_id) == ("accepted", provider_id)
    from waqtor.transports.simulator.client import SimulatorTransport

    lonely = SimulatorTransport("x", bench.path.with_name("nobody.sock"), timeout=0.1, backoff=lambda n: 0.02)
    await lonely.start(make_sink())
    assert (await lonely.lookup("M1")).state == "unknown"
    await lonely.stop()


async def test_qr_scan_logout_and_restart(bench: Any, make_text: Any, wait_until: Any) -> None:
    await bench.control.configure(qr=True)
    transport, sink = await bench.transport(ready=False)
    await wait_until(lambda: "qr" in sink.states)
    first = sink.reports[-1].qr
    assert first.startswith("2@")
    with pytest.raises(SendRefused) as caught:
        await transport.send(make_text("M1"))
    assert (caught.value.error_code, caught.value.retryable) == ("not_ready", True)
    await bench.control.advance_clock(21)
    await wait_until(lambda: sink.reports[-1].qr not in (None, first))
    await bench.control.scan()
    await wait_until(lambda: sink.states[-1] == "ready")
    await transport.send(make_text("M1"))
    await transport.logout()
    await wait_until(lambda: sink.states[-1] == "disconnected")
    assert sink.reports[-1].reason == "logged out"
    await transport.restart()
    await wait_until(lambda: sink.states[-1] == "qr")
    await bench.control.login("auth_failure")
    await wait_until(lambda: sink.states[-1] == "auth_failure")


async def test_restart_reconnects_a_ready_session(bench: Any, wait_until: Any) -> None:
    transport, sink = await bench.transport(backoff=lambda attempt: 60.0)
    await transport.restart()
    await wait_until(lambda: sink.states.count("ready") == 2)


async def test_a_second_connection_takes_over_and_the_first_stays_away(
    bench: Any, make_text: Any, wait_until: Any
) -> None:
    first, first_sink = await bench.transport()
    second, second_sink = await bench.transport()
    await wait_until(lambda: first_sink.states[-1] == "disconnected")
    assert "took over" in first_sink.reports[-1].reason
    await asyncio.sleep(0.15)
    assert second_sink.states == ["connecting", "ready"]
    assert await second.send(make_text("M1"))
    await bench.control.inject("to whom?")
    assert (len(first_sink.messages), len(second_sink.messages)) == (0, 1)
    await first.restart()
    await wait_until(lambda: first_sink.states[-1] == "ready")


async def test_two_sessions_do_not_mix(bench: Any, make_text: Any) -> None:
    (a, a_sink), (b, b_sink) = await bench.transport(session="a"), await bench.transport(session="b")
    await asyncio.gather(a.send(make_text("A1", session="a")), b.send(make_text("B1", session="b")))
    await bench.control.inject_many([{"text": "to a", "session": "a"}, {"text": "to b", "session": "b"}])
    await bench.control.wait_idle(0.05)
    assert [m.content.body for m in a_sink.messages] == ["to a"]
    assert [m.content.body for m in b_sink.messages] == ["to b"]
    assert {r.message_id for r in a_sink.statuses} == {"A1"}
    assert {r.session for r in b_sink.statuses} == {"b"}
    calls = await bench.control.calls()
    assert {m: c["session"] for m, c in calls.items()} == {"A1": "a", "B1": "b"}


async def test_a_failing_report_does_not_stop_the_transport(bench: Any, make_sink: Any, make_text: Any) -> None:
    sink = make_sink()
    seen = []

    async def report(report: Any) -> None:
        seen.append(report.status)
        raise RuntimeError("the engine stumbles")

    sink.report = report
    transport, _ = await bench.transport(sink, ready=False)
    while "ready" not in seen:
        await asyncio.sleep(0.002)
    assert await transport.send(make_text("M1"))


async def test_starting_twice_is_an_error_and_stopping_twice_is_not(bench: Any, make_sink: Any) -> None:
    transport, _ = await bench.transport()
    with pytest.raises(RuntimeError):
        await transport.start(make_sink())
    await transport.stop()
    await transport.stop()
