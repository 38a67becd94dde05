from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.messaging.scripted import ScriptedTransport, draft, states, until
from waqtor.errors import Unavailable
from waqtor.kernel.clock import FakeClock
from waqtor.messaging.answering import pending_of
from waqtor.messaging.doubts import DoubtResolver
from waqtor.messaging.ports import Lookup, Outcome, Pending
from waqtor.storage.ledger import SqlLedger

pytestmark = pytest.mark.usefixtures("tidy_loop")
TIMEOUT, SETTLE = 20.0, 25.0


class Again:
    """Takes what is to be sent again."""

    def __init__(self) -> None:
        self.offered: list[Pending] = []

    def offer(self, pending: Pending) -> None:
        self.offered.append(pending)


@contextlib.asynccontextmanager
async def resolving(ledger, transport, clock):
    again = Again()
    resolver = DoubtResolver("default", ledger, transport, clock, again, timeout=TIMEOUT, settle=SETTLE)
    task = asyncio.create_task(resolver.run())
    await asyncio.sleep(0.02)
    try:
        yield resolver, again
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def pass_time(clock: FakeClock, seconds: float) -> None:
    await clock.advance(seconds)
    await asyncio.sleep(0.02)  # the ledger answers in real time


async def granted(ledger: SqlLedger, body: str = "a") -> Pending:
    given = draft(body)
    pending = pending_of(given, await ledger.enqueue(given))
    assert (await ledger.grant(pending)).state == "go"
    pending.attempt += 1
    return pending


async def doubted(ledger: SqlLedger, body: str = "a") -> Pending:
    pending = await granted(ledger, body)
    await ledger.settle(Outcome(pending.message_id, "default", pending.to, "in_doubt", attempt=1))
    return pending


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_nobody_is_asked_before_the_settling_time(sqlite, clock):
    """A provider says "absent" and accepts a moment later: an early answer would be a second message."""
    transport = ScriptedTransport()
    started = clock.monotonic()

    async def lying(message_id: str) -> Lookup:
        transport.asked.append(message_id)
        return Lookup("accepted", "w.late") if clock.monotonic() - started > 24.0 else Lookup("absent")

    transport.lookup = lying
    async with sqlite.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        async with resolving(ledger, transport, clock) as (resolver, again):
            resolver.add(await doubted(ledger))
            for _ in range(24):
                await pass_time(clock, 1.0)
            assert transport.asked == []
            await pass_time(clock, 1.5)
            await until(lambda: transport.asked)
            await asyncio.sleep(0.02)
            assert await states(ledger) == {"a": "sent"}
            assert again.offered == []


async def test_a_row_of_an_earlier_run_is_asked_about_after_time_out_and_settling(sqlite, clock):
    async with sqlite.opened(clock=clock) as store:
        pending = await granted(SqlLedger(store))
    await clock.advance(10.0)  # the crash and the new start
    transport = ScriptedTransport(lookups={"*": [Lookup("accepted", "w.1")]})
    async with sqlite.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        async with resolving(ledger, transport, clock):
            await pass_time(clock, TIMEOUT + SETTLE - 10.0 - 0.5)
            assert transport.asked == []
            await pass_time(clock, 1.0)
            await until(lambda: transport.asked)
            await asyncio.sleep(0.02)
        assert transport.asked == [pending.message_id]
        assert await states(ledger) == {"a": "sent"}


async def test_what_was_never_accepted_is_sent_again_under_the_same_id(sqlite, clock):
    transport = ScriptedTransport(lookups={"*": [Lookup("absent")]})
    async with sqlite.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        pending = await doubted(ledger)
        async with resolving(ledger, transport, clock) as (_, again):
            await pass_time(clock, SETTLE + 1)
            await until(lambda: again.offered)
        [offered] = again.offered
        assert offered.message_id == pending.message_id
        assert await states(ledger) == {"a": "queued"}
        assert (await ledger.grant(offered)).state == "go"


async def test_what_nobody_can_say_stays_in_doubt_and_is_asked_again_ever_more_rarely(sqlite, clock):
    transport = ScriptedTransport(lookups={"*": [Unavailable("offline"), Lookup("unknown"), Lookup("accepted", "w")]})
    async with sqlite.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        async with resolving(ledger, transport, clock) as (resolver, again):
            resolver.add(await granted(ledger), after=0.0)
            await until(lambda: len(transport.asked) == 1)
            await asyncio.sleep(0.02)
            assert await states(ledger) == {"a": "in_doubt"}
            await pass_time(clock, 4.0)
            assert len(transport.asked) == 1
            await pass_time(clock, 2.0)
            await until(lambda: len(transport.asked) == 2)
            await asyncio.sleep(0.02)
            await pass_time(clock, 10.0)
            assert len(transport.asked) == 2
            await pass_time(clock, 6.0)
            await until(lambda: len(transport.asked) == 3)
            await asyncio.sleep(0.02)
            assert await states(ledger) == {"a": "sent"}
            assert again.offered == []
        events = [e.type for e in await store.journal.read(0, 99)]
        assert events == ["message.in_doubt", "message.sent"]


async def test_an_answer_about_an_attempt_that_is_over_changes_nothing(sqlite, clock):
    """A person had it sent again while its look-up was still to come."""
    transport = ScriptedTransport(lookups={"*": [Lookup("absent")]})
    async with sqlite.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        pending = await doubted(ledger)
        async with resolving(ledger, transport, clock) as (_, again):
            await ledger.settle(Outcome(pending.message_id, "default", pending.to, "requeue", error_code="resolved"))
            [fresh] = await ledger.queue("default", "", 9)
            assert (await ledger.grant(fresh)).state == "go"
            await pass_time(clock, SETTLE + 1)
            await until(lambda: transport.asked)
            await asyncio.sleep(0.02)
            assert await states(ledger) == {"a": "sending"}
            for offered in again.offered:
                assert (await ledger.grant(offered)).state == "gone"


async def test_several_are_asked_about_in_the_order_of_their_times(sqlite, clock):
    transport = ScriptedTransport()
    async with sqlite.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        pendings = [await doubted(ledger, body) for body in "abc"]
        async with resolving(ledger, transport, clock) as (resolver, _):
            resolver.add(pendings[2], after=1.0)
            resolver.add(pendings[1], after=2.0)
            resolver.add(pendings[0], after=3.0)
            await pass_time(clock, 1.0)
            assert len(resolver) >= 5
            await pass_time(clock, 3.0)
            await until(lambda: len(transport.asked) >= 3)
    assert transport.asked[:3] == [p.message_id for p in reversed(pendings)]
