"""What the hub needs from outside: a socket to write to, and keys to check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from waqtor.contracts.views import KeyView, SessionView
from waqtor.kernel.access import Principal

Sessions = Callable[[], Sequence[SessionView]]
"""Tells the present sessions, QR included."""


class Socket(Protocol):
    """An accepted WebSocket."""

    async def send_text(self, text: str) -> None:
        """Write a text frame; waits while the peer does not read.

        Raises:
            Exception: The socket is closed.
        """
        ...

    async def close(self, code: int, reason: str) -> None:
        """Write a close frame."""
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
