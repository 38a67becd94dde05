from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.messaging.scripted import Held, ScriptedTransport, draft, states, until
from waqtor.contracts.messages import InboundMessage, TextContent
from waqtor.errors import SendRefused, SendUncertain
from waqtor.kernel.clock import SystemClock
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.answering import pending_of
from waqtor.messaging.ports import CAMPAIGN, REPLY
from waqtor.messaging.sender import Sender, SenderConfig

pytestmark = pytest.mark.usefixtures("tidy_loop")
A, B = "966500000001", "966500000002"


class Bench:
    """A sender at work on a scripted transport."""

    def __init__(self, ledger, transport=None, **config) -> None:
        self.ledger = ledger
        self.transport = transport or ScriptedTransport()
        self.lease = Held()
        self.doubts: list[str] = []
        self.sender = Sender(
            "default", ledger, self.transport, SystemClock(), Telemetry(),
            SenderConfig(**{"rate": 0.0, "concurrency": 8, "timeout": 0.5, "poll": 0.02, **config}),
            lease=self.lease, on_doubt=lambda pending: self.doubts.append(pending.message_id),
        )  # fmt: skip
        self.task: asyncio.Task | None = None

    async def __aenter__(self) -> Bench:
        self.sender.set_connected(True)
        self.start()
        return self

    def start(self) -> None:
        self.task = asyncio.create_task(self.sender.run())

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def __aexit__(self, *_) -> None:
        await self.stop()

    async def send(self, body: str, to: str = A, **more) -> str:
        given = draft(body, to, **more)
        row = await self.ledger.enqueue(given)
        self.sender.offer(pending_of(given, row))
        return row.message_id

    async def settled(self, count: int) -> dict[str, str]:
        async with asyncio.timeout(5):
            while True:
                found = await states(self.ledger)
                if len(found) >= count and not {"queued", "sending"} & set(found.values()):
                    return found
                await asyncio.sleep(0.005)


async def test_what_is_queued_is_sent_once(ledger):
    async with Bench(ledger) as bench:
        await asyncio.gather(*(bench.send(f"m{i}", to=f"9665000000{i:02}") for i in range(50)))
        assert set((await bench.settled(50)).values()) == {"sent"}
        assert sorted(bench.transport.bodies()) == sorted(f"m{i}" for i in range(50))
        assert bench.transport.most_in_flight > 1


async def test_what_waits_in_the_database_is_loaded_at_the_start(ledger):
    for i in range(5):
        await ledger.enqueue(draft(f"m{i}", priority=(CAMPAIGN, REPLY)[i % 2]))
    async with Bench(ledger) as bench:
        await bench.settled(5)
        assert bench.transport.bodies() == ["m1", "m3", "m0", "m2", "m4"], "replies first, one chat in order"


async def test_a_chat_has_one_call_at_a_time_in_order(ledger):
    transport = ScriptedTransport()

    async def slow(message):
        await asyncio.sleep(0.005)
        return f"w.{message.message_id}"

    transport.steps[A] = [slow] * 10
    async with Bench(ledger, transport) as bench:
        for i in range(10):
            await bench.send(f"m{i}")
        await bench.settled(10)
    assert transport.bodies() == [f"m{i}" for i in range(10)]
    assert transport.most_in_flight == 1


async def test_a_retryable_refusal_is_tried_again_a_permanent_one_is_not(ledger):
    transport = ScriptedTransport()
    busy = SendRefused("too fast", error_code="1", retryable=True, retry_after=0.02)
    transport.steps = {A: [busy, busy, "w.a"], B: [SendRefused("no such number", error_code="131026")]}
    async with Bench(ledger, transport) as bench:
        await bench.send("a", A)
        await bench.send("b", B)
        assert await bench.settled(2) == {"a": "sent", "b": "failed"}
        assert sorted(transport.bodies()) == ["a", "a", "a", "b"]
        assert len({call.message_id for call in transport.calls if call.to == A}) == 1, "a re-send keeps its id"


async def test_after_the_last_attempt_it_has_failed(ledger):
    transport = ScriptedTransport()
    transport.steps[A] = [SendRefused("down", error_code="1", retryable=True, retry_after=0.0) for _ in range(9)]
    async with Bench(ledger, transport, max_attempts=3) as bench:
        await bench.send("a")
        assert await bench.settled(1) == {"a": "failed"}
    assert len(transport.calls) == 3


async def test_too_fast_holds_the_whole_number(ledger):
    transport = ScriptedTransport()
    transport.steps[A] = [SendRefused("rate", error_code="130429", retryable=True, retry_after=0.15)]
    async with Bench(ledger, transport) as bench:
        await bench.send("a")
        await until(lambda: transport.calls)
        await bench.send("b", B)
        await asyncio.sleep(0.08)
        assert transport.bodies() == ["a"]
        assert await bench.settled(2) == {"a": "sent", "b": "sent"}


@pytest.mark.parametrize(
    "fault", [SendUncertain("no answer"), TimeoutError(), RuntimeError("a bug"), KeyError("x"), OSError("reset")]
)
async def test_what_proves_nothing_is_doubt_and_is_never_sent_again(ledger, fault):
    transport = ScriptedTransport()
    transport.steps[A] = [fault]
    async with Bench(ledger, transport) as bench:
        message_id = await bench.send("a")
        await bench.send("b")
        assert await bench.settled(2) == {"a": "in_doubt", "b": "sent"}
        assert bench.doubts == [message_id]
        await asyncio.sleep(0.05)
        assert transport.bodies() == ["a", "b"]


async def test_a_call_that_takes_too_long_is_doubt(ledger):
    transport = ScriptedTransport()
    transport.steps[A] = [lambda message: asyncio.sleep(30)]
    async with Bench(ledger, transport, timeout=0.05) as bench:
        await bench.send("a")
        assert await bench.settled(1) == {"a": "in_doubt"}


async def test_while_disconnected_nothing_is_attempted(ledger):
    async with Bench(ledger, rate=100.0) as bench:
        bench.sender.set_connected(False)
        for i in range(5):
            await bench.send(f"m{i}", to=f"96650000000{i}")
        await asyncio.sleep(0.05)
        assert bench.transport.calls == []
        bench.sender.set_connected(True)
        await bench.settled(5)


async def test_a_disconnection_stops_those_who_wait_for_a_token_too(ledger):
    async with Bench(ledger, rate=20.0) as bench:
        for i in range(20):
            await bench.send(f"m{i}", to=f"9665000000{i:02}")
        await until(lambda: bench.transport.calls)
        bench.sender.set_connected(False)
        before = len(bench.transport.calls)
        await asyncio.sleep(0.3)
        assert len(bench.transport.calls) <= before + 1
        rows = await ledger._store.rows("SELECT count(*) FROM messages WHERE attempt > 0")
        assert rows == [(len(bench.transport.calls),)], "no attempt is counted"


async def test_a_lost_lease_stops_the_sender(ledger):
    async with Bench(ledger) as bench:
        bench.lease.held = False
        await bench.send("a")
        await asyncio.sleep(0.05)
        assert bench.transport.calls == []
        bench.lease.held = True
        assert await bench.settled(1) == {"a": "sent"}


async def test_a_lease_lost_during_the_grant_keeps_the_message_from_being_sent(ledger, monkeypatch):
    bench = Bench(ledger)
    grant = ledger.grant

    async def slow_grant(pending):
        granted = await grant(pending)
        bench.lease.held = False  # the commit took longer than the lease
        return granted

    monkeypatch.setattr(ledger, "grant", slow_grant)
    async with bench:
        await bench.send("a")
        await until(lambda: not bench.lease.held)
        await asyncio.sleep(0.05)
        assert bench.transport.calls == []
        assert await states(ledger) == {"a": "queued"}, "the next owner sends it"
        monkeypatch.undo()
        bench.lease.held = True
        assert await bench.settled(1) == {"a": "sent"}


async def test_drain_lets_calls_in_flight_finish_and_starts_no_more(ledger):
    release = asyncio.Event()

    async def waiting(message):
        await release.wait()
        return "w.a"

    transport = ScriptedTransport()
    transport.steps[A] = [waiting]
    async with Bench(ledger, transport) as bench:
        await bench.send("a")
        await until(lambda: transport.calls)
        draining = asyncio.create_task(bench.sender.drain(5))
        await asyncio.sleep(0.01)
        await bench.send("b", B)
        assert not draining.done()
        release.set()
        await draining
        await asyncio.sleep(0.03)
        assert await states(ledger) == {"a": "sent", "b": "queued"}
        assert transport.bodies() == ["a"]


async def test_drain_gives_up_in_time(ledger):
    transport = ScriptedTransport()
    transport.steps[A] = [lambda message: asyncio.sleep(30)]
    async with Bench(ledger, transport, timeout=60) as bench:
        await bench.send("a")
        await until(lambda: transport.calls)
        await asyncio.wait_for(bench.sender.drain(0.05), 2)
    assert await states(ledger) == {"a": "sending"}


async def test_it_can_run_again_after_a_stop(ledger):
    bench = Bench(ledger)
    async with bench:
        await bench.send("a")
        await bench.settled(1)
        await bench.stop()
        await ledger.enqueue(draft("b"))
        bench.start()
        assert await bench.settled(2) == {"a": "sent", "b": "sent"}


async def test_more_than_fits_in_memory_is_sent_all_the_same(ledger):
    async with Bench(ledger) as bench:
        bench.sender.queue._limit = 20
        for i in range(150):
            await bench.send(f"m{i}", to=f"966500000{i:03}", priority=CAMPAIGN)
        assert set((await bench.settled(150)).values()) == {"sent"}
        assert len(bench.transport.calls) == 150


async def test_a_fault_of_the_ledger_neither_loses_nor_doubles(ledger, monkeypatch):
    grant, settle, faults = ledger.grant, ledger.settle, ["grant", "settle"]

    async def bad_grant(pending):
        if "grant" in faults:
            faults.remove("grant")
            raise RuntimeError("locked")
        return await grant(pending)

    async def bad_settle(outcome):
        if "settle" in faults:
            faults.remove("settle")
            raise RuntimeError("locked")
        await settle(outcome)

    monkeypatch.setattr(ledger, "grant", bad_grant)
    monkeypatch.setattr(ledger, "settle", bad_settle)
    async with Bench(ledger) as bench:
        message_id = await bench.send("a")
        await until(lambda: not faults)
        await asyncio.sleep(0.1)
        assert bench.transport.bodies() == ["a"], "it was loaded again after the first fault, and sent once"
        assert await states(ledger) == {"a": "sending"}
        assert bench.doubts == [message_id, message_id], "it will be asked about"


async def test_a_quoted_message_is_named_by_the_providers_id(ledger):
    inbound = InboundMessage(
        session="default", message_id="wamid.in", sender=A, chat_id=A, content=TextContent(body="?"), timestamp=1
    )
    ours, _ = await ledger.accept(inbound)
    async with Bench(ledger) as bench:
        await bench.send("a", quoted_id=ours)
        await bench.settled(1)
        assert bench.transport.calls[0].quoted_provider_id == "wamid.in"
