from __future__ import annotations

import json

import pytest

from tests.realtime.fakes import Bench, settle
from waqtor.kernel.clock import FakeClock
from waqtor.realtime.limits import AddressLimits, ClientLimits, TokenBucket

PING = {"type": "ping", "id": "p"}


def test_a_bucket_refills_and_never_overflows() -> None:
    bucket = TokenBucket(2, 1.0, 0.0)
    assert [bucket.take(0.0), bucket.take(0.0)] == [0.0, 0.0]
    assert bucket.take(0.0) == pytest.approx(1.0)
    assert bucket.take(0.25) == pytest.approx(0.75)
    assert bucket.take(1.0) == 0.0
    assert [bucket.take(1000.0), bucket.take(1000.0)] == [0.0, 0.0]
    assert bucket.take(1000.0) > 0
    assert bucket.take(0.0) > 0, "a clock that steps back gives nothing"


def test_full_buckets_of_addresses_are_forgotten() -> None:
    now = [0.0]
    limits = AddressLimits(3, lambda: now[0])
    limits.take("a")
    limits.take("b")
    limits.forget()
    assert len(limits) == 2
    now[0] = 1.5
    limits.forget()
    assert len(limits) == 0


def test_two_connections_share_their_address() -> None:
    addresses = AddressLimits(5, lambda: 0.0)
    one, two = (ClientLimits("a", addresses, 10, lambda: 0.0) for _ in range(2))
    other = ClientLimits("b", addresses, 10, lambda: 0.0)
    assert not any(limits.check("ping").frame for limits in (one, two, one, two, one))
    assert two.check("ping").frame == "rate_limit_warning"
    assert other.check("ping").frame == ""


async def test_ten_a_second_then_the_frame_then_1008() -> None:
    clock = FakeClock()
    async with Bench(clock=clock) as bench:
        connection, socket = await bench.join()
        for _ in range(11):
            bench.say(connection, PING)
        await settle()
        assert len(socket.of("pong")) == 10
        told = socket.of("rate_limit_exceeded")[0]
        assert told["retry_after"] == told["data"]["retry_after"] == 100
        assert told["data"]["refused"] == PING
        assert told["id"] == "p"
        await clock.advance(0.1)
        bench.say(connection, PING)
        for _ in range(3):
            bench.say(connection, {"type": "unsubscribe"})
        await settle()
        assert len(socket.of("pong")) == 11, "violations in a row count; an allowed message ends the row"
        assert not socket.of("unsubscribed")
        assert socket.closed == (1008, "rate limit: too many violations")
        assert bench.hub.monitor()["security"]["rate"] == 4


async def test_the_address_limit_warns_and_closes_after_five() -> None:
    clock = FakeClock()
    async with Bench(clock=clock) as bench:
        connection, socket = await bench.join()
        for _ in range(6):
            for _ in range(10):
                bench.say(connection, PING)
            connection.limits._bucket._tokens = 10
        for _ in range(4):
            bench.say(connection, PING)
        await settle()
        assert len(socket.of("pong")) == 60
        assert len(socket.of("rate_limit_warning")) == 4
        assert socket.closed is None
        bench.say(connection, PING)
        await settle()
        assert socket.closed[0] == 1008


async def test_first_subscribe_and_get_state_are_free() -> None:
    async with Bench(clock=FakeClock()) as bench:
        connection, socket = await bench.join()
        for frame in [{"type": "subscribe", "topics": ["all"]}, {"type": "get_state"}, *[PING] * 10, PING]:
            bench.say(connection, frame)
        await settle()
        assert len(socket.of("pong")) == 10
        assert socket.of("subscribed")
        assert socket.of("state")


async def test_malformed_frames_cost_as_well() -> None:
    async with Bench(clock=FakeClock()) as bench:
        connection, socket = await bench.join()
        for _ in range(20):
            bench.say(connection, "nonsense")
        await settle()
        assert len(socket.of("error")) == 10
        assert socket.closed[0] == 1008


@pytest.mark.parametrize("trusted", ["10.0.0.0/8", "id-test", "192.0.2.1,10.0.0.1"])
async def test_trusted_clients_are_exempt(trusted: str) -> None:
    async with Bench(clock=FakeClock(), ws_trusted=trusted) as bench:
        connection, socket = await bench.join()
        for _ in range(500):
            bench.say(connection, json.dumps(PING))
        await settle(2000)
        assert len(socket.of("pong")) == 500
