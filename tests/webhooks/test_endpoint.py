from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from waqtor.kernel.clock import SystemClock
from waqtor.webhooks.again import AGAIN
from waqtor.webhooks.dispatcher import Dispatcher
from waqtor.webhooks.endpoint import HELD, Endpoint
from waqtor.webhooks.ports import Attempt, Delivery
from waqtor.webhooks.post import Answer
from waqtor.webhooks.recorder import Recorder


class NoneAgain:
    async def again(self, webhook_id: str, limit: int) -> list[Delivery]:
        return []


def hook_of() -> Any:
    return SimpleNamespace(
        id="w", url="http://x.example.com", enabled=True, ordered=False, concurrency=4, secret="s" * 20, headers={},
        old_secret=None, old_until=0, timeout_ms=1000, failing_since=None, max_attempts=3,
    )  # fmt: skip


async def test_what_ends_while_the_store_is_read_is_not_sent_again():
    sent: list[str] = []
    reading, go_on = asyncio.Event(), asyncio.Event()
    waiting = [Delivery(f"d{n}", "w", "test", "test", n, 0, "", 0, body=b"{}") for n in range(3)]

    class Outbox(NoneAgain):
        async def pending(self, webhook_id: str, after: int, limit: int, skip: Any = ()) -> list[Delivery]:
            found = list(waiting)
            reading.set()
            await go_on.wait()
            return found

        async def record(self, attempts: list[Any]) -> None:
            ended = {attempt.delivery_id for attempt in attempts}
            waiting[:] = [delivery for delivery in waiting if delivery.id not in ended]

    class Poster:
        async def post(self, url: str, body: bytes, headers: dict[str, str], *more: Any) -> Answer:
            sent.append(headers["webhook-id"])
            return Answer(200, 1.0)

    hook = hook_of()
    outbox: Any = Outbox()
    poster: Any = Poster()
    dispatcher = Dispatcher(outbox, outbox, poster, SystemClock())
    dispatcher.start([hook])
    await reading.wait()
    endpoint = dispatcher.endpoints["w"]
    endpoint.offer(list(waiting), 0.0, 0)
    dispatcher._pump("w")
    async with asyncio.timeout(30):
        while waiting:
            await asyncio.sleep(0.001)
        go_on.set()
        while endpoint.loading or endpoint.active:
            await asyncio.sleep(0.001)
    await dispatcher.stop()
    assert sorted(sent) == ["d0", "d1", "d2"]


async def test_a_replay_during_a_reading_is_read_too():
    waiting = [Delivery("late", "w", "test", "test", 9, 0, "", 0, body=b"{}")]
    readings, go_on = 0, asyncio.Event()

    class Outbox(NoneAgain):
        async def pending(self, webhook_id: str, after: int, limit: int, skip: Any = ()) -> list[Delivery]:
            nonlocal readings
            readings += 1
            found = [d for d in waiting if d.seq >= after]
            if readings == 1:
                await go_on.wait()
            return found

        async def record(self, attempts: list[Any]) -> None:
            ended = {attempt.delivery_id for attempt in attempts}
            waiting[:] = [delivery for delivery in waiting if delivery.id not in ended]

    class Poster:
        async def post(self, *_: Any) -> Answer:
            return Answer(200, 1.0)

    outbox, poster = cast(Any, Outbox()), cast(Any, Poster())
    dispatcher = Dispatcher(outbox, outbox, poster, SystemClock())
    dispatcher.start([hook_of()])
    while not readings:
        await asyncio.sleep(0)
    waiting.insert(0, Delivery("early", "w", "test", "test", 1, 0, "", 0, body=b"{}"))
    dispatcher.reload("w")
    go_on.set()
    async with asyncio.timeout(30):
        while waiting:
            await asyncio.sleep(0.001)
    await dispatcher.stop()


async def test_what_is_stored_during_a_reading_is_sent_whatever_its_place():
    stored: list[Delivery] = []
    sent: list[str] = []
    readings, go_on = 0, asyncio.Event()

    class Outbox(NoneAgain):
        async def pending(self, webhook_id: str, after: int, limit: int, skip: Any = ()) -> list[Delivery]:
            nonlocal readings
            readings += 1
            found = [d for d in stored if d.seq >= after][:limit]
            if readings == 1:
                await go_on.wait()
            return found

        async def record(self, attempts: list[Any]) -> None:
            ended = {attempt.delivery_id for attempt in attempts}
            stored[:] = [delivery for delivery in stored if delivery.id not in ended]

    class Poster:
        async def post(self, url: str, body: bytes, headers: dict[str, str], *_: Any) -> Answer:
            sent.append(headers["webhook-id"])
            return Answer(200, 1.0)

    outbox, poster = cast(Any, Outbox()), cast(Any, Poster())
    dispatcher = Dispatcher(outbox, outbox, poster, SystemClock())
    stored.append(Delivery("tick", "w", "test", "test", 90, 0, "", 0, body=b"{}"))
    dispatcher.start([hook_of()])
    while not readings:
        await asyncio.sleep(0)
    late = [Delivery(f"d{n}", "w", "test", "test", n, 0, "", 0, body=b"{}") for n in range(10, 1500)]
    stored.extend(late)
    dispatcher.offer(late)
    go_on.set()
    async with asyncio.timeout(30):
        while stored:
            await asyncio.sleep(0.001)
    await dispatcher.stop()
    assert len(sent) == len(set(sent)) == 1491


async def test_outcomes_share_a_commit_and_a_failed_one_is_everybodys():
    groups: list[int] = []
    broken = False

    class Outbox:
        async def record(self, attempts: list[Any]) -> None:
            groups.append(len(attempts))
            if broken:
                raise OSError("disk")

    def attempt(number: int, webhook: str = "w") -> Attempt:
        return Attempt(f"d{number}", webhook, "test", "", 1, 0, True, "delivered", 1.0)

    recorder = Recorder(cast(Any, Outbox()))
    first = recorder.record(attempt(1), 6)
    assert recorder.record(attempt(2), 6) is first
    assert not groups  # it waits for company
    await asyncio.gather(first, recorder.record(attempt(3), 6))
    assert groups == [3]
    await recorder.record(attempt(4), 6)  # nobody else comes
    assert groups == [3, 1]
    broken = True
    with pytest.raises(OSError, match="disk"):
        await recorder.record(attempt(5), 1)
    left = recorder.record(attempt(6), 9)
    broken = False
    await recorder.close()
    assert left.done()
    assert groups == [3, 1, 1, 1]


def delivery(number: int, lane: int = 0) -> Delivery:
    return Delivery(f"d{number}", "w", "test", "test", number, lane, "", 0, body=b"{}")


def endpoint_of(**more: Any) -> Endpoint:
    made = Endpoint(SimpleNamespace(**{**vars(hook_of()), **more}))  # type: ignore[arg-type]
    made.behind, made.again.stored = False, None
    return made


def taken(endpoint: Endpoint, now: float) -> Delivery:
    found = endpoint.take(now)
    assert found is not None
    return found


def test_late_retries_leave_memory_and_newer_ones_go():
    endpoint = endpoint_of(concurrency=16)
    for number in range(3000):
        endpoint.offer([delivery(number)], 0.0, 0)
        failed = taken(endpoint, 0.0)
        endpoint.retry(failed, 3600.0 - number)
    assert len(endpoint) == 0
    assert len(endpoint.again) <= AGAIN
    endpoint.offer([delivery(5000)], 0.0, 0)
    assert taken(endpoint, 0.0).id == "d5000"
    assert endpoint.take(0.0) is None
    # The nearest are in memory, and the store is looked into when the time of the others comes.
    assert taken(endpoint, 601.0).id == "d2999"
    stored = endpoint.again.stored
    assert stored is not None
    assert 601.0 < stored <= 3600.0 - (3000 - AGAIN)
    while endpoint.take(stored) is not None:
        pass
    assert endpoint.wake_in(stored) is None or endpoint.wants(stored)


def test_further_attempts_leave_slots_to_first_ones():
    endpoint = endpoint_of(concurrency=8)
    for number in range(100):
        endpoint.offer([delivery(number)], 0.0, 0)
        endpoint.retry(taken(endpoint, 0.0), 1.0)
    alone = 0
    while endpoint.take(2.0) is not None:
        alone += 1
    assert alone == 6  # a quarter of the slots stays free
    assert endpoint.wake_in(2.0) is None  # only the end of one changes that
    endpoint.offer([delivery(number) for number in range(100, 110)], 2.0, 0)
    assert {taken(endpoint, 2.0).id for _ in range(10)} == {f"d{number}" for number in range(100, 110)}


def test_a_single_slot_is_shared_in_turns():
    endpoint = endpoint_of(concurrency=1)
    for number in range(3):
        endpoint.offer([delivery(number)], 0.0, 0)
        endpoint.retry(taken(endpoint, 0.0), 1.0)
    endpoint.offer([delivery(number) for number in range(10, 13)], 2.0, 0)
    order = []
    for _ in range(6):
        found = taken(endpoint, 2.0)
        order.append(found.id)
        endpoint.done(found)
    assert order == ["d0", "d10", "d1", "d11", "d2", "d12"]


def test_a_chat_that_waits_leaves_room_for_other_chats():
    endpoint = endpoint_of(ordered=True)
    endpoint.offer([delivery(1, lane=7)], 0.0, 0)
    stuck = taken(endpoint, 0.0)
    endpoint.offer([delivery(number, lane=7) for number in range(2, 3000)], 0.0, 0)
    endpoint.retry(stuck, 60.0)
    assert len(endpoint) <= HELD
    assert endpoint.passed == (7,)
    endpoint.offer([delivery(5000, lane=8)], 0.0, 0)
    assert taken(endpoint, 0.0).id == "d5000"
    assert endpoint.take(0.0) is None
    assert not endpoint.behind
    order = [taken(endpoint, 60.0)]
    for _ in range(HELD):
        endpoint.done(order[-1])
        order.append(taken(endpoint, 60.0))
    assert [found.seq for found in order] == list(range(1, HELD + 2))
    endpoint.done(order[-1])
    assert endpoint.behind  # the rest of this chat is read from the store, in its order
    assert endpoint.loaded_to == HELD + 2
    assert endpoint.passed == ()


def test_what_waits_for_its_chat_can_be_replaced_too():
    endpoint = endpoint_of(ordered=True)
    ticks = [delivery(number, lane=3) for number in range(3)]
    for tick in ticks:
        tick.replace_key = "progress:c1"
        endpoint.drop("progress:c1")
        endpoint.offer([tick], 0.0, 0)
        if tick is ticks[0]:
            assert taken(endpoint, 0.0) is tick
    assert len(endpoint) == 2  # the first is under way, the last waits for it
    endpoint.done(ticks[0])
    assert taken(endpoint, 0.0) is ticks[2]
    endpoint.done(ticks[2])
    assert endpoint.take(0.0) is None
    assert len(endpoint) == 0
