"""The receivers in examples/ take what we send, refuse what we did not, and recognise repeats."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from waqtor.signing import new_webhook_secret
from waqtor.webhooks.body import body as make_body
from waqtor.webhooks.post import headers_of

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "webhook_receivers"
SECRET = new_webhook_secret()
PATH = "/hooks/waqtor"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def request() -> tuple[dict[str, str], bytes]:
    now = time.time_ns() // 1000
    text = make_body("message_received", now, {"messageId": "m1", "body": "مرحبا", "score": 1.0})
    hook = type("H", (), {"secret": SECRET, "headers": {}, "old_secret": None, "old_until": 0})()
    return headers_of(hook, "01J-x", "message_received", text, now), text


def exchange(client: httpx.Client) -> list[int]:
    headers, body = request()
    changed = body.replace(b"m1", b"m2")
    return [
        client.post(PATH, content=content, headers=given).status_code
        for given, content in ((headers, body), (headers, body), (headers, changed), ({}, body))
    ]


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)


async def test_fastapi() -> None:
    transport = httpx.ASGITransport(load("fastapi_receiver").app)
    headers, body = request()
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        statuses = [
            (await client.post(PATH, content=content, headers=given)).status_code
            for given, content in ((headers, body), (headers, body), (headers, body + b" "), ({}, body))
        ]
    assert statuses == [204, 200, 401, 401]


def test_flask() -> None:
    client = load("flask_receiver").app.test_client()
    headers, body = request()
    statuses = [
        client.post(PATH, data=content, headers=given).status_code
        for given, content in ((headers, body), (headers, body), (headers, body + b" "), ({}, body))
    ]
    assert statuses == [204, 200, 401, 401]


def test_node(node: str) -> None:
    import os

    process = subprocess.Popen(
        [node, str(FOLDER / "node_receiver.mjs")], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PORT": "0", "WEBHOOK_SECRET": SECRET},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[-1])
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            assert exchange(client) == [204, 200, 401, 401]
    finally:
        process.terminate()
        process.communicate(timeout=30)
