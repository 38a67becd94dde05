"""A receiver of webhooks for measurements: the least that HTTP/1.1 asks for, in a process of its own.

It answers 204 to everything, and remembers when each ``webhook-id`` first came and how often it came again. Orders
come by stdin, answers go to stdout, one line each: ``count`` or ``times``; both begin anew.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from typing import Any

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Arrivals:
    """What came in, by id: UTC nanoseconds of the first time; and how many requests there were."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.requests = 0

    def take(self, delivery_id: str) -> None:
        """Note a request."""
        self.requests += 1
        self.first.setdefault(delivery_id, time.time_ns())


class _Connection(asyncio.Protocol):
    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[: end + 2]
            length = int(_field(head, b"content-length") or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._arrivals.take(_field(head, b"webhook-id").decode())
            self._transport.write(_ANSWER)


def _field(head: bytes, name: bytes) -> bytes:
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.index(b"\r\n", start)].strip()


class SinkProcess:
    """The receiver as a child process.

    Attributes:
        url: Where to deliver.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "waqtor.benchmarks.hooksink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port.isdigit():
            self.stop()
            raise RuntimeError("The receiver did not start.")
        self.url = f"http://127.0.0.1:{port}/hook"

    def ask(self, order: str) -> Any:
        """The answer to an order, as JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> SinkProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    arrivals = Arrivals()
    server = await loop.create_server(lambda: _Connection(arrivals), "127.0.0.1", 0)
    over = asyncio.Event()

    def answer(order: str) -> None:
        found = {"requests": arrivals.requests, "ids": len(arrivals.first)}
        print(json.dumps(arrivals.first if order == "times" else found), flush=True)  # noqa: T201
        arrivals.first, arrivals.requests = {}, 0

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(answer, line.strip())
        loop.call_soon_threadsafe(over.set)

    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    threading.Thread(target=listen, daemon=True).start()
    await over.wait()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
