"""``waqtor bench ws --parts slow``: what one client that never reads does to the others, and to memory."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

from waqtor.benchmarks.fanclients import UPGRADE, Crowd
from waqtor.benchmarks.fanout import HubProcess
from waqtor.benchmarks.result import result

MOST_ADDED_MS, MOST_GROWTH_MB = 5.0, 16.0
_CLIENTS = 20
_RATE = 1000


def run(*, seconds: float = 5.0, rounds: int = 3) -> list[dict[str, Any]]:
    """Time events at twenty clients, alternating with and without a stuck one beside them.

    Args:
        seconds: How long each turn lasts.
        rounds: Turns of each kind; the middle one counts.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(seconds, rounds))


async def _run(seconds: float, rounds: int) -> list[dict[str, Any]]:
    server = HubProcess([sys.executable, "-m", "waqtor.benchmarks.fanserver"], Path.cwd())
    crowd = Crowd([])
    alone: list[float] = []
    beside: list[float] = []
    growth = most = 0.0
    dropped = 0
    try:
        crowd = await Crowd.connect(server.port, _CLIENTS, "/ws", timed=_CLIENTS)
        await _turn(server, crowd, 1.0)
        for _ in range(rounds):
            alone.append(await _turn(server, crowd, seconds))
            before = server.memory()
            stuck = await _stuck(server.port)
            beside.append(await _turn(server, crowd, seconds))
            told = await server.buffers()
            growth = max(growth, (server.memory() - before) / 1e6)
            most, dropped = max(most, told["max_buffered"] / 1024), told["dropped"]
            stuck.close()
            await asyncio.sleep(0.2)
    finally:
        crowd.leave()
        server.stop()
    quiet, busy = sorted(alone)[rounds // 2], sorted(beside)[rounds // 2]
    more: dict[str, Any] = {
        "p99_ms": round(busy, 3),
        "p99_without_ms": round(quiet, 3),
        "clients": _CLIENTS,
        "events_per_s": _RATE,
    }
    first = result("ws slow client, p99 added to others", busy - quiet, "ms", most=MOST_ADDED_MS, **more)
    second = result(
        "ws slow client, memory", growth, "MB", most=MOST_GROWTH_MB, buffered_kib=round(most), dropped=dropped
    )
    return [
        {**first, "ok": busy - quiet <= MOST_ADDED_MS},
        {**second, "ok": growth <= MOST_GROWTH_MB and most <= 1024 and dropped > 0},
    ]


async def _turn(server: HubProcess, crowd: Crowd, seconds: float) -> float:
    start, count = crowd.events, int(_RATE * seconds)
    crowd.p99_ms()
    await server.order(count, 10, 10_000 / _RATE, "wide")
    await crowd.until(start + count * len(crowd.readers))
    return crowd.p99_ms()


async def _stuck(port: int) -> socket.socket:
    """A client that subscribes and never reads a byte more."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(peer, ("127.0.0.1", port))
    await loop.sock_sendall(peer, UPGRADE.format(path="/ws/smartbot", port=port, more="").encode())
    await asyncio.sleep(0.2)
    return peer
