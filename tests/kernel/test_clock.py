from __future__ import annotations

import asyncio

from waqtor.kernel.clock import FakeClock, SystemClock


async def test_sleepers_wake_in_the_order_of_their_times():
    clock, woken = FakeClock(), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper(n, s)) for n, s in (("c", 3), ("a", 1), ("b", 2), ("now", 0))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert woken == [("now", 0.0)]
    await clock.advance(2.5)
    assert woken[1:] == [("a", 1.0), ("b", 2.0)]
    await clock.advance(1)
    assert woken[3] == ("c", 3.0)
    await asyncio.gather(*tasks)


async def test_who_sleeps_again_wakes_again_within_one_advance():
    clock, times = FakeClock(), []

    async def ticker() -> None:
        while True:
            await clock.sleep(1)
            times.append(clock.monotonic())

    task = asyncio.create_task(ticker())
    await asyncio.sleep(0)
    await clock.advance(5)
    assert times == [1, 2, 3, 4, 5]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await clock.advance(5)
    assert len(times) == 5


async def test_wall_time_moves_with_it():
    clock = FakeClock(start_us=1_000_000)
    await clock.advance(0.25)
    await clock.advance(1.75)
    assert clock.now_us() == 3_000_000
    assert clock.monotonic() == 2.0


async def test_the_machines_clock_agrees_with_itself():
    clock = SystemClock()
    wall, mono = clock.now_us(), clock.monotonic()
    await clock.sleep(0.02)
    assert 0.015 < clock.monotonic() - mono < 5
    assert 15_000 < clock.now_us() - wall < 5_000_000
