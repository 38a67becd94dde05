from __future__ import annotations

import httpx
import pytest

from tests.api.fakes import FakeEngine
from waqtor.api.gate import CALLBACK_BYTES
from waqtor.errors import Forbidden, NotFound, Unavailable

PATH = "/webhooks/whatsapp"


class FakeCallback:
    """Knows one word and one signature."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.stored = True

    def challenge(self, mode: str, token: str, challenge: str) -> str:
        if (mode, token) != ("subscribe", "word"):
            raise Forbidden("no")
        return challenge

    async def deliver(self, body: bytes, signature: str) -> None:
        if signature != "sha256=good":
            raise Forbidden("no")
        if not self.stored:
            raise Unavailable("no disk")
        self.bodies.append(body)


@pytest.fixture
def callback(engine: FakeEngine) -> FakeCallback:
    engine.callback = FakeCallback()
    return engine.callback


@pytest.fixture
def meta(connect, engine: FakeEngine) -> httpx.AsyncClient:
    return connect(engine, token=None, address="203.0.113.7")


def asked(token: str = "word", challenge: str = "1158201444", mode: str = "subscribe") -> dict[str, str]:
    return {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": challenge}


async def test_the_handshake_needs_no_key_and_answers_bare_text(callback: FakeCallback, meta: httpx.AsyncClient):
    answer = await meta.get(PATH, params=asked())
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await meta.get(PATH, params=asked("another"))).status_code == 403
    assert (await meta.get(PATH)).status_code == 403


async def test_a_delivery_is_answered_once_it_is_durable(callback: FakeCallback, meta: httpx.AsyncClient):
    signed = {"X-Hub-Signature-256": "sha256=good"}
    body = b'{"a": "' + "م".encode() * 1_000_000 + b'"}'  # over the limit of other bodies
    assert (await meta.post(PATH, content=body, headers=signed)).status_code == 200
    assert callback.bodies == [body]
    assert (await meta.post(PATH, content=b"{}")).status_code == 403
    callback.stored = False
    assert (await meta.post(PATH, content=b"{}", headers=signed)).status_code == 503
    assert (await meta.post(PATH, content=b"x" * (CALLBACK_BYTES + 1), headers=signed)).status_code == 413


async def test_without_such_a_transport_there_is_nothing(meta: httpx.AsyncClient):
    answer = await meta.post(PATH, content=b"{}")
    assert answer.status_code == 404
    assert "WAQTOR_TRANSPORT" in answer.json()["error"]["message"]


def test_the_fake_refuses_like_the_engine():
    with pytest.raises(NotFound):
        FakeEngine().called_back()
