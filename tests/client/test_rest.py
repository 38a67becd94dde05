from __future__ import annotations

import inspect
import json
import subprocess
import sys

import httpx
import pytest

from tests.api.fakes import ADMIN, FakeEngine
from waqtor import errors
from waqtor.api.app import create_app
from waqtor.client import AsyncWaqtorClient, WaqtorClient, http
from waqtor.client.access import find_access
from waqtor.contracts import views
from waqtor.contracts.commands import COMMANDS
from waqtor.contracts.rules import Rule

TO = "966501234567@c.us"


@pytest.fixture
async def client():
    transport = httpx.ASGITransport(app=create_app(FakeEngine(), manage_engine=False), client=("127.0.0.1", 5000))
    async with AsyncWaqtorClient("http://localhost", ADMIN, transport=transport, retries=0) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(http, "retry_delay", lambda *a, **k: 0.0)


def answering(*answers, **more) -> tuple[WaqtorClient, list[httpx.Request]]:
    """A blocking client whose server gives these answers in turn (an exception is raised); and what it was asked."""
    asked: list[httpx.Request] = []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return WaqtorClient("http://localhost:9", "k", transport=httpx.MockTransport(handle), **more), asked


def ok(**body) -> httpx.Response:
    return httpx.Response(200, json={"message_id": "m", "timestamp": "t", **body})


def problem(status: int, code: str = "", **headers) -> httpx.Response:
    body = {"ok": False, "error": {"code": code, "message": "why", "details": {"a": 1}, "request_id": "r"}}
    return httpx.Response(status, json=body, headers=headers)


async def test_every_send_gets_a_receipt_from_the_real_api(client) -> None:
    m = client.messages
    sends = [
        await m.send(to=TO, text="Hello مرحبا 😀\u202e"),
        await m.send("+966 50 123 4567", "x" * 4096, quoted_message_id="q", mentions=["966501234568"]),
        await m.send_media(TO, "image", url="https://shop.example/a.jpg", caption="صورة"),
        await m.send_buttons(TO, "Sure?", ["Yes", {"id": "no", "title": "No"}]),
        await m.send_list(TO, "Pick", "Open", [{"rows": [{"id": "1", "title": "One"}]}]),
        await m.send_template(TO, "order_ready", language="ar", variables={"name": "Sara", "count": 3}),
        await m.send_location(TO, 24.7, 46.7, name="Riyadh"),
        await m.send_reaction(TO, "some-id", "👍"),
    ]
    assert all(isinstance(receipt, views.SendReceipt) and receipt.status == "pending" for receipt in sends)
    assert len({receipt.message_id for receipt in sends}) == len(sends)


async def test_the_same_key_sends_once_and_another_body_conflicts(client) -> None:
    first = await client.messages.send(TO, "once", idempotency_key="order-1")
    again = await client.messages.send(TO, "once", idempotency_key="order-1")
    assert again.message_id == first.message_id
    with pytest.raises(errors.IdempotencyConflict) as conflict:
        await client.messages.send(TO, "twice", idempotency_key="order-1")
    assert conflict.value.details["request_id"]
    assert conflict.value.details["status"] == 409


async def test_reading_pages_typed(client) -> None:
    for n in range(5):
        await client.messages.send(TO, f"text {n}")
    page = await client.messages.list(limit=2, direction="out")
    assert (len(page), [type(m) for m in page]) == (2, [views.MessageView] * 2)
    rest = await client.messages.list(limit=200, direction="out", cursor=page.next_cursor)
    assert {m.message_id for m in page}.isdisjoint(m.message_id for m in rest)
    one = await client.messages.get(page[0].message_id)
    assert one.message_id == page[0].message_id
    assert all(isinstance(chat, views.ChatView) for chat in await client.messages.chats())
    assert isinstance(await client.status.state(), views.SessionView)
    assert len(await client.status.sessions()) >= 1
    assert await client.status.ready() == []
    assert (await client.status.health())["status"]
    assert "metrics" in await client.metrics()


async def test_errors_come_back_as_the_exceptions_they_were(client) -> None:
    for call, kind in [
        (client.messages.get("nope"), errors.NotFound),
        (client.messages.send("not a number", "x"), errors.InvalidAddress),
        (client.smartbot.rules.get("nope"), errors.NotFound),
        (client.analytics.query("DROP TABLE messages"), errors.QueryRefused),
        (client.keys.create("x", ["no:such"]), errors.InvalidInput),
    ]:
        with pytest.raises(kind) as raised:
            await call
        assert type(raised.value) is kind
        assert raised.value.details["request_id"]


async def test_bot_rules_and_analytics(client) -> None:
    trace = await client.smartbot.test("متى تفتحون؟")
    assert isinstance(trace, views.Trace)
    rule = {"id": "gift_wrap", "examples": {"en": ["do you wrap gifts?"]}, "replies": {"en": [{"text": "Yes."}]}}
    made = await client.smartbot.rules.create(rule)
    assert isinstance(made, views.RuleView)
    changed = await client.smartbot.rules.update("gift_wrap", Rule(**rule), revision=made.revision)
    assert {r.id for r in await client.smartbot.rules.list()} >= {"gift_wrap"}
    with pytest.raises(errors.RevisionConflict):
        await client.smartbot.rules.delete("gift_wrap", revision="stale")
    assert await client.smartbot.rules.delete("gift_wrap", revision=changed.revision) is None
    assert isinstance(await client.smartbot.status(), dict)
    result = await client.analytics.query("SELECT 1 AS one")
    assert isinstance(result, views.QueryResult)
    assert (await client.keys.create("crm", ["messages:send"])).key
    keys = await client.keys.list()
    assert all(key.key is None for key in keys)


async def test_a_key_without_the_scope_is_forbidden() -> None:
    engine = FakeEngine()
    engine.keys.add("wq_sender", "sender", "messages:send")
    transport = httpx.ASGITransport(app=create_app(engine, manage_engine=False), client=("127.0.0.1", 5000))
    async with AsyncWaqtorClient("http://localhost", "wq_sender", transport=transport) as client:
        await client.messages.send(TO, "x")
        with pytest.raises(errors.Forbidden) as refused:
            await client.messages.list()
        assert refused.value.details["missing"] == ["messages:read"]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(503),
        httpx.Response(502),
        httpx.Response(504),
        problem(429, "rate_limited", **{"retry-after": "0"}),
        httpx.ConnectError("x"),
        httpx.ReadError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
    ],
    ids=str,
)
def test_sends_are_repeated_under_one_key(failure) -> None:
    client, asked = answering(failure, failure, ok(duplicate=True))
    with client:
        assert client.messages.send(TO, "x").duplicate is True
    keys = {request.headers["idempotency-key"] for request in asked}
    assert (len(asked), len(keys)) == (3, 1)
    assert len({request.content for request in asked}) == 1


@pytest.mark.parametrize(
    "failure", [httpx.Response(503), problem(429, "rate_limited"), httpx.ReadTimeout("x")], ids=str
)
def test_other_posts_are_never_repeated_blindly(failure) -> None:
    client, asked = answering(failure, ok())
    with client, pytest.raises(errors.WaqtorError):
        client.status.restart()
    assert len(asked) == 1
    assert "idempotency-key" not in asked[0].headers


def test_a_refused_connection_is_repeated_whatever_it_was() -> None:
    client, asked = answering(httpx.ConnectError("x"), ok())
    with client:
        client.status.restart()
    assert len(asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_final_answers_are_not_repeated(status: int) -> None:
    client, asked = answering(httpx.Response(status))
    with client, pytest.raises(errors.WaqtorError) as raised:
        client.messages.send(TO, "x")
    assert raised.value.details["status"] == status
    assert len(asked) == 1


def test_retries_end_and_say_what_was_wrong() -> None:
    client, asked = answering(httpx.ConnectError("x"), retries=2)
    with client, pytest.raises(errors.Unavailable, match="waqtor up"):
        client.messages.list()
    assert len(asked) == 3
    client, asked = answering(problem(429, "rate_limited", **{"retry-after": "86400"}))
    with client, pytest.raises(errors.RateLimited) as limited:
        client.messages.list()
    assert limited.value.details["retry_after"] == 86400.0
    assert len(asked) == 1
    client, _ = answering(httpx.ReadTimeout("x"), retries=0)
    with client, pytest.raises(errors.Timeout):
        client.messages.list()


@pytest.mark.parametrize("code", sorted({kind.code for kind in http._tree(errors.WaqtorError)}))
def test_every_code_is_mapped_back(code: str) -> None:
    error = http.error_of(418, json.loads(problem(418, code).content), {})
    assert error.code == code
    assert error.message == str(error) == "why"
    assert error.details == {"a": 1, "status": 418, "request_id": "r"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"error": "x"}', b'{"error": {"details": 3}}'])
def test_answers_of_strangers_still_become_errors(body: bytes) -> None:
    for status, kind in [(502, errors.Unavailable), (418, errors.WaqtorError), (404, errors.NotFound)]:
        client, _ = answering(
            httpx.Response(status, content=body, headers={"content-type": "application/json"}), retries=0
        )
        with client, pytest.raises(kind):
            client.messages.list()
    client, _ = answering(httpx.Response(200, content=body, headers={"content-type": "application/json"}))
    if body != b"[]":
        with client, pytest.raises(errors.WaqtorError):
            client.messages.list()


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.messages.send(TO, ""), lambda c: c.messages.send(TO, "x" * 4097),
        lambda c: c.messages.send_buttons(TO, "b", []), lambda c: c.messages.send_location(TO, 91, 0),
        lambda c: c.messages.send_location(TO, float("nan"), 0), lambda c: c.messages.send_template(TO, "No Spaces"),
        lambda c: c.messages.get(""), lambda c: c.messages.get(".."), lambda c: c.messages.pause_chat(TO, minutes=-1),
        lambda c: c.analytics.query("SELECT ?", [object()]), lambda c: c.smartbot.rules.create({"x": float("nan")}),
    ],
)  # fmt: skip
def test_bad_input_never_leaves(call) -> None:
    client, asked = answering(ok())
    with client, pytest.raises(errors.InvalidInput):
        call(client)
    assert asked == []


def test_ids_cannot_leave_their_place() -> None:
    client, asked = answering(httpx.Response(404))
    with client:
        for text in ("../keys", "a/b?c=d#e", "%2e%2e", "م ر", "a\nb"):
            with pytest.raises(errors.NotFound):
                client.smartbot.rules.get(text)
    assert all(request.url.raw_path.count(b"/") == 5 and b"?" not in request.url.raw_path for request in asked)


def test_not_ready_is_an_answer() -> None:
    client, _ = answering(
        httpx.Response(
            503,
            json={
                "ok": False,
                "error": {
                    "code": "unavailable",
                    "message": "m",
                    "details": {"reasons": ["the log is behind"]},
                    "request_id": "r",
                },
            },
        )
    )
    with client:
        assert client.status.ready() == ["the log is behind"]


def test_a_file_is_sent_as_base64(tmp_path) -> None:
    (tmp_path / "فاتورة.pdf").write_bytes(b"%PDF")
    client, asked = answering(ok())
    with client:
        client.messages.send_media(TO, "document", path=tmp_path / "فاتورة.pdf")
        sent = json.loads(asked[0].content)
        assert (sent["base64"], sent["filename"], sent["mime_type"]) == ("JVBERg==", "فاتورة.pdf", "application/pdf")


def test_every_command_has_its_method_in_both_clients() -> None:
    sync = WaqtorClient("http://localhost:9", "k")
    other = AsyncWaqtorClient("http://localhost:9", "k")
    with sync:
        for spec in COMMANDS.values():
            resource, method = spec.sdk.split(".")
            one, two = getattr(getattr(sync, resource), method), getattr(getattr(other, resource), method)
            assert inspect.signature(one).parameters == inspect.signature(two).parameters, spec.sdk
            assert one.__doc__
            assert inspect.iscoroutinefunction(two)
            assert not inspect.iscoroutinefunction(one)


def test_access_is_found_in_arguments_environment_and_key_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAQTOR_DATA_DIR", str(tmp_path))
    assert find_access(None, None).api_key is None
    (tmp_path / "admin.key").write_text("wq_file\n")
    (tmp_path / "admin.key").chmod(0o644)
    with pytest.raises(errors.ConfigurationError, match="chmod 600"):
        find_access(None, None)
    (tmp_path / "admin.key").chmod(0o600)
    assert find_access(None, None).api_key == "wq_file"
    assert find_access("https://shop.example", None).api_key is None, "the local key is not for strangers"
    monkeypatch.setenv("WAQTOR_API_KEY", "wq_env")
    monkeypatch.setenv("WAQTOR_API_URL", "https://shop.example/base/api/v1/")
    found = find_access(None, None)
    assert (found.url, found.api_key) == ("https://shop.example/base", "wq_env")
    assert found.socket_url == "wss://shop.example/base/ws?batch=1"
    assert find_access("http://localhost:1", "wq_arg").api_key == "wq_arg"
    assert "wq_env" not in repr(found)


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://x", "http://", "//x"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        WaqtorClient(url, "k")


def test_importing_stays_light() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import waqtor; took = time.perf_counter() - t;"
        "from waqtor import WaqtorClient; heavy = {'torch', 'pandas', 'duckdb', 'sklearn', 'fastapi', 'streamlit',"
        "'pyarrow', 'sqlalchemy', 'httpx'} & set(sys.modules); assert not heavy, heavy; assert took < 0.3, took"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_what_takes_long_is_waited_for() -> None:
    waits = []

    def handle(request: httpx.Request) -> httpx.Response:
        waits.append((request.url.path.rsplit("/", 1)[-1], request.extensions["timeout"]["read"]))
        return httpx.Response(200, json={"suggestions": []})

    with WaqtorClient("http://localhost:9", "k", timeout=2.0, transport=httpx.MockTransport(handle)) as client:
        client.suggestions.refresh()
        client.suggestions.list()
    assert waits == [("refresh", 600.0), ("suggestions", 2.0)]
