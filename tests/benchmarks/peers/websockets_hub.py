"""A hub on ``websockets.broadcast``: one JSON text per event, the library writes it to everybody."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop
from websockets.asyncio.server import broadcast, serve

CLIENTS: set = set()


async def client(socket) -> None:
    async for text in socket:
        if json.loads(text)["type"] == "subscribe":
            CLIENTS.add(socket)
    CLIENTS.discard(socket)


def event(offset: int) -> str:
    now = time.time_ns() // 1000
    return json.dumps(
        {
            "type": "smartbot.rule-updated", "topic": "smartbot", "session": "default",
            "data": {"rule_id": f"r{offset:06d}", "change": "changed", "revision": f"{now:020d}"},
            "timestamp": now // 1000, "id": "01KDVC9V800000000000000000", "offset": offset, "version": 1,
        },
        separators=(",", ":"),
    )  # fmt: skip


async def main() -> None:
    loop = asyncio.get_running_loop()
    async with serve(client, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        offset = 0
        while line := await lines.readline():
            count, burst, every = [float(part) for part in line.split()[:3]]
            due, sent = loop.time(), 0
            while sent < count:
                for _ in range(int(burst)):
                    offset += 1
                    broadcast(CLIENTS, event(offset))
                sent += burst
                due += every / 1000
                await asyncio.sleep(max(0.0, due - loop.time()))
            print("done", flush=True)


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
