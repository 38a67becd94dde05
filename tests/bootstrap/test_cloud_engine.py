"""A whole engine on the Cloud API: a fake Graph API on one side, signed deliveries on the other."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.transports.cloud_api.conftest import NUMBER, FakeGraph, graph, resets
from waqtor.api.app import create_app
from waqtor.bootstrap.engine import Engine
from waqtor.contracts.commands import SendText
from waqtor.errors import Conflict
from waqtor.settings import Settings

__all__ = ["graph"]

RULES = """\
version: 1
rules:
  - id: hours
    examples: {en: ["when do you open?"]}
    replies: {en: [{text: "At nine."}]}
"""


@pytest.fixture
async def engine(tmp_path: Path, graph: FakeGraph) -> AsyncIterator[Engine]:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "shop.yaml").write_text(RULES, encoding="utf-8")
    made = Engine(Settings(
        _env_file=None, data_dir=tmp_path / "data", rules_dir=rules, encoder="hashing", settle_s=0.1,
        send_timeout_s=1.0, transport="cloud_api", cloud_api_url=graph.url, cloud_phone_number_id=NUMBER,
        cloud_access_token="a-token", cloud_app_secret="app-secret", cloud_verify_token="a-word", stale_message_s=1e9,
    ))  # fmt: skip
    await made.start()
    async with asyncio.timeout(5):
        while made.session_state().status != "ready":
            await asyncio.sleep(0.01)
    yield made
    await made.stop()


@pytest.fixture
async def meta(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(engine, manage_engine=False), client=("203.0.113.7", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def deliver(meta: httpx.AsyncClient, indent: int | None = None, **value: Any) -> None:
    change = {"field": "messages", "value": {"metadata": {"phone_number_id": NUMBER}, **value}}
    payload = {"object": "whatsapp_business_account", "entry": [{"changes": [change]}]}
    body = json.dumps(payload, indent=indent).encode()
    signature = "sha256=" + hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
    answer = await meta.post("/webhooks/whatsapp", content=body, headers={"X-Hub-Signature-256": signature})
    assert answer.status_code == 200, answer.text


async def until(engine: Engine, message_id: str, wanted: str) -> Any:
    async with asyncio.timeout(10):
        while True:
            view = await engine.archive.message(message_id)
            if view is not None and view.status == wanted:
                return view
            await asyncio.sleep(0.02)


async def test_a_message_delivered_twice_is_answered_once(
    engine: Engine, graph: FakeGraph, meta: httpx.AsyncClient
) -> None:
    text = {"from": "966501234567", "id": "wamid.in", "timestamp": "1749416383", "type": "text",
            "text": {"body": "When do you open?"}}  # fmt: skip
    await deliver(meta, messages=[text])
    await deliver(meta, indent=1, messages=[text])  # the same message in other bytes
    async with asyncio.timeout(10):
        while not graph.sent:
            await asyncio.sleep(0.02)
    ours = graph.sent[0]["biz_opaque_callback_data"]
    await until(engine, ours, "sent")
    for status in ("read", "delivered", "sent"):  # in any order
        await deliver(meta, statuses=[{"id": "wamid.1", "status": status, "timestamp": "1749416390"}])
    view = await until(engine, ours, "read")
    assert (view.body, view.provider_id) == ("At nine.", "wamid.1")
    assert len(graph.sent) == 1
    assert len(await engine.archive.messages(chat_id="966501234567")) == 2


async def test_a_lost_answer_is_in_doubt_until_a_status_with_our_id_comes(
    engine: Engine, graph: FakeGraph, meta: httpx.AsyncClient
) -> None:
    graph.answers.append(resets)
    text = SendText(to="966501234567", text="hello")
    old = {"from": "966509999999", "id": "wamid.old", "timestamp": "1749416383", "type": "unsupported"}
    await deliver(meta, messages=[old])  # the number was there before the window began
    with pytest.raises(Conflict, match="within 24 hours"):
        await engine.dispatch(text)
    await deliver(meta, messages=[{"from": "966501234567", "id": "wamid.in", "timestamp": str(int(time.time())),
                                   "type": "text", "text": {"body": "The moon is of cheese"}}])  # fmt: skip
    receipt = await engine.dispatch(text)
    ours = receipt["message_id"] if isinstance(receipt, dict) else receipt.message_id
    await until(engine, ours, "in_doubt")
    status = {"id": "wamid.lost", "status": "delivered", "timestamp": "1749416390", "biz_opaque_callback_data": ours}
    await deliver(meta, statuses=[status])
    assert (await until(engine, ours, "delivered")).provider_id == "wamid.lost"
    assert len(graph.sent) == 1
