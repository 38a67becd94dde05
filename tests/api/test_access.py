from __future__ import annotations

import pytest

from tests.api.asserts import assert_error
from tests.api.fakes import ADMIN, FakeEngine
from waqtor.api.access import BURST, REFILL_S, AllowList, Authenticator, Throttle
from waqtor.api.app import SPECS, create_app
from waqtor.api.routing import ANY, LOCAL, OPEN
from waqtor.errors import ConfigurationError, RateLimited, Unauthorized
from waqtor.kernel.access import SCOPES
from waqtor.kernel.clock import FakeClock

GUARDED = [spec for spec in SPECS if spec.access not in {OPEN, LOCAL}]


def path_of(spec) -> str:
    path = spec.path.replace(":path", "")
    return path.replace("{message_id}", "m1").replace("{chat_id}", "966501234567").replace("{", "").replace("}", "")


@pytest.mark.parametrize("spec", GUARDED, ids=lambda spec: f"{spec.method} {spec.path}")
async def test_every_route_refuses_callers_without_a_key_or_with_a_bad_one(engine, connect, spec):
    nobody = connect(engine, None)
    response = await nobody.request(spec.method, path_of(spec), content=b"{broken")
    assert_error(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")
    stranger = connect(engine, "wq_wrong")
    assert_error(await stranger.request(spec.method, path_of(spec)), 401, "unauthorized")
    assert not engine.commands


@pytest.mark.parametrize("spec", [s for s in GUARDED if s.access != ANY], ids=lambda spec: f"{spec.method} {spec.path}")
async def test_every_route_refuses_a_key_with_all_scopes_but_its_own(engine, connect, spec):
    others = [scope for scope in SCOPES if scope not in {spec.access, "admin"}]
    engine.keys.add("wq_others_0123456789", "others", *others)
    response = await connect(engine, "wq_others_0123456789").request(spec.method, path_of(spec), content=b"{broken")
    error = assert_error(response, 403, "forbidden")
    assert error["details"]["missing"] == [spec.access]
    assert f'scope="{spec.access}"' in response.headers["www-authenticate"]
    assert not engine.commands


async def test_the_scope_of_a_route_is_enough(engine, connect):
    engine.keys.add("wq_sender_0123456789", "sender", "messages:send")
    sender = connect(engine, "wq_sender_0123456789")
    body = {"to": "966501234567", "text": "x"}
    assert (await sender.post("/api/v1/messages/send-text", json=body)).status_code == 200
    assert_error(await sender.get("/api/v1/messages"), 403, "forbidden")


async def test_bearer_is_as_good_as_the_header(engine, connect):
    nobody = connect(engine, None)
    ok = await nobody.get("/api/v1/sessions", headers={"Authorization": f"bearer {ADMIN}"})
    assert ok.status_code == 200
    for value in (f"Basic {ADMIN}", "Bearer", ADMIN, ""):
        assert_error(await nobody.get("/api/v1/sessions", headers={"Authorization": value}), 401, "unauthorized")


async def test_a_key_in_the_address_is_refused(engine, connect):
    response = await connect(engine).get("/api/v1/sessions", params={"apiKey": ADMIN})
    assert_error(response, 422, "invalid_input", field="apiKey")
    assert ADMIN not in response.text


async def test_expired_and_revoked_keys_are_refused_at_once(engine, connect):
    key_id = engine.keys.add("wq_short_0123456789", "short", "admin", expires=engine.clock.now_us() + 1_000_000)
    short = connect(engine, "wq_short_0123456789")
    assert (await short.get("/api/v1/sessions")).status_code == 200
    await engine.clock.advance(2)
    assert_error(await short.get("/api/v1/sessions"), 401, "unauthorized")
    engine.keys.rows[key_id].update(expires=None, revoked=True)
    assert_error(await short.get("/api/v1/sessions"), 401, "unauthorized")


async def test_guessing_is_throttled_per_address_and_locks_nobody_out(engine, connect):
    app = create_app(engine, manage_engine=False)
    good = connect(engine, address="203.0.113.5", app=app)
    assert (await good.get("/api/v1/sessions")).status_code == 200
    guesser = connect(engine, None, address="203.0.113.5", app=app)
    for n in range(BURST):
        assert_error(await guesser.get("/api/v1/sessions", headers={"X-API-Key": f"guess{n}"}), 401, "unauthorized")
    verified = engine.keys.verified
    response = await guesser.get("/api/v1/sessions", headers={"X-API-Key": "one more"})
    assert_error(response, 429, "rate_limited")
    assert int(response.headers["retry-after"]) >= 1
    assert engine.keys.verified == verified
    assert (await good.get("/api/v1/sessions")).status_code == 200
    elsewhere = connect(engine, "guess", address="203.0.113.6", app=app)
    assert_error(await elsewhere.get("/api/v1/sessions"), 401, "unauthorized")
    await engine.clock.advance(REFILL_S + 0.1)
    assert_error(await guesser.get("/api/v1/sessions", headers={"X-API-Key": "again"}), 401, "unauthorized")


async def test_an_endless_key_is_not_even_looked_up(engine):
    authenticator = Authenticator(engine.keys, engine.clock, engine.telemetry)
    with pytest.raises(Unauthorized):
        await authenticator.principal("x" * 10_000, "203.0.113.5")
    assert engine.keys.verified == 0


def test_one_ipv6_network_is_one_guesser():
    throttle = Throttle(FakeClock())
    for n in range(BURST):
        throttle.failed(f"2001:db8::{n:x}")
    assert throttle.wait("2001:db8::ffff") > 0
    assert throttle.wait("2001:db8:1::1") == 0
    for _ in range(BURST):
        throttle.failed("::ffff:203.0.113.5")
    assert throttle.wait("::ffff:203.0.113.6") == 0


def test_the_throttle_forgets_the_oldest_addresses():
    throttle = Throttle(FakeClock())
    for n in range(5000):
        throttle.failed(f"10.0.{n // 256}.{n % 256}")
    assert len(throttle._spent) <= 4096


async def test_a_good_key_that_was_revoked_counts_as_a_guess(engine):
    authenticator = Authenticator(engine.keys, engine.clock, engine.telemetry)
    await authenticator.principal(ADMIN, "203.0.113.5")
    for row in engine.keys.rows.values():
        row["revoked"] = True
    for _ in range(BURST):
        with pytest.raises(Unauthorized):
            await authenticator.principal(ADMIN, "203.0.113.5")
    with pytest.raises(RateLimited):
        await authenticator.principal(ADMIN, "203.0.113.5")


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/metrics", "/api/metrics", "/api/ws-monitor"])
async def test_metrics_are_free_on_this_machine_only(engine, connect, path):
    app = create_app(engine, manage_engine=False)
    assert (await connect(engine, None, app=app).get(path)).status_code == 200
    assert (await connect(engine, None, address="::1", app=app).get(path)).status_code == 200
    assert_error(await connect(engine, None, address="203.0.113.5", app=app).get(path), 401, "unauthorized")
    assert (await connect(engine, ADMIN, address="203.0.113.5", app=app).get(path)).status_code == 200
    local = connect(engine, None, app=app)
    for headers in (
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Host": "evil.example"},
        {"Host": "[broken"},
        {"X-API-Key": "wrong"},
    ):
        assert_error(await local.get(path, headers=headers), 401, "unauthorized")


async def test_a_ticket_opens_metrics_once(engine, connect):
    app = create_app(engine, manage_engine=False)
    ticket = (await connect(engine, app=app).post("/api/v1/ws/tickets")).json()["ticket"]
    far = connect(engine, None, address="203.0.113.5", app=app)
    assert (await far.get("/api/v1/metrics", params={"ticket": ticket})).status_code == 200
    assert_error(await far.get("/api/v1/metrics", params={"ticket": ticket}), 401, "unauthorized")


async def test_only_allowed_addresses_may_connect(connect):
    engine = FakeEngine(allowed_ips="10.0.0.0/8,2001:db8::1")
    app = create_app(engine, manage_engine=False)
    for address, status in (("10.1.2.3", 200), ("2001:db8::1", 200), ("::ffff:10.1.2.3", 200), ("127.0.0.1", 403)):
        assert (await connect(engine, address=address, app=app).get("/api/v1/sessions")).status_code == status
    assert_error(await connect(engine, address="203.0.113.5", app=app).get("/healthz"), 403, "forbidden")


def test_a_wrong_address_list_stops_the_start():
    with pytest.raises(ConfigurationError, match="300"):
        AllowList(("10.0.0.300",))
    with pytest.raises(ConfigurationError):
        create_app(FakeEngine(allowed_ips="nonsense"))


async def test_nobody_without_admin_sees_the_qr(engine, connect):
    engine.keys.add("wq_reader_0123456789", "reader", "messages:read")
    reader = connect(engine, "wq_reader_0123456789")
    for path in ("/api/v1/session/state", "/api/v1/sessions"):
        assert "2@secret" in (await connect(engine).get(path)).text
        assert "2@secret" not in (await reader.get(path)).text
