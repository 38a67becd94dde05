from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from waqtor.kernel.clock import SystemClock
from waqtor.webhooks.dispatcher import Dispatcher
from waqtor.webhooks.ports import Delivery
from waqtor.webhooks.post import Answer


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

        async def record(self, attempt: Any) -> None:
            waiting[:] = [delivery for delivery in waiting if delivery.id != attempt.delivery_id]

    class Poster:
        async def post(self, url: str, body: bytes, headers: dict[str, str], *more: Any) -> Answer:
            sent.append(headers["webhook-id"])
            return Answer(200, 1.0)

    hook: Any = SimpleNamespace(
        id="w", url="http://x.example.com", enabled=True, ordered=False, concurrency=4, secret="s" * 20, headers={},
        old_secret=None, old_until=0, timeout_ms=1000, failing_since=None, max_attempts=3,
    )  # fmt: skip
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
