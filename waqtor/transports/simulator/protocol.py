"""The wire: one JSON object per line, in both directions, written once per turn of the event loop.

A request carries ``op`` and ``id``; its answer is ``{"op": "result", "id": …}``, ``{"op": "refused", "id": …,
"code": …}`` or, for sends, an entry of ``{"op": "accepted", "items": [[id, provider_id], …]}``. Frames without an
``id`` are pushed by the simulator. docs/simulator.md lists them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

import orjson

VERSION: Final = 1
MAX_FRAME: Final = 16 * 1024 * 1024
"""Longest line, bytes; a longer one ends the connection."""

Frame = dict[str, Any]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def encode(frame: Any) -> bytes:
    """One line.

    Raises:
        TypeError: If a value is not JSON, or a text holds a lone surrogate.
    """
    return orjson.dumps(frame, default=_plain, option=orjson.OPT_APPEND_NEWLINE)


class LineProtocol(asyncio.Protocol):
    """Splits what arrives into frames and coalesces what is pushed into one write per loop turn.

    Subclasses override :meth:`frame`, :meth:`malformed`, :meth:`lost` and :meth:`drain`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._out: list[bytes] = []
        self._scheduled = False

    # --- to override
    def frame(self, frame: Frame) -> None:
        """Handle a frame that arrived."""

    def malformed(self, reason: str) -> None:
        """Handle a line that is not a JSON object, or too long."""

    def lost(self, error: Exception | None) -> None:
        """The connection has ended."""

    def drain(self) -> None:
        """Called right before a write: push what was collected in this turn."""

    # --- for use
    @property
    def is_open(self) -> bool:
        """Whether frames can still be pushed."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes handed to the socket and not yet taken by the system."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def push(self, payload: bytes) -> None:
        """Queue an encoded frame; silently dropped once the connection has ended."""
        if self._transport is None:
            return
        self._out.append(payload)
        self.touch()

    def append(self, payload: bytes) -> None:
        """Add a frame to the write that is being made; for :meth:`drain`."""
        self._out.append(payload)

    def touch(self) -> None:
        """Make sure that :meth:`drain` and a write happen in this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write everything queued now."""
        self._scheduled = False
        if self._transport is None:
            self._out.clear()
            return
        self.drain()
        if self._out:
            payload = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out.clear()
            self._transport.write(payload)

    def close(self) -> None:
        """Write what is queued and end the connection."""
        if self._transport is not None:
            self.flush()
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once; queued frames are lost."""
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (called by asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=4 * 1024 * 1024)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the transport (called by asyncio)."""
        self._transport = None
        self.lost(error)
        self._out.clear()

    def pause_writing(self) -> None:
        """The other side reads too slowly: stop reading its requests (called by asyncio)."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The other side has caught up (called by asyncio)."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Split into lines (called by asyncio)."""
        if self._partial or b"\n" not in data:
            self._partial.append(data)
            self._partial_size += len(data)
            if b"\n" not in data:
                if self._partial_size > MAX_FRAME:
                    self._too_long()
                return
            data = b"".join(self._partial)
            self._partial.clear()
        lines = data.split(b"\n")
        tail = lines.pop()
        self._partial_size = len(tail)
        if tail:
            self._partial.append(tail)
        for line in lines:
            if not line or line == b"\r":
                continue
            if len(line) > MAX_FRAME:
                self._too_long()
                return
            try:
                frame = orjson.loads(line)
            except orjson.JSONDecodeError:
                self.malformed("not a line of JSON in UTF-8")
                continue
            if type(frame) is dict:
                self.frame(frame)
            else:
                self.malformed("a frame is a JSON object")
            if self._transport is None or self._transport.is_closing():
                return

    def _too_long(self) -> None:
        self._partial.clear()
        self.malformed(f"a frame has at most {MAX_FRAME} bytes")
        self.close()
