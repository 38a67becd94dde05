from __future__ import annotations

import pytest

from tests.realtime.fakes import KEY, SECRET, FakeKeys, settings
from waqtor.errors import ConfigurationError, Forbidden, Unauthorized
from waqtor.kernel.clock import FakeClock
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.handshake import Handshake, Hello
from waqtor.realtime.stats import Stats
from waqtor.signing import handshake_signature


def make(clock: FakeClock | None = None, **more) -> tuple[Handshake, Stats, FakeClock]:
    clock = clock or FakeClock()
    stats = Stats(Telemetry(), clock)
    return Handshake(FakeKeys(), settings(**more), clock, stats), stats, clock


def signed(clock: FakeClock, address: str = "10.0.0.1", shift_ms: int = 0, secret: str = SECRET) -> Hello:
    ts = clock.now_us() // 1000 + shift_ms
    return Hello(address, api_key=KEY, ts=str(ts), sig=handshake_signature(secret, KEY, ts, "10.0.0.1"))


async def test_a_good_signature_is_good_once_then_never_even_after_it_was_forgotten() -> None:
    handshake, stats, clock = make()
    hello = signed(clock)
    assert (await handshake.admit(hello)).name == KEY
    for wait in (0, 59, 2, 60, 1000):
        await clock.advance(wait)
        with pytest.raises(Unauthorized):
            await handshake.admit(hello)
    assert stats.security["signature"] == 2
    assert stats.security["expired"] == 3


@pytest.mark.parametrize("shift", [-60_001, 60_001, -(10**15)])
async def test_old_and_future_ones_are_expired(shift: int) -> None:
    handshake, stats, clock = make()
    with pytest.raises(Unauthorized):
        await handshake.admit(signed(clock, shift_ms=shift) if shift > -(10**14) else signed(clock, shift_ms=-(10**12)))
    assert stats.security["expired"] == 1


async def test_bound_to_address_and_secret() -> None:
    handshake, stats, clock = make()
    for hello in (signed(clock, address="10.0.0.2"), signed(clock, secret="other")):
        with pytest.raises(Unauthorized):
            await handshake.admit(hello)
    assert stats.security["signature"] == 2


@pytest.mark.parametrize(
    ("ts", "sig"), [("", "00"), ("x", "00"), ("٣", "é"), ("9" * 400, ""), (None, "00"), ("1", None)]
)
async def test_malformed_signatures_are_refused(ts, sig) -> None:
    handshake, _, _ = make()
    with pytest.raises(Unauthorized):
        await handshake.admit(Hello("10.0.0.1", api_key=KEY, ts=ts, sig=sig))


@pytest.mark.parametrize(
    ("origin", "host", "good"),
    [
        ("http://localhost:8501", "localhost:8080", True), ("http://127.0.0.1:8501", "localhost:8080", True),
        ("http://localhost:8080", "localhost:8080", True), ("http://192.0.2.7:8501", "192.0.2.7:8080", True),
        ("http://192.0.2.7", "192.0.2.7", True), ("https://shop.example", "10.0.0.5:8080", True),
        ("https://SHOP.example", "10.0.0.5:8080", True), ("https://shop.example.evil.com", "10.0.0.5:8080", False),
        ("http://evil.com:8080", "evil.com:8080", False), ("http://localhost:9999", "localhost:8080", False),
        ("null", "localhost:8080", False), ("", "localhost:8080", False), ("file://", "localhost:8080", False),
        ("http://localhost:99999", "localhost:8080", False), ("http://[::1", "localhost:8080", False),
        ("http://[::1]:8501", "[::1]:8080", True), ("ws://localhost:8080", "localhost:8080", False),
        ("http://localhost:8501", "x:y:z", False), ("http://192.0.2.8:8501", "192.0.2.7:8080", False),
    ],
)  # fmt: skip
def test_origins(origin: str, host: str, good: bool) -> None:
    handshake, _, _ = make(allowed_origins="https://shop.example/")
    assert handshake.origin_allowed(origin, host) is good


async def test_addresses_and_settings_that_cannot_work() -> None:
    handshake, stats, _ = make(allowed_ips="10.0.0.0/8,2001:db8::/32")
    for address, good in [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("", False),
        ("2001:db8::1", True),
        ("testclient", False),
    ]:
        hello = Hello(address, api_key=KEY)
        if good:
            await handshake.admit(hello)
        else:
            with pytest.raises(Forbidden):
                await handshake.admit(hello)
    assert stats.security["address"] == 3
    with pytest.raises(ConfigurationError):
        make(allowed_ips="10.0.0.0/99")


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(Hello("a", api_key="secret", sig="secret", ticket="secret"))
