"""The door before WebSocket handshakes: an address that was refused too often is turned away at once.

A refusal through the whole application costs a millisecond; here it costs a look-up and a ready-made answer, so that a
flood of bad handshakes does not reach those who are connected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qs

from waqtor.api.access import AllowList, Authenticator, Throttle
from waqtor.api.tickets import TicketStore
from waqtor.kernel.clock import Clock

BURST: Final = 60
"""Refused handshakes that an address has in a row; it gains one more per second."""


class Door:
    """Remembers who was refused.

    Keys that were good before and tickets that wait to be redeemed pass, so that nobody is locked out by somebody else
    behind the same address. Whoever comes through a trusted proxy passes too: who it is, is told only behind the door.

    Args:
        clock: Whose monotonic time the buckets follow.
        authenticator: Knows the keys that were good.
        tickets: Knows the tickets.
        proxies: Addresses and ranges that speak for others.
        count: Called with ``throttled`` for each one turned away.
    """

    def __init__(
        self,
        clock: Clock,
        authenticator: Authenticator,
        tickets: TicketStore,
        proxies: tuple[str, ...],
        count: Callable[[str], None],
    ) -> None:
        self._refusals = Throttle(clock, BURST, 1.0)
        self._authenticator = authenticator
        self._tickets = tickets
        self._proxies = AllowList(proxies) if proxies else None
        self._count = count

    def refused(self, address: str) -> None:
        """A handshake from this address was refused."""
        self._refusals.failed(address)

    def wait(self, address: str, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> float:
        """Seconds after which this caller may knock again; 0 to let it in.

        Args:
            address: The peer of the connection.
            url: The request target.
            headers: The request's headers, names in lower case.
        """
        wait = self._refusals.wait(address)
        if not wait or (self._proxies is not None and self._proxies.allows(address)):
            return 0.0
        if self._known(url, headers):
            return 0.0
        self._refusals.failed(address)
        self._count("throttled")
        return wait

    def _known(self, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        tokens = [value for name, value in headers if name == b"x-api-key"]
        tokens += [value[7:] for name, value in headers if name == b"authorization" and value[:7].lower() == b"bearer "]
        if any(self._authenticator.knows(token.strip().decode("latin-1")) for token in tokens):
            return True
        query = parse_qs(url.partition(b"?")[2].decode("latin-1")) if b"?" in url else {}
        keys = [*query.get("apiKey", ()), *query.get("api_key", ())]
        return any(map(self._authenticator.knows, keys)) or any(map(self._tickets.holds, query.get("ticket", ())))
