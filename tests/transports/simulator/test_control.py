from __future__ import annotations

import asyncio
from typing import Any

import pytest

from waqtor.errors import InvalidInput, Timeout, Unavailable
from waqtor.transports.simulator.control import SimulatorControl


async def test_inject_without_an_engine_times_out_and_stays_queued(bench: Any) -> None:
    with pytest.raises(Timeout):
        await bench.control.inject("anybody there?", timeout=0.1)
    assert (await bench.control.stats())["inbound_waiting"] == 1


async def test_nobody_listens(tmp_path: Any) -> None:
    with pytest.raises(Unavailable, match="waqtor up"):
        await SimulatorControl(tmp_path / "none.sock").connect()
    with pytest.raises(Unavailable):
        await SimulatorControl(tmp_path / "none.sock").stats()


async def test_the_simulator_goes_away_while_asked(bench: Any) -> None:
    waiting = asyncio.ensure_future(bench.control.inject("hello"))
    await asyncio.sleep(0.02)
    for connection in list(bench.server._open):
        connection.abort()
    with pytest.raises(Unavailable):
        await waiting


async def test_what_is_not_json_is_invalid(bench: Any) -> None:
    for text in ("\ud800", "\udfff x"):
        with pytest.raises(InvalidInput):
            await bench.control.inject(text, wait=False)


async def test_calls_are_paged_and_complete(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = bench.world.session("default")
    for n in range(25_000):
        bench.world.calls.accept(f"M{n}", session.name, "1", {}, "p", 0)
    calls = await bench.control.calls()
    assert len(calls) == 25_000
    assert await bench.control.call("nobody") is None


async def test_the_clock_can_be_frozen_and_moved(bench: Any, make_text: Any) -> None:
    await bench.control.configure(receipts={"delivered_delay": 60, "read_delay": 3600})
    assert await bench.control.freeze_clock(1_000_000_000) == 1_000_000_000
    transport, sink = await bench.transport()
    await transport.send(make_text("M1"))
    assert await bench.control.advance_clock(60) == 1
    await bench.control.advance_clock(3600)
    while len(sink.statuses) < 2:
        await asyncio.sleep(0.002)
    assert [(r.status, r.timestamp) for r in sink.statuses] == [("delivered", 1_060_000_000), ("read", 4_660_000_000)]
    await bench.control.thaw_clock()
    await bench.control.inject("now")
    assert 4_660_000_000 <= sink.messages[0].timestamp < 4_760_000_000


async def test_wait_idle_waits_for_planned_receipts_and_gives_up_in_time(bench: Any, make_text: Any) -> None:
    await bench.control.configure(receipts={"delivered_delay": 0.3})
    transport, sink = await bench.transport()
    await transport.send(make_text("M1"))
    await bench.control.wait_idle(0.05)
    assert len(sink.statuses) == 2
    await bench.control.configure(receipts={"delivered_delay": 60})
    await transport.send(make_text("M2"))
    with pytest.raises(Timeout):
        await bench.control.wait_idle(0.05, timeout=0.2)


async def test_a_contact_that_is_not_on_whatsapp_and_one_that_answers(bench: Any, make_text: Any) -> None:
    transport, sink = await bench.transport()
    await bench.control.contact("+966 50 000 0001", on_whatsapp=False)
    await bench.control.contact("966500000002", name="سارة", script=[{"reply": "شكراً", "delay": 0.01}])
    with pytest.raises(Exception, match="not on WhatsApp"):
        await transport.send(make_text("M1", to="966500000001"))
    await transport.send(make_text("M2", to="966500000002"))
    await bench.control.wait_idle(0.05)
    assert [(m.sender, m.push_name, m.content.body) for m in sink.messages] == [("966500000002", "سارة", "شكراً")]


async def test_limits_refuse_with_the_time_to_wait(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport()
    await bench.control.configure(limits={"pair_interval_s": 6, "pair_burst": 2})
    results = await asyncio.gather(*(transport.send(make_text(f"M{n}")) for n in range(3)), return_exceptions=True)
    assert [type(r).__name__ for r in results] == ["str", "str", "SendRefused"]
    assert results[2].error_code == "131056"
    assert 0 < results[2].retry_after <= 6
    await bench.control.advance_clock(6)
    assert await transport.send(make_text("M2"))


async def test_the_seed_repeats_the_faults(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport()
    outcomes = []
    for round_ in range(2):
        await bench.control.seed(42)
        await bench.control.script([{"kind": "error", "probability": 0.5}])
        outcomes.append(
            [
                isinstance(result, str)
                for result in [
                    (await asyncio.gather(transport.send(make_text(f"{round_}-{n}")), return_exceptions=True))[0]
                    for n in range(40)
                ]
            ]
        )
    assert outcomes[0] == outcomes[1]
    assert 5 < sum(outcomes[0]) < 35


async def test_accept_and_answer_delays(bench: Any, make_text: Any) -> None:
    transport, _ = await bench.transport(timeout=0.15)
    await bench.control.configure(accept_delay=0.25)
    sends = asyncio.ensure_future(transport.send(make_text("M1")))
    await asyncio.sleep(0.1)
    assert (await transport.lookup("M1")).state == "absent"  # a look-up that comes too early
    with pytest.raises(Exception, match="no answer"):
        await sends
    await asyncio.sleep(0.2)
    assert (await transport.lookup("M1")).state == "accepted"
    await bench.control.configure(accept_delay=0, answer_delay=0.05)
    assert await transport.send(make_text("M2"))
