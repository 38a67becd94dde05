"""An orderly stop ends within its grace, whatever hangs; what was under way comes after the next start."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from waqtor.benchmarks.chaos import KEY, RULES, Sidecar, free_port

GRACE_S = 4.0
EVENTS = 120


class Silent:
    """A receiver that reads deliveries and answers none, until it is told to be kind."""

    def __init__(self) -> None:
        self.kind = threading.Event()
        self.ids: Counter[str] = Counter()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        with connection:
            while True:
                try:
                    got = connection.recv(65_536)
                except OSError:
                    return
                if not got:
                    return
                data += got
                while (end := data.find(b"\r\n\r\n")) >= 0:
                    head = data[:end].decode("latin-1").lower()
                    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
                    size = end + 4 + int(fields["content-length"])
                    if len(data) < size:
                        break
                    data = data[size:]
                    self.ids[fields["webhook-id"]] += 1
                    if self.kind.is_set():
                        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.fixture
def silent() -> Iterator[Silent]:
    made = Silent()
    yield made
    made.close()


async def until(condition: Any, timeout: float = 60.0) -> None:
    import asyncio

    async with asyncio.timeout(timeout):
        while not await condition():
            await asyncio.sleep(0.05)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_deliveries_in_flight_do_not_hold_up_the_stop_and_come_later_under_the_same_id(
    tmp_path: Path, silent: Silent
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
    sidecar = Sidecar(
        tmp_path, free_port(), "", WAQTOR_WEBHOOK_PRIVATE_HOSTS="127.0.0.1", WAQTOR_STOP_GRACE_S=str(GRACE_S)
    )
    from waqtor.transports.simulator.process import SimulatorProcess

    async with (
        SimulatorProcess(tmp_path / "sim.sock") as simulator,
        httpx.AsyncClient(timeout=10, headers={"X-API-Key": KEY}) as client,
    ):
        try:
            await sidecar.start(client)
            asked = {"url": silent.url, "events": ["message_received"], "timeout_ms": 60_000, "concurrency": 8}
            made = (await client.post(f"{sidecar.url}/api/v1/webhooks", json=asked)).json()["webhook"]
            people = [{"text": f"hi {n}", "from": f"96650{n:07d}", "id": f"in-{n}"} for n in range(EVENTS)]
            await simulator.control.inject_many(people, wait=False)

            async def in_flight() -> bool:
                return len(silent.ids) == 8

            await until(in_flight)
            before = set(silent.ids)
            began = time.monotonic()
            assert sidecar.stop() == 0
            assert time.monotonic() - began < GRACE_S + 1
            silent.kind.set()
            await sidecar.start(client)

            async def delivered() -> bool:
                answer = await client.get(f"{sidecar.url}/api/v1/webhooks/{made['id']}")
                return len(silent.ids) >= EVENTS and answer.json()["webhook"]["pending"] == 0

            await until(delivered)
            assert sidecar.stop() == 0
        finally:
            sidecar.kill()
    assert len(silent.ids) == EVENTS
    assert before <= set(silent.ids)
    assert set(silent.ids.values()) == {1, 2}
    assert sum(silent.ids.values()) == EVENTS + len(before)
