"""Tickets: short-lived stand-ins for a key, so that a key never stands in the address of a WebSocket."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from waqtor.errors import RateLimited
from waqtor.kernel.access import Principal
from waqtor.kernel.clock import Clock
from waqtor.signing import digest

LIFETIME_S = 30.0
"""How long a ticket can be redeemed, seconds (protocol 8)."""

LIMIT = 10_000
"""Most tickets outstanding at once."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A fresh ticket; ``expires`` is in UTC microseconds."""

    value: str
    expires: int


class TicketStore:
    """Tickets that were issued and not yet redeemed, in memory: a restart ends them all.

    Args:
        clock: Its monotonic time decides when a ticket ends, its wall time is shown.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, principal: Principal) -> Ticket:
        """Make a ticket that stands for ``principal``, once, for thirty seconds.

        Raises:
            RateLimited: Too many tickets are outstanding.
        """
        self._forget_expired()
        if len(self._open) >= LIMIT:
            raise RateLimited("Too many tickets are outstanding; redeem them or wait.", retry_after=LIFETIME_S)
        value = f"wt_{secrets.token_urlsafe(24)}"
        self._open[digest(value)] = (self._clock.monotonic() + LIFETIME_S, principal)
        return Ticket(value, self._clock.now_us() + round(LIFETIME_S * 1_000_000))

    def holds(self, value: str) -> bool:
        """Whether a ticket waits to be redeemed."""
        return digest(value) in self._open

    def redeem(self, value: str) -> Principal | None:
        """Return whom the ticket stands for and end it; ``None`` when unknown, used or expired."""
        found = self._open.pop(digest(value), None)
        if found is None or found[0] <= self._clock.monotonic():
            return None
        return found[1]

    def _forget_expired(self) -> None:
        now = self._clock.monotonic()
        while self._open and next(iter(self._open.values()))[0] <= now:
            self._open.popitem(last=False)
