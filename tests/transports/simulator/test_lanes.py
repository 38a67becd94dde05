from __future__ import annotations

import asyncio
import random
from collections import defaultdict

import pytest

from waqtor.transports.simulator.lanes import Lanes


@pytest.mark.parametrize(("width", "keys"), [(1, 1), (1, 5), (8, 3), (8, 200), (64, 64)])
async def test_order_per_key_bounded_and_complete(width: int, keys: int) -> None:
    rng, seen, active, most, busy = random.Random(width * keys), defaultdict(list), 0, 0, set()

    async def handle(item: tuple[str, int]) -> None:
        nonlocal active, most
        key, n = item
        assert key not in busy
        busy.add(key)
        active += 1
        most = max(most, active)
        for _ in range(rng.randrange(3)):
            await asyncio.sleep(0)
        active -= 1
        busy.remove(key)
        seen[key].append(n)

    lanes: Lanes[tuple[str, int]] = Lanes(handle, width)
    for n in range(1000):
        key = str(rng.randrange(keys))
        lanes.put(key, (key, n))
        if n % 50 == 0:
            await asyncio.sleep(0)
    await lanes.settle(5)
    assert len(lanes) == 0
    assert sum(map(len, seen.values())) == 1000
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    assert most <= width
    if width > 1 and keys > 1:
        assert most > 1
    await lanes.stop()


async def test_clear_forgets_what_has_not_begun_and_goes_on() -> None:
    gate, seen = asyncio.Event(), []

    async def handle(n: int) -> None:
        await gate.wait()
        seen.append(n)

    lanes: Lanes[int] = Lanes(handle, 1)
    for n in range(4):
        lanes.put("ab"[n % 2], n)
    await asyncio.sleep(0)
    assert sorted(lanes.clear()) == [1, 2, 3]
    lanes.put("a", 10)
    lanes.put("c", 11)
    gate.set()
    await lanes.settle(5)
    assert seen == [0, 10, 11]
    await lanes.stop()


async def test_settle_gives_up_in_time_and_stop_cancels() -> None:
    lanes: Lanes[int] = Lanes(lambda n: asyncio.sleep(60), 2)
    lanes.put("a", 1)
    begun = asyncio.get_running_loop().time()
    await lanes.settle(0.05)
    assert asyncio.get_running_loop().time() - begun < 1
    await lanes.stop()
    assert len(lanes) == 0
