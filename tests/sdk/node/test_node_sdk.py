"""The Node SDK against a real server: REST, events over kills of either side, webhooks, and files made from the API."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_serve import Process
from waqtor.signing import new_webhook_secret, standard_key, standard_signature, webhook_hex
from waqtor.transports.simulator.process import SimulatorProcess

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Listener:
    """A Node process that writes down what it hears."""

    def __init__(self, node: str, url: str, key: str, cursor: Path) -> None:
        env = {**os.environ, "WAQTOR_API_URL": url, "WAQTOR_API_KEY": key, "CURSOR": str(cursor)}
        self.output = cursor.with_name(f"heard-{time.monotonic_ns()}.jsonl")
        with self.output.open("wb") as file:
            self.process = subprocess.Popen([node, str(HERE / "recorder.mjs")], env=env, stdout=file)

    def heard(self, kind: str) -> list[Any]:
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return [value for found, value in map(json.loads, lines) if found == kind]

    def until(self, kind: str, count: int, timeout: float = 20.0) -> list[Any]:
        end = time.monotonic() + timeout
        while len(found := self.heard(kind)) < count:
            assert time.monotonic() < end, self.output.read_text(encoding="utf-8")
            time.sleep(0.02)
        return found


@pytest.fixture
def listening(node: str, tmp_path: Path) -> Iterator[Callable[[str, str], Listener]]:
    started: list[Listener] = []

    def start(url: str, key: str) -> Listener:
        started.append(Listener(node, url, key, tmp_path / "cursor"))
        return started[-1]

    yield start
    for listener in started:
        listener.process.kill()
        listener.process.wait(10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    data = tmp_path / "data"
    process = Process(data, WAQTOR_PORT=str(free_port()), WAQTOR_SIMULATOR_SOCKET=str(tmp_path / "s.sock"))
    yield process
    process.end(signal.SIGKILL)


@pytest.mark.slow
async def test_no_event_is_missed_or_heard_twice_over_kills_of_server_and_client(
    listening: Callable[[str, str], Listener], tmp_path: Path, server: Process
) -> None:
    async with SimulatorProcess(tmp_path / "s.sock") as simulator:
        url = await asyncio.to_thread(server.url)
        key = (tmp_path / "data" / "admin.key").read_text().strip()
        listener = listening(url, key)
        await asyncio.to_thread(listener.until, "connected", 1)

        async def write(*texts: str) -> None:
            await simulator.control.wait_connected()
            for text in texts:
                await simulator.control.inject({"text": text, "from": "966501234567", "id": text})

        await write("a1", "boom", "a2")
        await asyncio.to_thread(listener.until, "event", 3)
        assert listener.heard("failed") == ["boom"]
        server.end(signal.SIGKILL)
        await asyncio.to_thread(listener.until, "disconnected", 1)
        again = Process(
            tmp_path / "data", WAQTOR_PORT=url.rsplit(":", 1)[1], WAQTOR_SIMULATOR_SOCKET=str(tmp_path / "s.sock")
        )
        try:
            await asyncio.to_thread(again.url)
            await write("b1", "b2")
            first = await asyncio.to_thread(listener.until, "event", 5)
            listener.process.kill()
            listener.process.wait(10)
            await write("c1", "c2", "c3")
            second = listening(url, key)
            rest = await asyncio.to_thread(second.until, "event", 3)
            second.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(second.process.wait, 10) == 0
        finally:
            again.end()
    heard = [*first, *rest]
    assert [text for _, text in heard] == ["a1", "boom", "a2", "b1", "b2", "c1", "c2", "c3"]
    assert [offset for offset, _ in heard] == sorted({offset for offset, _ in heard})
    assert second.heard("gap") == []
    assert second.heard("end") == [None]


@pytest.mark.slow
def test_rest_and_its_errors(
    node: str, listening: Callable[[str, str], Listener], tmp_path: Path, server: Process
) -> None:
    url = server.url()
    key = (tmp_path / "data" / "admin.key").read_text().strip()
    env = {**os.environ, "WAQTOR_API_URL": f"{url}/api/v1/", "WAQTOR_API_KEY": key}
    done = subprocess.run([node, str(HERE / "rest.mjs")], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["same"], said["body"], said["count"], said["decision"]) == (True, "مرحبا 🙂", 1, "answer")
    assert (said["rows"], said["upload"], said["metrics"], said["issues"]) == ([[1]], True, True, True)
    assert said["campaign"] == [True, "default", 1, "cancelled"]
    codes = ["idempotency_conflict", "invalid_input", "not_found", "invalid_input", "invalid_input", "unauthorized",
             "unavailable"]  # fmt: skip
    assert said["errors"] == [[True, code] for code in codes]
    assert "waqtor up" in said["hint"]
    listener = listening(url, "wrong")
    assert listener.until("refused", 1) == ["unauthorized"]


def test_webhooks_are_verified_like_in_python(node: str) -> None:
    secret, other, now = new_webhook_secret(), new_webhook_secret(), 1_700_000_000
    body = '{"event":"message_received","timestamp":"2026-01-01T00:00:00.000Z","data":{"body":"سلام"}}'.encode()

    def signed(key: str = secret, content: bytes = body, stamp: int = now) -> dict[str, str]:
        signature = standard_signature(standard_key(key), "msg_1", stamp, content)
        return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(stamp), "Webhook-Signature": f"v1,xx {signature}"}

    older = {"X-Waqtor-Signature": "sha256=" + webhook_hex(secret, body)}
    cases = [
        (secret, signed(), body), ([other, secret], signed(), body), ("a plain secret", signed("a plain secret"), body),
        (secret, older, body), (secret, signed(other), body), (secret, signed(stamp=now - 400), body),
        (secret, signed(), body + b" "), (secret, {}, body), (secret, {**older, "x-waqtor-signature": "é"}, body),
        ("", signed(), body), (secret, signed(content=b"no json"), b"no json"), (secret, signed(content=b""), b""),
    ]  # fmt: skip
    lines = "\n".join(json.dumps([s, h, base64.b64encode(b).decode(), now]) for s, h, b in cases)
    done = subprocess.run([node, str(HERE / "webhooks.mjs")], input=lines, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    good = {
        "id": "msg_1",
        "event": "message_received",
        "data": {"body": "سلام"},
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    refused = "webhook.refused"
    assert said == [
        good, good, good, {**good, "id": ""}, refused, refused, refused, refused, refused, "TypeError", refused,
        {"id": "msg_1", "event": "", "data": None, "timestamp": ""},
    ]  # fmt: skip


def test_the_table_and_the_types_are_those_of_the_api() -> None:
    done = subprocess.run(
        [sys.executable, "sdk/node/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
