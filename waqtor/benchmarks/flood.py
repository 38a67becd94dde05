"""``waqtor bench ws --parts flood``: what thousands of bad handshakes a second do to those who are connected.

A real sidecar; the flood comes from a process of its own (on two cores it competes with the sidecar and with the
clients that are measured, so the figures are the worst case).
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from waqtor.benchmarks.chaos import KEY, RULES, Sidecar, free_port
from waqtor.benchmarks.result import result
from waqtor.transports.simulator.process import SimulatorProcess

MOST_P99_MS, MOST_HANDSHAKE_S = 100.0, 2.0
_CLIENTS = 20
_EVERY_S = 0.2


def run(*, rate: float = 2000.0, seconds: float = 30.0, keep: Path | None = None) -> list[dict[str, Any]]:
    """Measure answers of connected clients and good handshakes, first in peace and then under the flood.

    Args:
        rate: Bad handshakes per second.
        seconds: How long.
        keep: Where the data stays.
    """
    with tempfile.TemporaryDirectory(prefix="waqtor-flood-") as made:
        folder = (keep or Path(made)).resolve()
        (folder / "rules").mkdir(parents=True, exist_ok=True)
        (folder / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
        return asyncio.run(_run(folder, rate, seconds))


class _Watch:
    """Times pongs of connected clients and whole handshakes of new ones."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("http", "ws", 1) + "/ws"
        self.delays: list[float] = []
        self.handshakes: list[float] = []
        self.lost = 0

    def connect(self) -> connect:
        return connect(self._url, additional_headers={"X-API-Key": KEY}, open_timeout=20, compression=None)

    async def pinging(self, socket: ClientConnection) -> None:
        """Ask for a pong again and again."""
        while True:
            began = time.perf_counter()
            await socket.send('{"type":"ping"}')
            while b'"pong"' not in await socket.recv(decode=False):
                pass
            self.delays.append(time.perf_counter() - began)
            await asyncio.sleep(_EVERY_S)

    async def knocking(self) -> None:
        """Come in properly, once a second, and leave."""
        while True:
            began = time.perf_counter()
            try:
                async with self.connect() as socket:
                    await socket.recv()
                    self.handshakes.append(time.perf_counter() - began)
            except (OSError, TimeoutError):
                self.handshakes.append(time.perf_counter() - began)
                self.lost += 1
            await asyncio.sleep(1.0)

    def p99_ms(self) -> float:
        """The 99th percentile of the pongs so far, milliseconds; forgets them."""
        delays = sorted(self.delays)
        self.delays.clear()
        return delays[int(len(delays) * 0.99)] * 1000 if delays else float("inf")


async def _run(folder: Path, rate: float, seconds: float) -> list[dict[str, Any]]:
    sidecar = Sidecar(folder, free_port(), "", WAQTOR_WS_TRUSTED="127.0.0.1")
    async with SimulatorProcess(folder / "sim.sock"), httpx.AsyncClient(timeout=5) as http:
        try:
            await sidecar.start(http)
            return await _measure(sidecar.url, rate, seconds, http)
        finally:
            sidecar.kill()


async def _measure(url: str, rate: float, seconds: float, http: httpx.AsyncClient) -> list[dict[str, Any]]:
    watch = _Watch(url)
    sockets = [await watch.connect().__aenter__() for _ in range(_CLIENTS)]
    tasks = [asyncio.create_task(watch.pinging(socket)) for socket in sockets]
    tasks.append(asyncio.create_task(watch.knocking()))
    try:
        await asyncio.sleep(min(5.0, seconds))
        peace = watch.p99_ms()
        watch.handshakes.clear()
        flood = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "waqtor.benchmarks.floodload", url.rsplit(":", 1)[1], str(rate), str(seconds),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told = json.loads((await flood.communicate())[0])
        p99, slowest = watch.p99_ms(), max(watch.handshakes, default=float("inf"))
        broken = [task for task in tasks if task.done()]
        security = (await http.get(f"{url}/api/ws-monitor", headers={"X-API-Key": KEY})).json()["security"]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for socket in sockets:
            await socket.close()
    reached = told["asked"] / seconds
    more = {"clients": _CLIENTS, "rate": round(reached), "seconds": seconds, **told, "counted": security}
    calm = not broken and told["refused"] > 0 and set(told["statuses"]) <= {"401", "429"}
    first = result("ws p99 under bad handshakes", p99, "ms", most=MOST_P99_MS, p99_in_peace_ms=round(peace, 3), **more)
    second = result("ws good handshake under bad ones, slowest", slowest, "s", most=MOST_HANDSHAKE_S,
                    handshakes=len(watch.handshakes), lost=watch.lost)  # fmt: skip
    return [
        {**first, "ok": calm and p99 <= MOST_P99_MS and reached >= 0.9 * rate},
        {**second, "ok": not watch.lost and slowest <= MOST_HANDSHAKE_S},
    ]
