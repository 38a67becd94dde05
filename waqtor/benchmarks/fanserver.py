"""The hub as a process of its own, for ``waqtor bench ws``: real sockets, a journal in memory, orders on stdin.

An order is ``COUNT BURST EVERY_MS KIND``; the answer ``done`` (or, for the kind ``buffers``, a line of JSON). The peers
in tests/benchmarks/peers take the same.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI

from waqtor.api import ws
from waqtor.contracts.events import Event
from waqtor.contracts.views import KeyView
from waqtor.kernel.access import Principal
from waqtor.kernel.bus import Bus
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.hub import Hub
from waqtor.settings import Settings
from waqtor.storage.duck_tally import Tally

_KEPT = 5000


class _Journal:
    epoch = "bench"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.head = 0
        self._watchers: list[Callable[[], None]] = []

    async def first(self) -> int:
        return self.events[0].offset if self.events else 0

    async def append(self, events: Sequence[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.head += 1
            event.offset = self.head
        if len(self.events) > 2 * _KEPT:
            del self.events[:-_KEPT]
        for watcher in self._watchers:
            watcher()

    async def read(self, after: int, limit: int) -> list[Event]:
        begin = max(0, after - (self.head - len(self.events)))
        return self.events[begin : begin + limit]

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)


class _Keys:
    async def verify(self, token: str) -> Principal | None:
        return Principal("bench", "bench", frozenset({"admin"}))

    async def signing_secret(self, key_id: str) -> str | None:
        return None

    async def list(self) -> list[KeyView]:
        return []


def _event(kind: str, number: int) -> Event:
    now = time.time_ns() // 1000
    if kind == "campaign":
        data = {
            "campaign_id": "01KDVC9V800000000000000000", "sent": number, "delivered": number - 3, "read": number // 2,
            "failed": number // 50, "skipped": number // 70, "in_doubt": 0, "total": 50_000, "status": "running",
            "eta": f"2026-01-01T0{number // 3600 % 10}:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        }  # fmt: skip
        return Event("campaign.progress", "default", data, created=now)
    padded = {"rule_id": f"r{number:06d}", "change": "changed", "revision": f"{now:020d}"}
    if kind == "wide":
        padded["note"] = "x" * 2000
    return Event("smartbot.rule-updated", "default", padded, created=now)


async def _orders(journal: _Journal, bus: Bus, hub: Hub) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        count, burst, every, kind = line.decode().split()
        if kind == "buffers":
            told = hub.metrics()
            print(json.dumps({**told["buffer"], "dropped": told["metrics"]["dropped"]}), flush=True)  # noqa: T201
            continue
        due, sent = loop.time(), 0
        while sent < int(count):
            events = [_event(kind, sent + n) for n in range(int(burst))]
            sent += len(events)
            if kind == "campaign":
                for event in events:
                    await bus.publish(event)
            else:
                await journal.append(events)
            due += float(every) / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))
        print("done", flush=True)  # noqa: T201


async def _empty(tally: Tally) -> None:
    """Take the notes away, as the traffic log does twice a second."""
    while True:
        await asyncio.sleep(0.5)
        tally.take()


async def _serve() -> None:
    settings = Settings(_env_file=None, ws_trusted="127.0.0.1")
    journal, bus = _Journal(), Bus()
    tally = Tally()  # as in the engine: what goes out is noted for the traffic log
    hub = Hub(journal, Telemetry(), settings, keys=_Keys(), bus=bus, note=tally.frame)
    await hub.start()
    app = FastAPI()
    ws.attach(app, SimpleNamespace(hub=hub))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", backlog=2048, **ws.uvicorn_options(settings))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 (uvicorn tells nobody)
        await asyncio.sleep(0.01)
    print(f"port {listener.getsockname()[1]}", flush=True)  # noqa: T201
    orders = asyncio.create_task(_orders(journal, bus, hub))
    emptying = asyncio.create_task(_empty(tally))
    await asyncio.wait({serving, orders}, return_when=asyncio.FIRST_COMPLETED)
    emptying.cancel()
    server.should_exit = True
    await hub.stop()
    await serving


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
