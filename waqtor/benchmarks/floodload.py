"""The load of ``waqtor bench ws --parts flood``, in a process of its own: bad handshakes at a steady rate.

``python -m waqtor.benchmarks.floodload PORT RATE SECONDS`` opens, asks with a wrong key from a handful of loopback
addresses, reads the refusal, and prints ``{"asked", "refused", "failed", "statuses"}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import cast

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
_MOST_OPEN = 500


class _Knock(asyncio.Protocol):
    """One handshake with a key that does not exist."""

    open = 0

    def __init__(self, number: int, counts: Counter[str]) -> None:
        self._number = number
        self._counts = counts
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        _Knock.open += 1
        cast(asyncio.Transport, transport).write(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"X-API-Key: wk_guess_%d\r\n\r\n" % self._number
        )

    def data_received(self, data: bytes) -> None:
        """Note the status."""
        if not self._answered:
            self._answered = True
            self._counts[data[9:12].decode("ascii", "replace")] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever was cut off without an answer is counted too."""
        _Knock.open -= 1
        if not self._answered:
            self._counts["cut"] += 1


async def _flood(port: int, rate: float, seconds: float) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    pending: set[asyncio.Task[None]] = set()

    async def knock(number: int) -> None:
        try:
            address = (ADDRESSES[number % len(ADDRESSES)], 0)
            await loop.create_connection(lambda: _Knock(number, counts), "127.0.0.1", port, local_addr=address)
        except OSError:
            counts["failed"] += 1

    began, asked = loop.time(), 0
    while (passed := loop.time() - began) < seconds:
        while asked < passed * rate and _Knock.open + len(pending) < _MOST_OPEN:
            task = asyncio.create_task(knock(asked))
            pending.add(task)
            task.add_done_callback(pending.discard)
            asked += 1
        await asyncio.sleep(0.002)
    await asyncio.sleep(1.0)
    statuses = {status: count for status, count in sorted(counts.items()) if status.isdigit()}
    return {
        "asked": asked, "refused": sum(statuses.values()), "failed": counts["cut"] + counts["failed"],
        "statuses": statuses,
    }  # fmt: skip


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(_flood(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(told))  # noqa: T201
