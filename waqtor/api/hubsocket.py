"""A thin layer over uvicorn's WebSocket protocol: what ASGI hides from the hub.

Through ASGI every message is a coroutine, a dict and an encoded frame per client, and nothing tells of pings, pongs
and buffered bytes. Here the hub writes ready-made frames to the transport and gets messages by a call; the handshake,
parsing, pings and the closing stay uvicorn's and websockets'. tests/api/test_hubsocket.py pins what this relies on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from waqtor.realtime.outgoing import Chunk, wire
from waqtor.settings import Settings

EXTENSION: Final = "waqtor.socket"
"""Name under which the ASGI scope holds the socket."""

MOST_FRAGMENTS: Final = 4096
"""Fragments of one message; empty ones would otherwise cost us memory and the peer nothing."""

CLOSE_S: Final = 5.0
"""Seconds in which a peer must answer our close frame before it is cut off."""

ANSWER_S: Final = 5.0
"""Seconds without a pong after which a peer counts as dead, long before it is cut off."""

_HIGH_WATER = 65_536
_WINDOW_BITS = 12
_MEMORY_LEVEL = 5


class Listener(Protocol):
    """Whoever uses the socket after the upgrade."""

    def received(self, message: str | bytes) -> None:
        """The peer sent a whole message."""
        ...

    def stalled(self) -> None:
        """The peer reads more slowly than we write, or the socket closes."""
        ...

    def resumed(self) -> None:
        """The peer reads again."""
        ...

    def lost(self, code: int) -> None:
        """The connection is gone: the close code of the peer, ours if it broke the rules, else 1006."""
        ...


class HubSocket(WebSocketsSansIOProtocol):
    """A :class:`waqtor.realtime.ports.Socket` that uvicorn makes, one per connection; see :func:`hub_socket`."""

    deflate_level = 6
    deflate_threshold = 1024
    buffer_bytes = 524_288
    written = 0

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.conn.available_extensions = [
            ServerPerMessageDeflateFactory(
                server_max_window_bits=_WINDOW_BITS,
                client_max_window_bits=_WINDOW_BITS,
                compress_settings={"memLevel": _MEMORY_LEVEL, "level": self.deflate_level},
            )
        ]
        self.paused = False
        self.last_pong = 0
        self._listener: Listener | None = None
        self._deflate: PerMessageDeflate | None = None

    # --- what the hub uses

    @property
    def waiting(self) -> int:
        """Bytes that were written and have not yet left for the network."""
        return self.transport.get_write_buffer_size()

    @property
    def direct(self) -> Callable[[bytes], object] | None:
        """Writes bytes that are ready for the network; ``None`` when compressed or closing."""
        plain = self._deflate is None and not self.close_sent and not self.transport.is_closing()
        return self.transport.write if plain else None

    @property
    def alive(self) -> bool:
        """Whether no ping has waited long for its answer."""
        return self.pending_ping_payload is None or self.loop.time() - self.ping_sent_at < ANSWER_S

    @property
    def compressed(self) -> bool:
        """Whether permessage-deflate was negotiated."""
        return self._deflate is not None

    def attach(self, listener: Listener) -> None:
        """Pass messages to ``listener`` from now on, instead of the ASGI queue; call it right after the upgrade."""
        self._listener = listener
        high = min(_HIGH_WATER, self.buffer_bytes // 2)
        self.transport.set_write_buffer_limits(high=high, low=high // 4)

    def write(self, chunk: Chunk) -> None:
        """Write frames as one piece, compressed where that was negotiated; nothing happens once it is closed."""
        transport = self.transport
        if self.close_sent or transport.is_closing():
            return
        data = chunk.wire if self._deflate is None else b"".join([self._compress(frame.text) for frame in chunk.frames])
        self.written += len(data)
        transport.write(data)

    def close(self, code: int, reason: str) -> None:
        """Write a close frame; the connection is cut when the peer does not answer it in time."""
        if self.close_sent or self.transport.is_closing():
            return
        self._stalled()
        self.stop_keepalive()
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def _compress(self, text: bytes) -> bytes:
        deflate = self._deflate
        assert deflate is not None
        if deflate.local_no_context_takeover and len(text) < self.deflate_threshold:
            return wire(text)
        return wire(bytes(deflate.encode(Frame(Opcode.TEXT, text)).data), compressed=True)

    # --- what uvicorn calls

    def handle_connect(self, event: Request) -> None:
        """Answer the upgrade request, and let the application find this socket."""
        super().handle_connect(event)
        if not self.close_sent:  # the application's task has not begun yet
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]
            self._deflate = next((e for e in self.conn.extensions if isinstance(e, PerMessageDeflate)), None)

    def send_receive_event_to_app(self) -> None:
        """Pass on a message that is complete."""
        if self._listener is None:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self._listener.received(bytes(data))
            return
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError:
            self._fail(1007, "not UTF-8")
            return
        self._listener.received(text)

    def handle_cont(self, event: Frame) -> None:
        """Take a further fragment."""
        if len(self.frames) >= MOST_FRAGMENTS:
            self._fail(1009, "too many fragments")
            return
        super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        """Answer a close frame; nothing may follow."""
        self._stalled()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        """Close because of a broken rule; nothing may follow."""
        self._stalled()
        super().handle_parser_exception()

    def shutdown(self) -> None:
        """Close because the server stops; nothing may follow."""
        self._stalled()
        super().shutdown()

    def handle_ping(self) -> None:
        """Answer a ping, unless the peer does not read our answers."""
        if self.paused:
            self.conn.data_to_send()
            return
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Note that the peer lives."""
        super().handle_pong(event)
        self.last_pong = time.time_ns() // 1000

    def keepalive_timeout(self) -> None:
        """Cut off a peer that did not answer a ping: it is gone, and a close frame would not reach it."""
        self.pong_timer = None
        if not self.transport.is_closing():
            self.transport.abort()

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        self.paused = True
        self._stalled()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self.paused = False
        super().resume_writing()
        if self._listener is not None:
            self._listener.resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        if self._listener is not None:
            said = self.conn.close_rcvd or (self.conn.close_sent if self.conn.parser_exc is not None else None)
            self._listener.lost(int(said.code) if said is not None else 1006)

    def _stalled(self) -> None:
        if self._listener is not None:
            self._listener.stalled()

    def _fail(self, code: int, reason: str) -> None:
        self.frames = []
        self._stalled()
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.transport.close()
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.lost(code)


def hub_socket(settings: Settings) -> type[HubSocket]:
    """The protocol class for ``uvicorn.Config(ws=…)``, with the compression and the buffer of the settings."""
    values = {
        "deflate_level": settings.ws_compression_level,
        "deflate_threshold": settings.ws_compression_threshold,
        "buffer_bytes": settings.ws_buffer_bytes,
    }
    return type("HubSocket", (HubSocket,), values)
