"""A thousand readers in one process for ``waqtor bench ws``: they count events in C and time a sample of them."""

from __future__ import annotations

import asyncio
import re
import time
from typing import cast

MARKER = b'"type":"smartbot.rule-updated"'
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-API-Key: k\r\n{more}\r\n"
)
_STAMP = re.compile(rb'"revision":"(\d{20})"')
_SUBSCRIBE = b'{"type":"subscribe","topics":["smartbot.rule-updated","campaign.progress"]}'


class Reader(asyncio.Protocol):
    """One client: upgrades, subscribes, counts."""

    def __init__(self, port: int, path: str, extension: str, *, timed: bool) -> None:
        self.events = 0
        self.bytes = 0
        self.delays: list[int] = []
        self.ready = asyncio.get_running_loop().create_future()
        self._port, self._path, self._extension, self._timed = port, path, extension, timed
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast(asyncio.Transport, transport)
        more = f"Sec-WebSocket-Extensions: {self._extension}\r\n" if self._extension else ""
        self.transport.write(UPGRADE.format(path=self._path, port=self._port, more=more).encode())

    def data_received(self, data: bytes) -> None:
        """Count."""
        if not self.ready.done():
            if b" 101 " not in data[:20]:
                self.ready.set_exception(ConnectionError(data[:200].decode(errors="replace")))
                return
            # Zero mask: the text travels as it is.
            head = bytes([0x81, 0x80 | len(_SUBSCRIBE)]) if len(_SUBSCRIBE) < 126 else b""
            self.transport.write(head + bytes(4) + _SUBSCRIBE)
            self.ready.set_result(None)
            return
        self.bytes += len(data)
        data = self._rest + data
        self.events += data.count(MARKER)
        if self._timed:
            now = time.time_ns() // 1000
            self.delays.extend(now - int(stamp) for stamp in _STAMP.findall(data))
        # A marker or a stamp may be cut in two; what was counted must not be counted again.
        keep = data.rfind(MARKER)
        tail = data[max(keep + len(MARKER), len(data) - 200) :] if keep >= 0 else data[-200:]
        self._rest = b"" if self._extension else _uncounted(tail, self._timed)


def _uncounted(tail: bytes, timed: bool) -> bytes:
    if not timed:
        return tail[-(len(MARKER) - 1) :]
    last = tail.rfind(b'"revision":"')
    if last >= 0 and len(tail) - last < 33:
        return tail[last:]
    return tail[-(len(MARKER) - 1) :]


class Crowd:
    """Connected readers."""

    def __init__(self, readers: list[Reader]) -> None:
        self.readers = readers

    @classmethod
    async def connect(cls, port: int, clients: int, path: str, extension: str = "", timed: int = 20) -> Crowd:
        """Open ``clients`` connections, fifty at a time."""
        loop = asyncio.get_running_loop()
        readers: list[Reader] = []
        for begin in range(0, clients, 50):
            made = await asyncio.gather(
                *(
                    loop.create_connection(
                        lambda n=n: Reader(port, path, extension, timed=n < timed),  # type: ignore[misc]
                        "127.0.0.1",
                        port,
                    )
                    for n in range(begin, min(clients, begin + 50))
                )
            )
            fresh = [protocol for _, protocol in made]
            await asyncio.gather(*(reader.ready for reader in fresh))
            readers += fresh
        return cls(readers)

    @property
    def events(self) -> int:
        """Events received by all."""
        return sum(reader.events for reader in self.readers)

    @property
    def bytes(self) -> int:
        """Bytes received by all after the upgrade."""
        return sum(reader.bytes for reader in self.readers)

    async def until(self, events: int, timeout: float = 60.0) -> None:
        """Wait until so many have arrived."""
        async with asyncio.timeout(timeout):
            while self.events < events:  # noqa: ASYNC110 (counting must cost the readers nothing)
                await asyncio.sleep(0.01)

    def p99_ms(self) -> float:
        """The 99th percentile of the sampled delays since the last call, milliseconds."""
        delays = sorted(delay for reader in self.readers for delay in reader.delays)
        for reader in self.readers:
            reader.delays.clear()
        return delays[int(len(delays) * 0.99)] / 1000 if delays else 0.0

    def leave(self) -> None:
        """Cut all connections."""
        for reader in self.readers:
            reader.transport.abort()
