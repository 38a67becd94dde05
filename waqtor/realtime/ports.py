"""What the hub needs from outside: a socket to write to, and keys to check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from waqtor.contracts.views import KeyView, SessionView
from waqtor.kernel.access import Principal
from waqtor.realtime.outgoing import Chunk

Sessions = Callable[[], Sequence[SessionView]]
"""Tells the present sessions, QR included."""


class Socket(Protocol):
    """An accepted WebSocket. Nothing here waits; what the network does not take at once is buffered and counted."""

    @property
    def paused(self) -> bool:
        """Whether the peer reads more slowly than we write; true at half of the buffer limit at the latest."""
        ...

    @property
    def direct(self) -> Callable[[bytes], object] | None:
        """Writes bytes that are ready for the network, at once and unseen; ``None`` where frames need more than that.

        It ends to hold when the connection's ``stalled`` is called.
        """
        ...

    @property
    def waiting(self) -> int:
        """Bytes that were written and have not yet left for the network."""
        ...

    @property
    def written(self) -> int:
        """Bytes that went through :meth:`write` so far, as they go over the network."""
        ...

    @property
    def last_pong(self) -> int:
        """When the peer last answered a ping, UTC microseconds; 0 when it never did."""
        ...

    @property
    def last_ping_rtt(self) -> float:
        """Seconds that the answer took; 0 before the first."""
        ...

    @property
    def alive(self) -> bool:
        """Whether no ping has waited long for its answer."""
        ...

    def write(self, chunk: Chunk) -> None:
        """Write frames as one piece, compressed where that was negotiated; nothing happens once it is closed."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Write a close frame; the connection is cut when the peer does not answer it in time."""
        ...


class SocketKeys(Protocol):
    """The keys that open a socket."""

    async def verify(self, token: str) -> Principal | None:
        """Return who this key is, or ``None`` if it is unknown, expired or revoked."""
        ...

    async def signing_secret(self, key_id: str) -> str | None:
        """The secret with which clients of this key sign handshakes; ``None`` when it has none."""
        ...

    async def list(self) -> list[KeyView]:
        """All keys, without secrets."""
        ...
