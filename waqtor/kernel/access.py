"""Who may do what: principals, scopes, and the port of the key store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from waqtor.contracts.views import KeyView
from waqtor.errors import Forbidden

SCOPES: dict[str, str] = {
    "messages:send": "Send messages, pause and resume the bot in a chat.",
    "messages:read": "Read messages, chats and session states, texts included.",
    "campaigns:manage": "Create and run campaigns.",
    "notifications": "Read, mark and make notifications.",
    "webhooks:manage": "Register webhooks, read their logs, test and replay them.",
    "smartbot:read": "Read rules and history, test the bot.",
    "smartbot:write": "Change rules.",
    "analytics:read": "Query the traffic log, without message texts.",
    "analytics:texts": "See message texts and addresses in analytics queries.",
    "privacy": "Look up, export and erase what is known of a person; consents and opt-outs.",
    "admin": "Everything, keys and sessions included.",
}
"""All scopes and their meaning."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    key_id: str
    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the scope is granted (admin grants all)."""
        return "admin" in self.scopes or scope in self.scopes

    def require(self, *scopes: str) -> None:
        """Raise unless all scopes are granted.

        Raises:
            Forbidden: Naming the missing scopes.
        """
        missing = sorted(scope for scope in scopes if not self.may(scope))
        if missing:
            raise Forbidden(f"This key lacks the scope {', '.join(missing)}.", missing=missing)


class Keys(Protocol):
    """API keys. Only SHA-256 digests of the keys are stored."""

    async def verify(self, token: str) -> Principal | None:
        """Return who this key is, or ``None`` if it is unknown, expired or revoked."""
        ...

    async def create(
        self, name: str, scopes: Sequence[str], *, expires: int | None = None, token: str | None = None
    ) -> KeyView:
        """Make a key (``expires`` in UTC microseconds); the answer holds the secret, this once.

        Raises:
            InvalidInput: An unknown scope.
        """
        ...

    async def list(self) -> list[KeyView]:
        """All keys, newest first, without secrets."""
        ...

    async def revoke(self, key_id: str) -> None:
        """End a key at once.

        Raises:
            NotFound: No such key.
        """
        ...
