from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from waqtor.kernel.clock import SystemClock
from waqtor.webhooks.dispatcher import Dispatcher
from waqtor.webhooks.ports import Attempt, Delivery
from waqtor.webhooks.post import Answer
from waqtor.webhooks.recorder import Recorder


def hook_of() -> Any:
    return SimpleNamespace(
        id="w", url="http://x.example.com", enabled=True, ordered=False, concurrency=4, secret="s" * 20, headers={},
        old_secret=None, old_until=0, timeout_ms=1000, failing_since=None, max_attempts=3,
    )  # fmt: skip


async def test_what_ends_while_the_store_is_read_is_not_sent_again():
    sent: list[str] = []
    reading, go_on = asyncio.Event(), asyncio.Event()
    waiting = [Delivery(f"d{n}", "w", "test", "test", n, 0, "", 0, body=b"{}") for n in range(3)]

    class Outbox:
        async def pending(self, webhook_id: str, after: int, limit: int) -> list[Delivery]:
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

    class Outbox:
        async def pending(self, webhook_id: str, after: int, limit: int) -> list[Delivery]:
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

    class Outbox:
        async def pending(self, webhook_id: str, after: int, limit: int) -> list[Delivery]:
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
