"""A thin layer over uvicorn's HTTP protocol: what it refuses itself has our shape too, and headers are bounded."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from waqtor.contracts.ids import new_ulid

MAX_HEAD_BYTES = 65_536
"""Most bytes of request line and headers together."""

Doorkeeper = Callable[[str, bytes, Sequence[tuple[bytes, bytes]]], float]
"""Tells for an address, a request target and headers how many seconds a handshake must wait; 0 lets it in."""

HEAD_S: Final = 10.0
"""Seconds in which a request must have said its head; whoever dribbles it (slow loris) is cut off."""


class StrictHttpProtocol(HttpToolsProtocol):
    """Refuses endless and dribbled heads, and answers what cannot be parsed with the one shape of errors.

    Attributes:
        head_s: Seconds for a head.
        count: Called with the reason of each refusal.
        door: Asked before each WebSocket handshake.
    """

    head_s = HEAD_S
    count: Callable[[str], None] = staticmethod(lambda reason: None)
    door: Doorkeeper = staticmethod(lambda address, url, headers: 0.0)

    _head = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection came in."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.head_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._in_time()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count anew."""
        self._head = 0
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_s, self._too_slow)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_time()
        super().on_headers_complete()

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.count("slow")
        self.transport.close()

    def on_url(self, url: bytes) -> None:
        """Take a part of the request target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size + 4
        if self._head > MAX_HEAD_BYTES:
            raise ValueError("the head of the request is too large")

    def handle_websocket_upgrade(self) -> None:
        """Turn the connection into a WebSocket, unless the door stays shut for this caller."""
        wait = self.door(self.client[0] if self.client else "", self.url, self.headers)
        if not wait:
            super().handle_websocket_upgrade()
            return
        seconds = math.ceil(wait)
        words = "Too many handshakes from this address were refused."
        self._answer(429, "rate_limited", words, b"retry-after: %d\r\n" % seconds, retry_after=seconds)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or one whose head is too large."""
        self.count("malformed")
        words = "This is not a valid HTTP request."
        if self._head > MAX_HEAD_BYTES:
            words = f"The request line and headers are larger than {MAX_HEAD_BYTES} bytes."
        self._answer(400, "invalid_input", words)

    def _answer(self, status: int, code: str, words: str, more: bytes = b"", **details: Any) -> None:
        request_id = new_ulid()
        detail: dict[str, Any] = {"code": code, "message": words, "details": details, "request_id": request_id}
        body = orjson.dumps({"ok": False, "error": detail})
        head = (
            b"content-type: application/json\r\n%b"
            b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            % (more, request_id.encode(), len(body))
        )
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


def strict_http(count: Callable[[str], None], door: Doorkeeper | None = None) -> type[StrictHttpProtocol]:
    """The protocol class for ``uvicorn.Config(http=…)`` that reports its refusals to ``count`` and asks ``door``."""
    parts = {"count": staticmethod(count)} | ({"door": staticmethod(door)} if door is not None else {})
    return type("StrictHttpProtocol", (StrictHttpProtocol,), parts)
