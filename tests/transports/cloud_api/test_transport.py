from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.transports.cloud_api.conftest import NUMBER, FakeGraph, Sink, error, hangs, resets, says
from waqtor.errors import Forbidden, NotFound, SendRefused, SendUncertain, Unavailable
from waqtor.messaging.ports import CalledBack, Outgoing
from waqtor.transports.cloud_api.callback import Callback
from waqtor.transports.cloud_api.graph import GraphClient
from waqtor.transports.cloud_api.transport import CloudApiTransport

SECRET = "app-secret"


def message(content: dict[str, Any] | None = None) -> Outgoing:
    return Outgoing("01J0000000000000000000000A", "default", "966501234567", content or {"type": "text", "body": "hi"})


@pytest.fixture
def made(graph: FakeGraph) -> Callable[..., CloudApiTransport]:
    def make(url: str = "", check_s: float = 300.0) -> CloudApiTransport:
        client = GraphClient(url or graph.url, "v23.0", "a-token", timeout=0.5)
        return CloudApiTransport("default", NUMBER, client, Callback(SECRET, "word"), check_s)

    return make


@pytest.fixture
async def transport(made: Callable[..., CloudApiTransport], sink: Sink) -> AsyncIterator[CloudApiTransport]:
    transport = made()
    await transport.start(sink)
    await sink.becomes("ready")
    yield transport
    await transport.stop()


async def test_it_is_ready_once_the_number_answers(transport: CloudApiTransport, graph: FakeGraph, sink: Sink) -> None:
    assert [r.status for r in sink.reports] == ["connecting", "ready"]
    info = sink.reports[-1].client_info
    assert info is not None
    assert (info.phone_number, info.name, info.platform) == ("966500000000", "متجر", "cloud_api")
    assert graph.tokens == {"Bearer a-token"}
    assert isinstance(transport, CalledBack)


async def test_a_send_returns_metas_id(transport: CloudApiTransport, graph: FakeGraph) -> None:
    assert await transport.send(message()) == "wamid.1"
    assert graph.sent[0]["biz_opaque_callback_data"] == "01J0000000000000000000000A"


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "hold"),
    [
        (error(130429, 429), "130429", True, False),
        (error(131056), "131056", True, False),
        (error(131048), "131048", False, True),
        (error(131047), "131047", False, False),
        (error(999999, is_transient=True), "999999", True, False),
        (error(200, 403), "200", False, True),
        (error(190, 401), "190", False, True),
        (error(2, 500), "2", True, False),
        (says(429, "slow down", **{"Retry-After": "7"}), "130429", True, False),
        (says(404, "<html>"), "404", False, False),
    ],
)
async def test_an_explicit_refusal_proves_that_nothing_was_taken(
    transport: CloudApiTransport, graph: FakeGraph, answer: Any, code: str, retryable: bool, hold: bool
) -> None:
    graph.answers.append(answer)
    with pytest.raises(SendRefused) as caught:
        await transport.send(message())
    assert (caught.value.error_code, caught.value.retryable, caught.value.hold) == (code, retryable, hold)


async def test_the_wait_that_meta_asks_for_is_passed_on(transport: CloudApiTransport, graph: FakeGraph) -> None:
    graph.answers.append(says(429, {"error": {"code": 130429, "message": "slow"}}, **{"Retry-After": "7"}))
    with pytest.raises(SendRefused) as caught:
        await transport.send(message())
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "answer",
    [hangs, resets, says(502, "<html>bad gateway"), says(200, "{"), says(200, {}), says(200, {"messages": []}),
     says(302, "", Location="https://elsewhere.test/")],
)  # fmt: skip
async def test_an_answer_that_says_nothing_of_the_message_is_uncertain(
    transport: CloudApiTransport, graph: FakeGraph, answer: Any
) -> None:
    graph.answers.append(answer)
    with pytest.raises(SendUncertain):
        await transport.send(message())
    assert len(graph.sent) == 1


async def test_no_connection_proves_that_nothing_left(made: Any, graph: FakeGraph, sink: Sink) -> None:
    transport = made("http://127.0.0.1:1")
    with pytest.raises(SendRefused, match="Not connected"):
        await transport.send(message())
    await transport.start(sink)
    try:
        report = await sink.becomes("disconnected")
        assert "cannot be reached" in str(report.reason)
        with pytest.raises(SendRefused) as caught:
            await transport.send(message())
        assert caught.value.retryable
    finally:
        await transport.stop()


async def test_a_dead_token_is_said_and_a_restart_looks_again(
    transport: CloudApiTransport, graph: FakeGraph, sink: Sink
) -> None:
    graph.look = error(190, 401, "Error validating access token: Session has expired.")
    graph.answers.append(error(190, 401))
    with pytest.raises(SendRefused):
        await transport.send(message())
    report = await sink.becomes("auth_failure")
    assert "new access token" in str(report.reason)
    with pytest.raises(SendRefused, match="not logged in"):
        await transport.send(message())
    graph.look = None
    await transport.restart()
    await sink.becomes("ready")


async def test_a_hiccup_of_the_look_does_not_stop_a_number_that_worked(made: Any, graph: FakeGraph, sink: Sink) -> None:
    transport = made(check_s=0.02)
    await transport.start(sink)
    try:
        await sink.becomes("ready")
        graph.look = says(502, "<html>")
        looks = graph.looks
        async with asyncio.timeout(5):
            while graph.looks < looks + 2:
                await asyncio.sleep(0.01)
        assert sink.reports[-1].status == "ready"
    finally:
        await transport.stop()


async def test_after_logout_nothing_is_sent_until_restart(transport: CloudApiTransport, sink: Sink) -> None:
    await transport.logout()
    await sink.becomes("disconnected")
    with pytest.raises(SendRefused):
        await transport.send(message())
    await transport.restart()
    await sink.becomes("ready")
    assert await transport.send(message()) == "wamid.1"


async def test_a_file_is_uploaded_before_its_message(transport: CloudApiTransport, graph: FakeGraph) -> None:
    file = base64.b64encode(b"\x89PNG").decode()
    await transport.send(message({"type": "image", "base64": file, "mime_type": "image/png", "filename": "صورة.png"}))
    assert graph.uploads == [("file", b"\x89PNG", "image/png")]
    assert graph.sent[0]["image"] == {"id": "media-1"}
    with pytest.raises(SendRefused, match="base64"):
        await transport.send(message({"type": "image", "base64": "!!"}))


class Files:
    def __init__(self) -> None:
        self.reads = 0

    async def read(self, media_id: str) -> tuple[str, bytes]:
        self.reads += 1
        if media_id != "med_1":
            raise NotFound("The bytes of this file are gone.")
        await asyncio.sleep(0.01)
        return "application/pdf", b"%PDF-"


async def test_a_kept_file_is_uploaded_once_for_many_messages(graph: FakeGraph, sink: Sink) -> None:
    files = Files()
    client = GraphClient(graph.url, "v23.0", "token", 2.0)
    transport = CloudApiTransport("default", NUMBER, client, Callback(SECRET, "verify"), files=files)
    await transport.start(sink)
    try:
        await sink.becomes("ready")
        content = {"type": "document", "media_id": "med_1", "filename": "a.pdf"}
        await asyncio.gather(*(transport.send(message(content)) for _ in range(5)))
        assert graph.uploads == [("file", b"%PDF-", "application/pdf")]
        assert files.reads == 1
        assert [body["document"] for body in graph.sent] == [{"id": "media-1", "filename": "a.pdf"}] * 5
        with pytest.raises(SendRefused, match="gone"):
            await transport.send(message({"type": "image", "media_id": "med_2"}))
    finally:
        await transport.stop()


async def test_it_cannot_be_asked(transport: CloudApiTransport) -> None:
    assert (await transport.lookup("01J")).state == "unknown"


def delivery(count: int) -> tuple[bytes, str]:
    messages = [
        {"from": f"96650000000{n % 3}", "id": f"wamid.{n}", "timestamp": "1", "type": "text", "text": {"body": str(n)}}
        for n in range(count)
    ]
    value = {"metadata": {"phone_number_id": NUMBER}, "messages": messages,
             "statuses": [{"id": "wamid.s", "status": "read", "timestamp": "1"}]}  # fmt: skip
    entry = [{"changes": [{"field": "messages", "value": value}]}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode()
    return body, "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


async def test_a_delivery_is_taken_whole_and_in_order_within_each_chat(
    transport: CloudApiTransport, sink: Sink
) -> None:
    body, signature = delivery(30)
    await transport.deliver(body, signature)
    for chat in range(3):
        mine = [int(m.content.body) for m in sink.messages if m.chat_id.endswith(str(chat))]  # type: ignore[union-attr]
        assert mine == list(range(chat, 30, 3))
    assert [r.provider_id for r in sink.taken] == ["wamid.s"]
    with pytest.raises(Forbidden):
        await transport.deliver(body, "sha256=00")


async def test_a_delivery_that_cannot_be_stored_is_not_acknowledged(made: Any, sink: Sink) -> None:
    transport = made()
    with pytest.raises(Unavailable):
        await transport.deliver(*delivery(1))

    async def fails(_: Any) -> None:
        raise Unavailable("the disk is full")

    await transport.start(sink)
    try:
        await sink.becomes("ready")
        sink.message = fails  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="disk"):
            await transport.deliver(*delivery(1))
    finally:
        await transport.stop()
