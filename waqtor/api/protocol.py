"""A thin layer over uvicorn's HTTP protocol: what it refuses itself has our shape too, and headers are bounded."""

from __future__ import annotations

from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from waqtor.contracts.ids import new_ulid

MAX_HEAD_BYTES = 65_536
"""Most bytes of request line and headers together."""


class StrictHttpProtocol(HttpToolsProtocol):
    """Refuses endless heads, and answers what cannot be parsed with the one shape of errors."""

    _head = 0

    def on_message_begin(self) -> None:
        """Count anew."""
        self._head = 0
        super().on_message_begin()

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
