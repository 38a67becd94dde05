"""Webhooks over a real store, a real journal and real HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import Database
from waqtor.client.webhooks import verify
from waqtor.contracts import webhooks as w
from waqtor.contracts.events import Event
from waqtor.contracts.ids import new_ulid
from waqtor.errors import ConfigurationError, InvalidInput, NotFound
from waqtor.kernel.clock import SystemClock
from waqtor.settings import Settings
from waqtor.storage.cursors import SqlCursors
from waqtor.storage.store import SqlStore
from waqtor.storage.vault import Vault
from waqtor.storage.webhook_log import SqlWebhookLog
from waqtor.storage.webhooks import SqlWebhooks
from waqtor.webhooks.guard import Guard
from waqtor.webhooks.policy import Breaker, retry_after_of, wait_after
from waqtor.webhooks.ports import LogQuery
from waqtor.webhooks.service import Defaults, WebhookService

KEY = b"k" * 32


class Sink:
    """A receiver that answers by script: ``answers`` in turn, then 200."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        self.server = TestServer(app, host="127.0.0.1")

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.got.append((request.path, dict(request.headers), body))
        script = self.answers.pop(0) if self.answers and request.path != "/healthy" else 200
        if callable(script):
            return await script(request)
        if isinstance(script, tuple):
            return web.Response(status=script[0], headers=script[1])
        return web.Response(status=script, text="x" * 5000 if script == 500 else "thanks")

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"

    def ids(self, path: str = "/hook") -> list[str]:
        return [headers["webhook-id"] for got, headers, _ in self.got if got == path]


@pytest.fixture
async def sink():
    made = Sink()
    await made.server.start_server()
    yield made
    await made.server.close()


def make(store: SqlStore, *, key: bytes = KEY, **more: Any) -> WebhookService:
    adapter = SqlWebhooks(store, lambda: Vault(key))
    defaults = Defaults(**{"delay_ms": 10, "timeout_ms": 2000, **more})
    return WebhookService(
        adapter, adapter, SqlWebhookLog(store, adapter), store.journal, SqlCursors(store), SystemClock(),
        Guard(["127.0.0.0/8"]), defaults, shared=not store.exclusive, agent="WaQtor-Webhook/1",
    )  # fmt: skip


@contextlib.asynccontextmanager
async def running(store: SqlStore, **more: Any):
    service = make(store, **more)
    await service.start()
    task = asyncio.create_task(service.run())
    try:
        await until(lambda: service.dispatcher.failure is not None)
        yield service
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await service.stop()


async def until(condition, timeout: float = 30.0) -> None:
    async with asyncio.timeout(timeout):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


def sent(n: int = 0, lane: int = 0) -> Event:
    data = {"message_id": f"m{n}", "status": "sent", "timestamp": "t"}
    return Event("message.sent", "default", data, lane=lane, subject=f"m{n}", personal={"to": "966501234567"})


async def states(service: WebhookService, hook: w.WebhookView) -> Counter[str]:
    return Counter(d.state for d in await service.deliveries(LogQuery(hook.id, limit=200)))


async def test_an_event_is_delivered_signed_and_logged(store, sink):
    async with running(store) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("message.sent",)))
        assert hook.secret.startswith("whsec_")
        assert (await service.get(hook.id)).secret is None
        await store.journal.append([sent()])
        await until(lambda: sink.got)
        _, headers, body = sink.got[0]
        assert verify(hook.secret, headers, body).event == "message_sent"
        older = {"X-Waqtor-Signature": headers["X-Waqtor-Signature"]}
        assert verify(hook.secret, older, body).data["messageId"] == "m0"
        assert (headers["X-Waqtor-Event"], headers["User-Agent"]) == ("message_sent", "WaQtor-Webhook/1")
        assert json.loads(body)["data"]["to"] == "966501234567@c.us"
        await until(lambda: _all(service, hook, "delivered", 1))
        (view,) = await service.deliveries(LogQuery(hook.id))
        detail = await service.delivery(hook.id, view.id)
        assert detail.body == body.decode()
        assert [(a.status, a.status_code, a.response) for a in detail.attempts] == [("success", 200, "thanks")]
        stats = await service.stats(hook.id)
        assert (stats.attempts, stats.success_rate, stats.by_event[0].event) == (1, 1.0, "message_sent")
        assert stats.p50_ms == stats.p95_ms == detail.attempts[0].response_time_ms
        journaled = await store.journal.read(0, 50)
        assert [e.data["status"] for e in journaled if e.type == "webhook.delivery"] == ["success"]


async def _all(service, hook, state, count):
    return (await states(service, hook))[state] == count


async def test_failures_are_tried_again_under_the_same_id_then_dead_then_replayed(store, sink):
    async with running(store) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("*",)))
        sink.answers = [500, (301, {"Location": "/x"}), (429, {"Retry-After": "0"})]
        await store.journal.append([sent()])
        await until(lambda: _all(service, hook, "dead", 1))
        assert len(sink.got) == 3
        assert len(set(sink.ids())) == 1
        (view,) = await service.deliveries(LogQuery(hook.id, state="dead"))
        detail = await service.delivery(hook.id, view.id)
        assert [a.status_code for a in detail.attempts] == [500, 301, 429]
        assert len(detail.attempts[0].response) == 2048
        found = await service.replay(hook.id, w.ReplayWebhook(status="failed"))
        assert found.replayed == 1
        await until(lambda: _all(service, hook, "delivered", 1))
        assert len(set(sink.ids())) == 1
        assert (await service.delivery(hook.id, view.id)).attempts[-1].attempt == 4
        with pytest.raises(NotFound):
            await service.replay(hook.id, w.ReplayWebhook(delivery_id="nothing"))
        with pytest.raises(InvalidInput):
            await service.replay(hook.id, w.ReplayWebhook(since="yesterday"))


async def test_gone_switches_it_off_and_says_so(store, sink):
    async with running(store) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("message_sent",)))
        sink.answers = [410]
        await store.journal.append([sent()])

        async def off() -> bool:
            return not (await service.get(hook.id)).enabled

        await until(off)
        view = await service.get(hook.id)
        assert (view.health, view.disabled_reason) == ("disabled", "the endpoint answered 410 Gone")
        events = [e for e in await store.journal.read(0, 50) if e.type == "webhook.disabled"]
        assert events[0].data == {"webhook_id": hook.id, "host": "127.0.0.1", "reason": view.disabled_reason}
        await store.journal.append([sent(1)])
        await service.update(hook.id, w.UpdateWebhook(enabled=True))
        await until(lambda: _all(service, hook, "delivered", 1))
        found = await service.replay(hook.id, w.ReplayWebhook(missing=True))
        assert found.created >= 1
        await until(lambda: len(set(sink.ids())) == 2)


async def test_a_restart_neither_loses_nor_repeats(database: Database, sink):
    async with database.opened() as store:
        async with running(store) as service:
            hook = await service.create(w.CreateWebhook(url=sink.url(), events=("message_sent",)))
            await store.journal.append([sent(n) for n in range(5)])
            await until(lambda: _all(service, hook, "delivered", 5))
        await store.journal.append([sent(n) for n in range(5, 1300)])
    async with database.opened() as store, running(store) as service:

        async def emptied() -> bool:
            return not (await service.get(hook.id)).pending and len(set(sink.ids())) == 1300

        await until(emptied, 60)
        assert len(sink.got) == 1300
        assert verify(hook.secret, sink.got[-1][1], sink.got[-1][2])


async def test_what_came_before_the_first_reading_is_delivered(store, sink):
    early = make(store)
    await early.start()
    hook = await early.create(w.CreateWebhook(url=sink.url(), events=("message_sent",)))
    await early.stop()
    await store.journal.append([sent(n) for n in range(3)])
    async with running(store) as service:
        await until(lambda: _all(service, hook, "delivered", 3))


async def test_an_engine_with_another_key_says_so_at_its_start(store, sink):
    async with running(store) as service:
        await service.create(w.CreateWebhook(url=sink.url()))
    with pytest.raises(ConfigurationError, match="WAQTOR_SECRET_KEY"):
        await make(store, key=b"o" * 32).start()


@pytest.mark.parametrize("name", ["WAQTOR_SECRET_KEY", "SERVER_SECRET"])
def test_the_key_has_its_old_name_too_and_is_no_placeholder(name, monkeypatch):
    monkeypatch.setenv(name, "a-long-and-random-key")
    assert Settings(_env_file=None).secret_key.get_secret_value() == "a-long-and-random-key"
    monkeypatch.setenv(name, "changeme")
    with pytest.raises(ValueError, match="placeholder"):
        Settings(_env_file=None)


async def test_rotation_signs_with_both_secrets(store, sink):
    async with running(store) as service:
        hook = await service.create(
            w.CreateWebhook(url=sink.url(), events=("message_sent",), secret="old pass".replace(" ", "-"))
        )
        changed = await service.rotate(hook.id, w.RotateWebhook())
        assert changed.secret.startswith("whsec_")
        assert changed.old_secret_until is not None
        detail = await service.test(hook.id, w.TestWebhook())
        assert detail.delivery.state == "delivered"
        _, headers, body = sink.got[0]
        for secret in ("old-pass", changed.secret):
            assert verify(secret, headers, body).event == "test"
            older = {k: v for k, v in headers.items() if k.startswith("X-Waqtor-Signature")}
            assert verify(secret, older, body)
        rows = await store.rows("SELECT sealed, options FROM webhooks")
        assert "old-pass" not in str(rows)
        assert changed.secret not in str(rows)


async def test_order_within_a_chat_is_kept_over_failures(store, sink):
    async with running(store, attempts=5) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("message_sent",), ordered=True))
        sink.answers = [500, 200, 500, 500]
        await store.journal.append([sent(n, lane=n % 2) for n in range(20)])
        await until(lambda: _all(service, hook, "delivered", 20))
        arrived = [int(json.loads(body)["data"]["messageId"][1:]) for _, _, body in sink.got]
        final = list(dict.fromkeys(reversed(arrived)))[::-1]
        for lane in (0, 1):
            mine = [n for n in final if n % 2 == lane]
            assert mine == sorted(mine)


async def test_a_dead_endpoint_holds_nobody_up(store, sink):
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with running(store, timeout_ms=60_000) as service:
        sink.answers = [hang] * 16
        dead = await service.create(w.CreateWebhook(url=sink.url("/dead"), events=("message_sent",)))
        good = await service.create(w.CreateWebhook(url=sink.url("/healthy"), events=("message_sent",)))
        await store.journal.append([sent(n) for n in range(60)])
        await until(lambda: _all(service, good, "delivered", 60))
        assert (await states(service, dead))["pending"] == 60
        assert len(sink.ids("/dead")) == 16


async def test_a_thousand_late_retries_hold_nothing_back_and_none_is_lost(store, sink):
    broken = True

    async def a_third_fails(request: web.Request) -> web.Response:
        number = int(json.loads(await request.read())["data"]["messageId"][1:])
        return web.Response(status=500 if broken and number % 3 == 0 else 200)

    async with running(store, delay_ms=3_600_000, concurrency=64) as service:
        sink.answers = [a_third_fails] * 20_000
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("message_sent",)))
        await store.journal.append([sent(n) for n in range(3600)])
        await until(lambda: len(sink.got) >= 3600)
        await store.journal.append([sent(n) for n in range(10_001, 10_151, 3)])
        await until(lambda: len(sink.got) >= 3650)
        await until(lambda: _waiting(service, hook, 1200))
        broken = False
        await store.write(lambda tx: tx.many("UPDATE webhook_deliveries SET due_at = 1 WHERE state = 'pending'", [()]))
    async with running(store, delay_ms=3_600_000, concurrency=64) as service:
        sink.answers = sink.answers or [a_third_fails]
        await until(lambda: _waiting(service, hook, 0))
    counted = Counter(sink.ids())
    assert len(counted) == 3650
    assert sorted(counted.values()) == [1] * 2450 + [2] * 1200


async def _waiting(service: WebhookService, hook: w.WebhookView, count: int) -> bool:
    return (await service.get(hook.id)).pending == count


async def test_a_qr_code_is_delivered_but_lies_nowhere_in_clear(store, sink):
    async with running(store) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("session_qr",)))
        await service.create(w.CreateWebhook(url=sink.url("/all"), events=("*",)))
        sink.answers = [500, 500, 500]
        await service.on_event(Event("session.qr", "default", {"qr": "2@login-secret", "timestamp": "t"}))
        await until(lambda: _all(service, hook, "dead", 1))
        assert json.loads(sink.got[0][2])["data"]["qr"] == "2@login-secret"
        assert sink.ids("/all") == []
        assert "login-secret" not in str(await store.rows("SELECT * FROM webhook_deliveries"))
        (view,) = await service.deliveries(LogQuery(hook.id))
        assert (await service.delivery(hook.id, view.id)).body is None


async def test_a_newer_progress_tick_replaces_one_that_waits(store, sink):
    def tick(number: int) -> Event:
        return Event("campaign.progress", "default", {"campaign_id": "c1", "sent": number}, id=new_ulid())

    async with running(store, delay_ms=3_000_000) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("campaign_executed",)))
        sink.answers = [500]
        await service.on_event(tick(1))
        await until(lambda: len(sink.got) == 1)
        await service.on_event(tick(2))  # too soon: kept back
        end = {"campaign_id": "c1", "status": "completed", "sent": 3, "total": 3}
        await store.journal.append([Event("campaign.completed", "default", end)])
        await until(lambda: _all(service, hook, "delivered", 1))
        last = json.loads(sink.got[-1][2])
        assert (last["event"], last["data"]["sent"], last["data"]["campaignId"]) == ("campaign_executed", 3, "c1")
        assert (await states(service, hook))["replaced"] == 1


async def test_names_filters_and_bad_input(store, sink):
    async with running(store) as service:
        picky = w.Filters(sessions=("default",), chats=("+966 50 123 4567",))
        hook = await service.create(
            w.CreateWebhook(url=sink.url(), events=("client_connected", "message_sent"), filters=picky)
        )
        plain = await service.create(w.CreateWebhook(url=sink.url("/healthy"), events=("client_connected",)))
        info = {"platform": "x", "phone_number": "1", "name": "n"}
        other = sent(2)
        other.personal = {"to": "966509999999"}
        await store.journal.append(
            [Event("session.status", "default", {"status": "ready", "client_info": info}), sent(1), other]
        )
        await until(lambda: _all(service, hook, "delivered", 1))
        await until(lambda: _all(service, plain, "delivered", 1))
        assert [json.loads(body)["event"] for path, _, body in sink.got if path == "/hook"] == ["message_sent"]
        with pytest.raises(InvalidInput):
            await service.create(w.CreateWebhook(url="http://10.0.0.1/"))
        with pytest.raises(InvalidInput):
            await service.create(w.CreateWebhook(url=sink.url(), secret="whsec_short123"))
        with pytest.raises(ValueError):
            w.CreateWebhook(url=sink.url(), events=("no_such_event",))
        with pytest.raises(ValueError):
            w.CreateWebhook(url=sink.url(), headers={"webhook-id": "x"})
        await service.delete(plain.id)
        with pytest.raises(NotFound):
            await service.get(plain.id)


async def test_old_deliveries_are_dropped_and_waiting_ones_stay(store, sink):
    async with running(store) as service:
        hook = await service.create(w.CreateWebhook(url=sink.url(), events=("message_sent",)))
        await store.journal.append([sent(n) for n in range(3)])
        await until(lambda: _all(service, hook, "delivered", 3))
        adapter = SqlWebhooks(store, lambda: Vault(KEY))
        assert await adapter.trim(0) == 0
        assert await adapter.trim(2**62) == 3
        assert await store.rows("SELECT count(*) FROM webhook_attempts") == [(0,)]


def test_the_breaker_opens_probes_and_closes():
    breaker = Breaker(first=10.0)
    for _ in range(10):
        breaker.ended(False, 0.0)
    assert breaker.state == "open"
    assert breaker.wait(0.0) > 8
    assert breaker.wait(12.0) == 0
    breaker.started()
    assert breaker.wait(12.0) > 0
    breaker.ended(False, 12.0)
    assert breaker.wait(12.0) > 17
    breaker.started()
    breaker.ended(True, 40.0)
    assert breaker.state == "closed"


def test_waits_grow_and_retry_after_is_bounded():
    hook: Any = type("H", (), {"waits": None, "delay_ms": 1000})()
    assert 0.8 <= wait_after(hook, 1, None) <= 1.2
    assert 3.2 <= wait_after(hook, 3, None) <= 4.8
    assert wait_after(hook, 1, 30.0) == 30.0
    assert wait_after(hook, 3, 0.0) >= 3.2
    assert wait_after(hook, 1, 1e9) == 3600.0
    assert retry_after_of("120", 0) == 120.0
    assert retry_after_of("Thu, 01 Jan 1970 00:01:00 GMT", 0) == 60.0
    assert retry_after_of("soon", 0) is None
