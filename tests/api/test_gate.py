from __future__ import annotations

import asyncio

import httpx
import pytest
import structlog

from tests.api.asserts import assert_error
from tests.api.fakes import ADMIN, FakeEngine
from waqtor.api.app import create_app
from waqtor.contracts.ids import is_ulid


async def test_unknown_paths_are_a_404_in_our_shape(client):
    for path in ("/", "/nope", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/messages", "/api/nope"):
        assert_error(await client.get(path), 404, "not_found")


async def test_a_trailing_slash_is_another_path_and_no_redirect(client):
    assert_error(await client.get("/api/v1/messages/"), 404, "not_found")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE", "PROPFIND"])
async def test_other_methods_are_a_405_that_names_the_right_ones(client, method):
    response = await client.request(method, "/api/v1/smartbot/rules")
    assert_error(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_options_names_the_methods(client):
    response = await client.options("/api/v1/smartbot/rules/x")
    assert response.status_code == 204
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
    assert_error(await client.options("/nope"), 404, "not_found")


async def test_head_is_get_without_a_body(client):
    got = await client.get("/api/v1/sessions")
    head = await client.head("/api/v1/sessions")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_a_request_id_goes_in_and_out_when_it_is_harmless(client):
    given = await client.get("/healthz", headers={"X-Request-ID": "trace-1.a_B"})
    assert given.headers["x-request-id"] == "trace-1.a_B"
    for bad in ("", "a b", "x" * 65, "<script>", "é".encode()):
        made = await client.get("/healthz", headers={"X-Request-ID": bad})
        assert is_ulid(made.headers["x-request-id"])


@pytest.mark.parametrize(
    "target",
    ["/api/v1/messages/a%00b", "/api/v1/messages?search=%00", "/api/v1/messages/%ff%fe", "/api/v1/messages?search=%ff"],
)
async def test_targets_with_nul_or_broken_utf8_are_a_400(client, target):
    assert_error(await client.get(target), 400, "invalid_input")


async def test_arabic_in_the_query_is_understood(client, engine):
    await client.post("/api/v1/messages/send-text", json={"to": "966501234567", "text": "وين طلبي؟"})
    found = await client.get("/api/v1/messages", params={"search": "طلبي"})
    assert len(found.json()["messages"]) == 1


async def test_unknown_parameters_are_refused_everywhere(client):
    for path in ("/healthz?a=1", "/api/v1/sessions?x=y", "/api/v1/messages?colour=red", "/api/metrics?x=1"):
        assert_error(await client.get(path), 422, "invalid_input")


async def test_what_breaks_inside_is_a_500_without_its_reason(client, engine):
    engine.failing = RuntimeError("the secret reason")
    response = await client.post("/api/v1/messages/send-text", json={"to": "966501234567", "text": "x"})
    assert_error(response, 500, "internal")
    assert "secret" not in response.text


async def test_what_breaks_outside_of_a_route_is_a_500_too(engine, connect, monkeypatch):
    app = create_app(engine, manage_engine=False)

    async def broken(scope, receive, send):
        raise RuntimeError("the secret reason")

    app.gate._app = broken
    assert_error(await connect(engine, app=app).get("/healthz"), 500, "internal")


async def test_an_answer_that_breaks_half_way_is_broken_off(engine):
    app = create_app(engine, manage_engine=False)

    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    app.gate._app = broken
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with pytest.raises(RuntimeError, match="half way"):
            await client.get("/healthz")


async def test_a_caller_who_hangs_up_is_no_fault(engine):
    app = create_app(engine, manage_engine=False)
    sent = []
    scope = {
        "type": "http", "method": "POST", "path": "/api/v1/messages/send-text", "raw_path": b"/", "query_string": b"",
        "headers": [(b"x-api-key", ADMIN.encode()), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
        "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    messages = iter([{"type": "http.request", "body": b'{"to"', "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    assert not engine.commands
    assert not [m for m in sent if m.get("status", 0) >= 500]


async def test_every_request_is_counted_and_logged_without_secrets(engine, connect):
    client = connect(engine)
    with structlog.testing.capture_logs() as logs:
        body = {"to": "966501234567", "text": "a private text"}
        await client.post("/api/v1/messages/send-text", json=body)
        await client.get("/api/v1/chats/966501234567/messages", params={"limit": 5})
        await client.get("/api/v1/metrics?ticket=wt_secret")
    written = [line for line in logs if line["event"] == "http.request"]
    assert [line["route"] for line in written] == [
        "/api/v1/messages/send-text",
        "/api/v1/chats/{chat_id}/messages",
        "/api/v1/metrics",
    ]
    assert {line["status"] for line in written} == {200}
    for secret in ("966501234567", "private", "wt_secret", ADMIN):
        assert secret not in str(logs)
    values = engine.telemetry.values()
    assert values["waqtor_http_seconds_count{method=POST,route=/api/v1/messages/send-text,status=200}"] == 1
    assert engine.log.tally.rows[0][2:5] == ("POST", "/api/v1/messages/send-text", 200)
    assert all(row[7] > 0 for row in engine.log.tally.rows)


async def test_strange_methods_and_paths_do_not_multiply_the_metrics(engine, connect):
    client = connect(engine)
    for n in range(5):
        await client.request(f"VERB{n}", f"/path{n}")
    names = [name for name in engine.telemetry.values() if name.startswith("waqtor_http_seconds_count")]
    assert names == ["waqtor_http_seconds_count{method=OTHER,route=unmatched,status=404}"]


async def test_pages_of_other_origins_may_not_read(connect):
    engine = FakeEngine(allowed_origins="https://shop.example")
    client = connect(engine)
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    yes = await client.options("/api/v1/messages/send-text", headers=asked)
    assert yes.status_code == 204
    assert yes.headers["access-control-allow-origin"] == "https://shop.example"
    assert "X-API-Key" in yes.headers["access-control-allow-headers"]
    no = await client.options("/api/v1/messages/send-text", headers={**asked, "Origin": "https://evil.example"})
    assert_error(no, 403, "forbidden")
    assert "access-control-allow-origin" not in no.headers
    got = await client.get("/healthz", headers={"Origin": "https://shop.example"})
    assert got.headers["access-control-allow-origin"] == "https://shop.example"
    assert got.headers["vary"] == "Origin"
    other = await client.get("/healthz", headers={"Origin": "https://shop.example.evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_no_origin_is_allowed_by_default(client):
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    assert_error(await client.options("/api/v1/messages", headers=asked), 403, "forbidden")


async def test_answers_are_not_cached_and_not_sniffed(client):
    response = await client.get("/api/v1/sessions")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_many_at_once_do_not_mix(engine, connect):
    client = connect(engine)

    async def send(n: int) -> None:
        body = {"to": "966501234567", "text": str(n)}
        headers = {"X-Request-ID": f"r{n}", "Idempotency-Key": f"k{n % 25}-{n}"}
        response = await client.post("/api/v1/messages/send-text", json=body, headers=headers)
        assert response.status_code == 200
        assert response.headers["x-request-id"] == f"r{n}"

    await asyncio.gather(*(send(n) for n in range(100)))
    assert sorted(int(message.body) for message in engine.archive.all_messages) == list(range(100))


async def test_the_application_starts_and_stops_the_engine(engine):
    for manage, during in ((True, True), (False, False)):
        app = create_app(engine, manage_engine=manage)
        async with app.router.lifespan_context(app):
            assert engine.running is during
        assert engine.running is False
