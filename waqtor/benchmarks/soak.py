"""``waqtor bench soak``: many SDK streams on a sidecar that is killed again and again; each must get every event once.

The truth is the journal in the store, read when all is over: what each client handled must be exactly the journaled
events after the place where it first subscribed, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from waqtor.benchmarks.chaos import KEY, RULES, Sidecar, free_port
from waqtor.benchmarks.result import result
from waqtor.client.access import Access
from waqtor.client.cursors import MemoryCursor
from waqtor.client.registry import Incoming, Registry
from waqtor.client.stream import EventStream
from waqtor.transports.simulator.process import SimulatorProcess

_CATCH_UP_S = 120.0


class _Client:
    """A stream and what it handled."""

    def __init__(self, url: str) -> None:
        registry = Registry(lambda: None)
        registry.on("*")(lambda data: None)
        self.offsets: list[int] = []
        self.began: int | None = None
        self.stream = EventStream(Access(url, KEY), registry, MemoryCursor(), self._deliver)
        self.task = asyncio.create_task(self.stream.run())

    async def _deliver(self, event: Incoming) -> None:
        if event.type == "connected" and self.began is None:
            self.began = int(event.data["offset"])
        elif event.offset:
            self.offsets.append(event.offset)


def run(
    *, clients: int = 500, minutes: float = 10.0, kills: int = 10, rate: float = 10.0, keep: Path | None = None
) -> list[dict[str, Any]]:
    """Keep clients connected while the sidecar is killed; ``ok`` only if each got everything once, in order.

    Args:
        clients: How many.
        minutes: How long.
        kills: How often the sidecar is killed and started again.
        rate: Sends asked for per second; each makes three or four events.
        keep: Where the data stays.
    """
    with tempfile.TemporaryDirectory(prefix="waqtor-soak-") as made:
        folder = (keep or Path(made)).resolve()
        (folder / "rules").mkdir(parents=True, exist_ok=True)
        (folder / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
        return [asyncio.run(_run(folder, clients, minutes * 60, kills, rate))]


async def _run(folder: Path, count: int, seconds: float, kills: int, rate: float) -> dict[str, Any]:
    sidecar = Sidecar(folder, free_port(), "", WAQTOR_WS_TRUSTED="127.0.0.1")
    clients: list[_Client] = []
    async with (
        SimulatorProcess(folder / "sim.sock", record=folder / "calls.log"),
        httpx.AsyncClient(timeout=5, headers={"X-API-Key": KEY}) as http,
    ):
        try:
            await sidecar.start(http)
            clients = [_Client(sidecar.url) for _ in range(count)]
            await _until(lambda: all(client.began is not None for client in clients))
            stopping = asyncio.Event()
            load = asyncio.create_task(_load(http, sidecar.url, rate, stopping))
            for _ in range(kills):
                await asyncio.sleep(seconds / (kills + 1))
                sidecar.kill()
                await sidecar.start(http)
            await asyncio.sleep(seconds / (kills + 1))
            stopping.set()
            asked = await load
            expected = await _settled(folder, clients)
            sidecar.stop()
        finally:
            for client in clients:
                client.task.cancel()
            await asyncio.gather(*(client.task for client in clients), return_exceptions=True)
            sidecar.kill()
    wrong = [client for client in clients if client.offsets != [o for o in expected if o > (client.began or 0)]]
    missing = sum(len({o for o in expected if o > (c.began or 0)} - set(c.offsets)) for c in wrong)
    doubled = sum(len(c.offsets) - len(set(c.offsets)) for c in wrong)
    told = result(
        "soak", count - len(wrong), "clients with every event once, in order", of="value", floor=count, clients=count,
        kills=kills, seconds=seconds, sends=asked, events=len(expected),
        deliveries=sum(len(client.offsets) for client in clients),
        reconnects=sum(client.stream.connections for client in clients) - count, missing=missing, doubled=doubled,
    )  # fmt: skip
    return {**told, "ok": told["ok"] and len(expected) > 0}


async def _load(http: httpx.AsyncClient, url: str, rate: float, stopping: asyncio.Event) -> int:
    asked = 0
    while not stopping.is_set():
        body = {"to": f"9665{asked % 50:08d}", "text": f"soak {asked}"}
        with contextlib.suppress(httpx.HTTPError):  # the sidecar is being killed: whatever was journaled counts
            await http.post(f"{url}/api/v1/messages/send-text", json=body)
        asked += 1
        await asyncio.sleep(1 / rate)
    return asked


async def _settled(folder: Path, clients: list[_Client]) -> list[int]:
    """Wait until the journal rests and all have got to its end; returns its offsets."""
    began, last = time.monotonic(), -1
    while time.monotonic() - began < _CATCH_UP_S:
        offsets = await asyncio.to_thread(_journal, folder)
        head = offsets[-1] if offsets else 0
        if head == last and all(c.offsets and c.offsets[-1] == head for c in clients):
            return offsets
        last = head
        await asyncio.sleep(1.0)
    return await asyncio.to_thread(_journal, folder)


def _journal(folder: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'waqtor.sqlite'}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT seq FROM journal ORDER BY seq")]


async def _until(condition: Any) -> None:
    async with asyncio.timeout(_CATCH_UP_S):
        while not condition():  # noqa: ASYNC110 (five hundred clients need not each wake us)
            await asyncio.sleep(0.05)
