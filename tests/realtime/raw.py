"""A WebSocket client without manners: it sends the bytes it is told to and reads only when told."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from typing import Self

from tests.realtime.fakes import KEY

EXTENSION = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"


def client_frame(payload: bytes, opcode: int = 1, *, fin: bool = True, rsv: int = 0, mask: bool = True) -> bytes:
    """A frame as a client sends it."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size, flag = len(payload), 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65_536:
        head += bytes([flag | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + size.to_bytes(8, "big")
    if not mask:
        return head + payload
    key = b"\x01\x02\x03\x04"
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class RawClient:
    """An upgraded connection; ``close_code`` is what the server's close frame said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.head = b""
        self.close_code = 0

    @classmethod
    async def open(cls, port: int, path: str = "/ws", *, extension: str = "", receive_buffer: int = 0) -> Self:
        peer = socket.socket()
        peer.setblocking(False)
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=peer, limit=1024 if receive_buffer else 2**16)
        client = cls(reader, writer)
        more = f"Sec-WebSocket-Extensions: {extension}\r\n" if extension else ""
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nX-API-Key: {KEY}\r\n{more}\r\n".encode()
        )
        client.head = await reader.readuntil(b"\r\n\r\n")
        return client

    async def frame(self) -> tuple[int, bytes]:
        """First byte (FIN, RSV, opcode) and payload of the next frame."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        payload = await self.reader.readexactly(size)
        if first & 0x0F == 8 and len(payload) >= 2:
            self.close_code = int.from_bytes(payload[:2], "big")
        return first, payload

    async def ended(self, timeout: float = 30.0) -> int:
        """Read to the end of the connection; the close code, 0 when there was none."""
        async with asyncio.timeout(timeout):
            try:
                while True:
                    await self.frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                return self.close_code

    def cut(self) -> None:
        self.writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.cut()
