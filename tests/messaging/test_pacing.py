from __future__ import annotations

import asyncio

import pytest

from waqtor.kernel.clock import FakeClock
from waqtor.messaging.pacing import TokenBucket

pytestmark = pytest.mark.usefixtures("tidy_loop")


async def taking(bucket: TokenBucket, clock: FakeClock, times: list[float]) -> None:
    while True:
        await bucket.take()
        times.append(clock.monotonic())


async def over(
    seconds: float, bucket: TokenBucket, clock: FakeClock, takers: int = 3, step: float = 0.05
) -> list[float]:
    times: list[float] = []
    tasks = [asyncio.create_task(taking(bucket, clock, times)) for _ in range(takers)]
    await asyncio.sleep(0)
    for _ in range(round(seconds / step)):
        await clock.advance(step)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return times


@pytest.mark.parametrize("rate", [0.5, 1.0, 3.0, 7.7, 80.0])
async def test_over_time_the_rate_is_exact(rate):
    clock = FakeClock()
    times = await over(20.0, TokenBucket(clock, rate), clock)
    assert len(times) == pytest.approx(20.0 * rate, abs=1)
    for start in range(20):
        within = [t for t in times if start <= t < start + 1]
        assert len(within) <= rate + max(1.0, rate / 4) + 1e-6


async def test_it_starts_empty_so_a_restart_never_bursts():
    clock = FakeClock()
    bucket = TokenBucket(clock, 80.0)
    times: list[float] = []
    task = asyncio.create_task(taking(bucket, clock, times))
    await asyncio.sleep(0)
    assert times == []
    await clock.advance(0.0125)
    assert len(times) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_saved_up_is_a_quarter_of_a_second_at_most():
    clock = FakeClock()
    bucket = TokenBucket(clock, 80.0)
    await clock.advance(3600)
    times: list[float] = []
    task = asyncio.create_task(taking(bucket, clock, times))
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(times) == 20
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_hold_grants_nothing_until_it_is_over_and_a_shorter_one_does_not_end_it():
    clock = FakeClock()
    bucket = TokenBucket(clock, 10.0)
    bucket.hold(5.0)
    bucket.hold(1.0)
    times = await over(8.0, bucket, clock)
    assert min(times) >= 5.0
    assert len(times) <= 30 + bucket.burst
    assert len(times) >= 29


async def test_a_hold_reaches_those_who_wait_already():
    clock = FakeClock()
    bucket = TokenBucket(clock, 1.0)
    times: list[float] = []
    task = asyncio.create_task(taking(bucket, clock, times))
    await asyncio.sleep(0)
    bucket.hold(10.0)
    await clock.advance(9.9)
    assert times == []
    await clock.advance(0.2)
    assert len(times) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_unlimited_never_waits_but_obeys_a_hold():
    clock = FakeClock()
    bucket = TokenBucket(clock, 0.0)
    for _ in range(1000):
        await asyncio.wait_for(bucket.take(), 1)
    bucket.hold(2.0)
    task = asyncio.create_task(bucket.take())
    await clock.advance(1.9)
    assert not task.done()
    await clock.advance(0.2)
    await task


async def test_a_token_given_back_is_there_for_the_next():
    clock = FakeClock()
    bucket = TokenBucket(clock, 1.0)
    await clock.advance(1.0)
    await bucket.take()
    bucket.give_back()
    await asyncio.wait_for(bucket.take(), 1)
    for _ in range(9):
        bucket.give_back()
    await bucket.take()
    waiting = asyncio.create_task(bucket.take())
    await asyncio.sleep(0)
    assert not waiting.done(), "giving back does not make more than fits"
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_waiter_that_gives_up_does_not_block_the_next():
    clock = FakeClock()
    bucket = TokenBucket(clock, 1.0)
    first, second = asyncio.create_task(bucket.take()), asyncio.create_task(bucket.take())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await clock.advance(1.0)
    await asyncio.wait_for(second, 1)
