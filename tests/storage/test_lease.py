from __future__ import annotations

import asyncio

import pytest

from waqtor.storage.lease import SqlLease


class Monotonic:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_lease_ends_for_its_owner_before_its_term_is_over(store):
    clock = Monotonic()
    lease = SqlLease(store, "default", term=10.0, monotonic=clock)
    assert not lease.held
    assert await lease.acquire()
    assert lease.held
    clock.now += 8.9
    assert lease.held
    clock.now += 0.2
    assert not lease.held
    assert await lease.acquire()
    assert lease.held
    assert lease.generation == 1
    await lease.release()
    assert not lease.held


async def test_after_a_restart_on_an_exclusive_store_it_is_taken_over_at_once(sqlite):
    async with sqlite.opened() as store:
        assert await SqlLease(store, "default").acquire()
    async with sqlite.opened() as store:
        lease = SqlLease(store, "default")
        assert await lease.acquire()
        assert lease.generation == 2


@pytest.mark.postgres
async def test_one_engine_holds_it_and_another_waits_for_its_end(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        a, b = SqlLease(one, "default", term=0.3), SqlLease(two, "default", term=0.3)
        assert await a.acquire()
        assert not await b.acquire()
        assert not b.held
        assert await SqlLease(two, "other", term=0.3).acquire(), "leases are by session"
        await asyncio.sleep(0.31)
        assert not a.held, "its owner gave up by its own clock before"
        assert await b.acquire()
        assert b.generation == 2
        assert not await a.acquire()
        await b.release()
        assert await a.acquire()
        assert a.generation == 3


@pytest.mark.postgres
async def test_of_many_that_ask_at_once_one_gets_it(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        results = await asyncio.gather(*(SqlLease(s, "default").acquire() for s in (one, two)))
        assert sorted(results) == [False, True]


@pytest.mark.postgres
async def test_a_late_release_does_not_take_it_from_the_new_owner(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        a, b = SqlLease(one, "default", term=0.1), SqlLease(two, "default", term=30)
        assert await a.acquire()
        await asyncio.sleep(0.15)
        assert await b.acquire()
        await a.release()
        assert not await a.acquire()
        assert b.held
