"""A receiver of webhooks that fails by script, for ``waqtor bench chaos --webhooks``.

Each path of :data:`SCRIPTS` fails in its own way for a share of the requests and takes the rest; ``steady`` takes
everything. What came is kept by path: how often under which ``webhook-id``, and which event ids.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

SCRIPTS = ("timeout", "reset", "slow", "error", "throttle", "moved", "gone", "garbage")
"""The eight ways: no answer, a reset, an answer byte by byte, 500, 429 with Retry-After, 301, 410, and no HTTP."""
_RARE = {"throttle": 0.2}
"""A part of the share: each 429 keeps the whole endpoint waiting for the second that it asks for."""
_REASONS = {200: "OK", 301: "Moved Permanently", 410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error"}
_Way = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


class Unruly:
    """The receiver.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        taken: By path: how often each delivery id was answered with success, or read and then left without an answer.
        ids: By path and message: the delivery ids under which it came.
        timeouts: By path: requests that were read and then left without an answer in time.
        calm: No more failures from now on.
        failures: By path: scripted failures so far.
    """

    def __init__(self, dice: random.Random, share: float) -> None:
        self._dice = dice
        self._share = share
        self.port = 0
        self.taken: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.ids: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.timeouts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.calm = False
        self._server: asyncio.Server | None = None
        self._ways: dict[str, _Way] = {
            "timeout": self._never, "reset": self._reset, "slow": self._slow, "garbage": self._garbage,
            "error": self._status(500), "throttle": self._status(429, "Retry-After: 1\r\n"),
            "moved": self._status(301, "Location: /steady\r\n"), "gone": self._status(410),
        }  # fmt: skip

    async def __aenter__(self) -> Unruly:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sidecar was killed, or ran out of patience
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve a request; false when the connection is over."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        path = first.split(" ")[1].strip("/")
        self.ids[path][body["data"]["body"]].add(headers["webhook-id"])
        if path in self._ways and not self.calm and self._dice.random() < self._share * _RARE.get(path, 1.0):
            self.failures[path] += 1
            if path in {"timeout", "slow"}:  # read, and perhaps acted upon: the sender cannot know
                self.timeouts[path] += 1
                self.taken[path][headers["webhook-id"]] += 1
            return await self._ways[path](reader, writer)
        self.taken[path][headers["webhook-id"]] += 1
        await _answer(writer, 200)
        return True

    async def _never(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.read()  # until the sender gives up
        return False

    async def _reset(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.transport.abort()
        return False

    async def _slow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.5)
        return False

    async def _garbage(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(self._dice.randbytes(200) + b"\r\n\r\n")
        await writer.drain()
        return False

    def _status(self, status: int, more: str = "") -> _Way:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await _answer(writer, status, more)
            return True

        return answer


async def _answer(writer: asyncio.StreamWriter, status: int, more: str = "") -> None:
    writer.write(f"HTTP/1.1 {status} {_REASONS[status]}\r\n{more}Content-Length: 0\r\n\r\n".encode())
    await writer.drain()
