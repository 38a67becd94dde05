"""A thin layer over uvicorn's HTTP protocol: what it refuses itself has our shape too, and headers are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from waqtor.contracts.ids import new_ulid

MAX_HEAD_BYTES = 65_536
"""Most bytes of request line and headers together."""

HEAD_S: Final = 10.0
"""Seconds in which a request must have said its head; whoever dribbles it (slow loris) is cut off."""


class StrictHttpProtocol(HttpToolsProtocol):
    """Refuses endless and dribbled heads, and answers what cannot be parsed with the one shape of errors.

    Attributes:
        head_s: Seconds for a head.
        count: Called with the reason of each refusal.
    """

    head_s = HEAD_S
    count: Callable[[str], None] = staticmethod(lambda reason: None)

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

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or one whose head is too large."""
        self.count("malformed")
        request_id = new_ulid()
        words = "This is not a valid HTTP request."
        if self._head > MAX_HEAD_BYTES:
            words = f"The request line and headers are larger than {MAX_HEAD_BYTES} bytes."
        detail: dict[str, Any] = {"code": "invalid_input", "message": words, "details": {}, "request_id": request_id}
        body = orjson.dumps({"ok": False, "error": detail})
        head = (
            b"content-type: application/json\r\n"
            b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (request_id.encode(), len(body))
        )
        self.transport.write(STATUS_LINE[400] + head + body)
        self.transport.close()


def strict_http(count: Callable[[str], None]) -> type[StrictHttpProtocol]:
    """The protocol class for ``uvicorn.Config(http=…)`` that reports its refusals to ``count``."""
    return type("StrictHttpProtocol", (StrictHttpProtocol,), {"count": staticmethod(count)})
