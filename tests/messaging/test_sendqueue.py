from __future__ import annotations

import asyncio
import random

import pytest

from waqtor.kernel.clock import SystemClock
from waqtor.messaging.ports import CAMPAIGN, DIRECT, REPLY, Pending
from waqtor.messaging.sendqueue import SendQueue

pytestmark = pytest.mark.usefixtures("tidy_loop")


def pending(number: int, to: str = "", priority: int = DIRECT, **more) -> Pending:
    return Pending(f"{number:04}", "default", to or f"chat{number}", {}, priority, **more)


def part(number: int, of: str = "m1", to: str = "a", **more) -> Pending:
    return pending(number, to, REPLY, cause="reply", cause_id=of, **more)


@pytest.fixture
async def queue():
    made = SendQueue(SystemClock())
    yield made
    made.close()


def taken(queue: SendQueue) -> list[str]:
    found = []
    while (item := queue.take()) is not None:
        found.append(item.message_id)
    return found


async def next_of(queue: SendQueue) -> Pending:
    async with asyncio.timeout(2):
        while True:
            await queue.wait()
            if (item := queue.take()) is not None:
                return item


def soon(seconds: float) -> int:
    return SystemClock().now_us() + int(seconds * 1_000_000)


async def test_replies_first_then_by_age(queue):
    for number, priority in ((1, CAMPAIGN), (2, DIRECT), (3, REPLY), (4, DIRECT), (5, REPLY)):
        queue.offer(pending(number, priority=priority))
    assert taken(queue) == ["0003", "0005", "0002", "0004", "0001"]


async def test_one_at_a_time_in_a_chat(queue):
    items = [pending(n, to="a") for n in (1, 2, 3)]
    for item in [*items, pending(9, to="b")]:
        queue.offer(item)
    assert taken(queue) == ["0001", "0009"]
    queue.done(items[0])
    assert taken(queue) == ["0002"]
    queue.done(items[1])
    assert taken(queue) == ["0003"]
    queue.done(items[2])
    assert len(queue) == 1


async def test_never_two_of_one_chat_whatever_happens(queue):
    chance = random.Random(1)
    flying: dict[str, Pending] = {}
    done = 0
    for number in range(3000):
        queue.offer(pending(number, to=f"c{chance.randrange(10)}", priority=chance.choice([REPLY, DIRECT, CAMPAIGN])))
        while (item := queue.take()) is not None:
            assert item.to not in flying
            flying[item.to] = item
        for to in chance.sample(sorted(flying), chance.randrange(len(flying) + 1)):
            queue.done(flying.pop(to), again_at=0 if chance.random() < 0.1 else None)
            done += 1
    while flying or len(queue):
        for to in list(flying):
            queue.done(flying.pop(to))
        while (item := queue.take()) is not None:
            assert item.to not in flying
            flying[item.to] = item
    assert done > 1000


async def test_an_offer_of_what_is_held_is_no_second_send(queue):
    item = pending(1)
    assert queue.offer(item)
    assert queue.offer(pending(1))
    assert taken(queue) == ["0001"]
    assert queue.holds("0001")
    assert queue.offer(pending(1)), "also while it is in flight"
    assert taken(queue) == []
    queue.done(item)
    assert not queue.holds("0001")


async def test_due_times_are_kept(queue):
    queue.offer(pending(1, due_at=soon(0.06)))
    queue.offer(pending(2, due_at=soon(0.03)))
    queue.offer(pending(3, due_at=soon(-5)))
    assert taken(queue) == ["0003"]
    await asyncio.wait_for(queue.wait(), 2)
    assert taken(queue) == ["0002"]
    await asyncio.wait_for(queue.wait(), 2)
    assert taken(queue) == ["0001"]


async def test_memory_is_bounded_and_replies_still_get_in(queue):
    queue._limit = 10
    for number in range(10):
        assert queue.offer(pending(number))
    assert not queue.overflowed
    assert not queue.offer(pending(10))
    assert queue.overflowed
    assert not queue.has_room
    assert queue.offer(pending(11, priority=REPLY))
    for item in [queue.take() for _ in range(8)]:
        queue.done(item)
    assert queue.has_room


@pytest.mark.parametrize("where", ["ready", "behind the first", "both"])
async def test_the_parts_of_a_reply_keep_their_order_when_the_first_must_wait(queue, where):
    parts = [part(n) for n in (1, 2, 3)]
    queue.offer(parts[0])
    if where == "ready":
        queue.take()
        queue.offer(parts[1])
        queue.offer(parts[2])
    elif where == "behind the first":
        queue.offer(parts[1])
        queue.offer(parts[2])
        assert taken(queue) == ["0001"]
    else:
        queue.offer(parts[1])
        assert taken(queue) == ["0001"]
        queue.offer(parts[2])
    queue.offer(pending(9, to="b"))
    queue.done(parts[0], again_at=soon(0.05))
    assert taken(queue) == ["0009"]
    first = await next_of(queue)
    assert first is parts[0]
    queue.done(first, again_at=soon(0.02))  # and once more
    order = []
    for _ in parts:
        item = await next_of(queue)
        order.append(item.message_id)
        queue.done(item)
    assert order == ["0001", "0002", "0003"]


async def test_after_a_restart_later_parts_wait_for_one_that_is_not_due(queue):
    queue.offer(part(1, due_at=soon(0.05)))
    queue.offer(part(2))
    queue.offer(part(7, of="m2", to="b"))
    assert taken(queue) == ["0007"]
    await asyncio.wait_for(queue.wait(), 2)
    assert taken(queue) == ["0001"]


async def test_later_parts_go_on_when_the_first_is_given_up(queue):
    one, two = part(1), part(2)
    queue.offer(one)
    queue.offer(two)
    queue.take()
    queue.done(one, again_at=soon(0.02))
    assert await next_of(queue) is one
    queue.done(one)
    assert taken(queue) == ["0002"]


async def test_waiting_parts_do_not_spin_while_the_first_is_tried_again(queue):
    one, two = part(1), part(2)
    queue.offer(one)
    queue.offer(two)
    queue.take()
    queue.done(one, again_at=soon(0.01))
    assert await next_of(queue) is one
    ripened = 0
    original = queue.ripen

    def counting() -> None:
        nonlocal ripened
        ripened += 1
        original()

    queue.ripen = counting
    for _ in range(5):
        queue.take()
        await asyncio.sleep(0.01)
    assert ripened <= 1


async def test_a_wake_up_of_a_cancelled_waiter_is_handed_on(queue):
    first, second = asyncio.create_task(queue.wait()), asyncio.create_task(queue.wait())
    await asyncio.sleep(0)
    queue.offer(pending(1))
    first.cancel()
    await asyncio.wait_for(second, 2)
    await asyncio.gather(first, return_exceptions=True)


async def test_what_is_delayed_comes_after_a_pause_of_the_queue(queue):
    queue.offer(pending(1, due_at=soon(0.02)))
    queue.close()
    await asyncio.sleep(0.04)
    assert taken(queue) == []
    queue.ripen()
    assert taken(queue) == ["0001"]
