"""The server as a process, with a real engine: what it says, refuses and leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.fakes import FakeEngine
from waqtor.api import serve
from waqtor.api.protocol import MAX_HEAD_BYTES
from waqtor.errors import ConfigurationError, StorageFailed
from waqtor.settings import Settings

RULES = """\
version: 1
rules:
  - id: hours
    examples: {en: ["when are you open?", "opening hours"], ar: ["متى تفتحون؟", "مواعيد الدوام"]}
    replies: {en: [{text: "9 to 22"}], ar: [{text: "من ٩ إلى ١٠"}]}
  - id: thanks
    examples: {en: ["thank you", "thanks a lot"], ar: ["شكرا", "يعطيك العافية"]}
    replies: {en: [{text: "You are welcome"}], ar: [{text: "عفوا"}]}
"""
CODE = "import sys; from waqtor.api.serve import run; from waqtor.settings import Settings; sys.exit(run(Settings()))"


HOSTILE = (
    "DROP TABLE messages",
    "SELECT * FROM read_text('/etc/passwd')",
    "COPY (SELECT 1) TO 'x'",
    "SELECT 1; SELECT 2",
    "ATTACH 'x.db'",
    "SELECT nothing",
    "\U0001f643",
)


class Process:
    def __init__(self, data: Path, **environment: str) -> None:
        rules = data.parent / "rules"
        rules.mkdir(parents=True, exist_ok=True)
        (rules / "shop.yaml").write_text(RULES, encoding="utf-8")
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WAQTOR_")},
            "WAQTOR_DATA_DIR": str(data), "WAQTOR_RULES_DIR": str(rules), "WAQTOR_ENCODER": "hashing",
            "WAQTOR_PORT": "0", "WAQTOR_LOG_FORMAT": "json", **environment,
        }  # fmt: skip
        self.errors = data.parent / f"errors-{time.monotonic_ns()}.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CODE], env=env, cwd=data.parent, stdout=subprocess.DEVNULL, stderr=errors
            )

    def said(self) -> str:
        return self.errors.read_text()

    def url(self, timeout: float = 60) -> str:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            found = re.search(r"WaQtor is ready at (http://\S+) after ([\d.]+) s", self.said())
            if found:
                return found[1]
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)
        raise AssertionError(self.said())

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(data: Path | None = None, **environment: str) -> Process:
        process = Process(data or tmp_path_factory.mktemp("serve") / "data", **environment)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait(10)


@pytest.fixture(scope="module")
def served(start: Callable[..., Process], tmp_path_factory: pytest.TempPathFactory) -> tuple[Process, str, Path]:
    data = tmp_path_factory.mktemp("served") / "data"
    process = start(data)
    return process, process.url(), data


def caller(served: tuple[Process, str, Path]) -> httpx.Client:
    _, url, data = served
    return httpx.Client(base_url=url, headers={"X-API-Key": (data / "admin.key").read_text().strip()}, timeout=30)


def raw(url: str, request: bytes) -> tuple[int, dict]:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"server:" not in head.lower()
    return int(head.split()[1]), json.loads(body)


@pytest.mark.slow
def test_it_serves_a_real_engine(served):
    with caller(served) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get("/readyz").json()["ready"] is True
        sent = client.post("/api/v1/messages/send-text", json={"to": "+966501234567", "text": "أهلاً"})
        assert sent.status_code == 200, sent.text
        found = client.get(f"/api/v1/messages/{sent.json()['message_id']}").json()
        assert (found["chat_id"], found["body"]) == ("966501234567", "أهلاً")
        headers = {"Idempotency-Key": "k1"}
        first = client.post("/api/v1/messages/send-text", json={"to": "966501234567", "text": "1"}, headers=headers)
        again = client.post("/api/v1/messages/send-text", json={"to": "00966501234567", "text": "1"}, headers=headers)
        assert again.json() == {**first.json(), "duplicate": True}
        other = client.post("/api/v1/messages/send-text", json={"to": "966501234567", "text": "2"}, headers=headers)
        assert other.json()["error"]["code"] == "idempotency_conflict"
        trace = client.post("/api/v1/smartbot/test", json={"text": "متى تفتحون؟"}).json()
        assert len(trace["steps"]) == 8
        rules = client.get("/api/v1/smartbot/rules").json()
        assert [rule["id"] for rule in rules["rules"]] == ["hours", "thanks"]
        one = client.get("/api/v1/smartbot/rules/thanks")
        change = {**one.json()["rule"], "description": "Said thanks"}
        etag = {"If-Match": one.headers["etag"]}
        changed = client.put("/api/v1/smartbot/rules/thanks", json=change, headers=etag)
        assert changed.json()["description"] == "Said thanks", changed.text
        stale = client.put("/api/v1/smartbot/rules/thanks", json=change, headers=etag)
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "revision_conflict")
        assert client.get("/api/v1/sessions").json()["sessions"][0]["session"] == "default"
        metrics = client.get("/api/metrics").json()
        assert {"metrics", "websocket", "topics", "buffer", "security", "timestamp"} <= set(metrics)
        assert client.get("/api/v1/ws-monitor").status_code == 200
        made = client.post("/api/v1/keys", json={"name": "x", "scopes": ["messages:read"]}).json()
        assert client.get("/api/v1/ws/whoami", headers={"X-API-Key": made["key"]}).json()["key_id"] == made["id"]
        assert client.post(f"/api/v1/chats/{found['chat_id']}/pause").status_code == 200
        assert client.get("/api/v1/chats").json()["chats"][0]["bot_paused"] is True


@pytest.mark.slow
def test_chats_join_page_by_page_on_a_real_store(served):
    with caller(served) as client:
        numbers = [f"96655000{n:04}" for n in range(9)]
        for number in numbers:
            assert client.post("/api/v1/messages/send-text", json={"to": number, "text": "x"}).status_code == 200
        seen, cursor = [], None
        for _ in range(20):
            page = client.get("/api/v1/chats", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
            seen += [chat["chat_id"] for chat in page["chats"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen))
        assert set(numbers) <= set(seen)


@pytest.mark.slow
def test_sql_reads_the_traffic_and_nothing_else(served):
    with caller(served) as client:
        one = client.post("/api/v1/analytics/query", json={"sql": "SELECT ?::INTEGER AS n", "params": [7]})
        assert one.json()["rows"] == [[7]], one.text
        arrow = client.post("/api/v1/analytics/query", json={"sql": "SELECT 7 AS n", "format": "arrow"})
        assert arrow.headers["content-type"] == "application/vnd.apache.arrow.stream"
        for sql in HOSTILE:
            response = client.post("/api/v1/analytics/query", json={"sql": sql})
            assert response.status_code == 422, (sql, response.text)
            assert response.json()["error"]["code"] in {"query_refused", "invalid_input"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"\x00\x01\x02\xff\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    ],
    ids=["words", "bytes", "two lengths", "length and chunks", "raw path", "long header", "many headers"],
)
def test_what_is_no_http_gets_the_one_shape(served, request_bytes):
    status, body = raw(served[1], request_bytes)
    assert status == 400
    assert body["error"]["code"] == "invalid_input"


@pytest.mark.slow
def test_a_chunked_flood_is_cut_off(served):
    _, url, data = served
    key = (data / "admin.key").read_text().strip().encode()
    head = b"POST /api/v1/messages/send-text HTTP/1.1\r\nHost: x\r\nX-API-Key: " + key
    head += b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    status, body = raw(url, head + chunk * 17)
    assert (status, body["error"]["code"]) == (413, "too_large")


@pytest.mark.slow
def test_a_second_engine_on_the_same_folder_says_why_it_cannot_start(served, start):
    second = start(served[2])
    assert second.process.wait(60) == serve.CANNOT_START
    assert "WaQtor cannot start" in second.said()
    assert "Traceback" not in second.said().split("WaQtor cannot start")[1]


@pytest.mark.slow
def test_it_stops_cleanly_on_control_c(start):
    process = start()
    assert httpx.get(f"{process.url()}/healthz", timeout=30).status_code == 200
    assert process.end(signal.SIGINT) == serve.OK
    assert "Traceback" not in process.said()


@pytest.mark.slow
def test_it_stops_cleanly_on_sigterm(served):
    process, _, _ = served  # the last test that uses it
    assert process.end(signal.SIGTERM) == serve.OK
    assert "Traceback" not in process.said()


async def test_settings_that_cannot_work_are_named(tmp_path, capsys):
    settings = Settings(_env_file=None, data_dir=tmp_path, port=0, encoder="hashing", allowed_ips="nonsense")
    assert await asyncio.to_thread(serve.run, settings) == serve.CANNOT_START
    assert "nonsense" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, port=0)
    with serve.listen(settings) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port} cannot be listened on"):
            serve.listen(settings.model_copy(update={"port": port}))


def test_without_an_owner_only_loopback_is_listened_on(tmp_path, capsys):
    settings = Settings(_env_file=None, data_dir=tmp_path, host="0.0.0.0", port=0)
    with serve.listen(settings) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    assert "WAQTOR_API_KEY" in capsys.readouterr().err
    owned = settings.model_copy(update={"api_key": "x" * 32})
    with serve.listen(owned) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"
    (tmp_path / "admin.key").write_text("x")
    with serve.listen(settings) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_an_address_that_is_not_ours_is_a_clear_error(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, host="203.0.113.77", port=0, api_key="x" * 32)
    with pytest.raises(ConfigurationError, match=r"203\.0\.113\.77"):
        serve.listen(settings)


async def test_a_fatal_error_of_the_engine_ends_the_server(tmp_path, capsys, monkeypatch):
    class Doomed(FakeEngine):
        def __init__(self, settings, failed) -> None:
            super().__init__(data_dir=tmp_path)
            self.fatal = asyncio.Event()
            self.fatal_error = None

        async def start(self) -> None:
            asyncio.get_running_loop().call_later(0.2, self.break_down)

        def break_down(self) -> None:
            self.fatal_error = StorageFailed("The disk is full.")
            self.fatal.set()

    monkeypatch.setattr(serve, "_Watched", Doomed)
    told = []
    settings = Settings(_env_file=None, data_dir=tmp_path, port=0)
    code = await asyncio.to_thread(serve.run, settings, on_ready=lambda url, seconds: told.append((url, seconds)))
    assert code == serve.STOPPED_BY_FAULT
    assert "WaQtor stopped: The disk is full." in capsys.readouterr().err
    assert told[0][0].startswith("http://127.0.0.1:")
    assert told[0][1] > 0
