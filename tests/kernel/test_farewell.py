from __future__ import annotations

import asyncio
import time

from waqtor.kernel.farewell import LEAST_S, Farewell


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_part_that_hangs_is_left_behind_and_the_next_gets_its_turn():
    farewell, stopped = Farewell(1.2), []
    began = time.monotonic()
    await farewell.part("hangs", forever(), share=0.5)
    assert 0.5 <= time.monotonic() - began < 1.1

    async def ends() -> None:
        stopped.append("ends")

    await farewell.part("ends", ends())
    assert stopped == ["ends"]
    assert farewell.left_behind == ["hangs"]


async def test_the_last_part_gets_a_moment_although_the_time_is_over():
    farewell = Farewell(0.0)
    assert farewell.left == 0.0
    await farewell.part("quick", asyncio.sleep(0.05))
    assert farewell.left_behind == []
    began = time.monotonic()
    await farewell.part("hangs", forever())
    assert time.monotonic() - began < LEAST_S + 0.5
    assert farewell.left_behind == ["hangs"]


async def test_a_part_that_fails_does_not_keep_the_others_from_stopping():
    async def breaks() -> None:
        raise OSError("disk")

    farewell = Farewell(5.0)
    await farewell.part("breaks", breaks())
    await farewell.part("ends", asyncio.sleep(0))
    assert farewell.left_behind == []


async def test_what_ignores_its_cancellation_holds_nobody_up():
    async def stubborn() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.5)

    farewell = Farewell(0.0)
    await farewell.part("stubborn", stubborn())
    assert farewell.left_behind == ["stubborn"]
    assert farewell.taken < LEAST_S + 0.4
    await asyncio.sleep(0.6)


async def test_slow_parts_are_named():
    moments = iter([0.0, 0.0, 0.0, 2.5])
    farewell = Farewell(60.0, monotonic=lambda: next(moments, 2.5))
    await farewell.part("log", asyncio.sleep(0))
    assert farewell.slow == {"log": 2.5}
