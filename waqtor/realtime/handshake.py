"""Who may open a socket: address, origin, and one of key, signed key, or ticket (protocol 8-10)."""

from __future__ import annotations

import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from waqtor.errors import ConfigurationError, Forbidden, RateLimited, Unauthorized
from waqtor.kernel.access import Principal
from waqtor.kernel.clock import Clock
from waqtor.realtime.ports import SocketKeys
from waqtor.realtime.stats import Stats
from waqtor.settings import Settings
from waqtor.signing import handshake_signature, same

Verify = Callable[[str], Awaitable[Principal]]
"""Checks a key; raises when it is not good."""

Redeem = Callable[[str], Principal | None]
"""Uses up a ticket; ``None`` when it is not good."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client says of itself before the upgrade. Secrets are left out of its ``repr``."""

    address: str
    host: str = ""
    origin: str | None = None
    api_key: str | None = field(default=None, repr=False)
    ts: str | None = None
    sig: str | None = field(default=None, repr=False)
    ticket: str | None = field(default=None, repr=False)


class Once:
    """Remembers what was used, for a time; bounded."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, float] = OrderedDict()

    def use(self, name: str, until: float, now: float) -> bool:
        """Use a name; false if it was used before and is still remembered."""
        while self._used and next(iter(self._used.values())) <= now:
            self._used.popitem(last=False)
        if self._used.get(name, 0.0) > now:
            return False
        while len(self._used) >= _MOST:
            self._used.popitem(last=False)
        self._used[name] = until
        return True


class Handshake:
    """Admits or refuses. Comparisons of secrets take constant time; refusals are counted by reason."""

    def __init__(self, keys: SocketKeys, settings: Settings, clock: Clock, stats: Stats) -> None:
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._stats = stats
        self._signatures = Once()
        self._origins = {origin.rstrip("/").lower() for origin in settings.allowed_origins}
        try:
            self._networks = [ipaddress.ip_network(text, strict=False) for text in settings.allowed_ips]
        except ValueError as error:
            raise ConfigurationError(f"ALLOWED_IPS: {error}") from None

    async def admit(self, hello: Hello, *, verify: Verify | None = None, redeem: Redeem | None = None) -> Principal:
        """Return who it is.

        Args:
            hello: What the client says.
            verify: Checks its key, where more than the key store has a say (a throttle).
            redeem: Uses up its ticket; without it there are no tickets.

        Raises:
            Forbidden: Address or origin (403).
            Unauthorized: Credentials (401).
        """
        if not self._address_allowed(hello.address):
            self._refused("address")
            raise Forbidden("Connections from this address are not allowed.")
        if hello.origin is not None and not self.origin_allowed(hello.origin, hello.host):
            self._refused("origin")
            raise Forbidden("Connections from this origin are not allowed. Add it to WAQTOR_ALLOWED_ORIGINS.")
        if hello.ticket is not None:
            return self._by_ticket(hello, hello.ticket, redeem)
        if not hello.api_key:
            self._refused("unauthorized")
            raise Unauthorized("Give a key in X-API-Key or Authorization, or ?ticket=, ?apiKey= or ?apiKey&ts&sig.")
        principal = await (self._verified(verify, hello.api_key) if verify else self._verify(hello.api_key))
        if hello.sig is not None or hello.ts is not None:
            await self._check_signature(hello, hello.api_key, principal)
        elif self._settings.ws_require_signature:
            self._refused("unauthorized")
            raise Unauthorized("This server takes signed handshakes only: ?apiKey&ts&sig.")
        return principal

    def origin_allowed(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may connect: listed, our own, or the dashboard's.

        Our own and the dashboard's are told by the name under which we were called, but only when that is an
        address or ``localhost``: any other name can be pointed at us by anybody (DNS rebinding).
        """
        origin = origin.lower()
        if origin in self._origins or "*" in self._origins:
            return True
        try:
            asked, here = urlsplit(origin), urlsplit(f"//{host.lower()}")
            port, own_port = asked.port, here.port
        except ValueError:
            return False
        if asked.scheme not in {"http", "https"} or not asked.hostname or not _is_literal(asked.hostname):
            return False
        known = asked.hostname == here.hostname or asked.hostname in _LOOPBACK
        port = port or (443 if asked.scheme == "https" else 80)
        return known and port in {own_port or 80, self._settings.port, self._settings.dashboard_port}

    async def _verify(self, key: str) -> Principal:
        principal = await self._keys.verify(key)
        if principal is None:
            self._refused("unauthorized")
            raise Unauthorized("This key is unknown, expired or revoked.")
        return principal

    async def _verified(self, verify: Verify, key: str) -> Principal:
        try:
            return await verify(key)
        except (Unauthorized, RateLimited) as error:  # counted for Prometheus by whoever checked it
            self._stats.seen("throttled" if isinstance(error, RateLimited) else "unauthorized")
            raise

    def _by_ticket(self, hello: Hello, ticket: str, redeem: Redeem | None) -> Principal:
        if hello.origin is None:
            self._refused("origin")
            raise Forbidden("Tickets are for browsers: an Origin header is needed.")
        principal = redeem(ticket) if redeem is not None else None
        if principal is None:
            self._refused("unauthorized")
            raise Unauthorized("This ticket is unknown, used or too old.")
        return principal

    async def _check_signature(self, hello: Hello, key: str, principal: Principal) -> None:
        secret = await self._keys.signing_secret(principal.key_id)
        digits = hello.ts or ""
        ts = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 16 else 0
        expected = handshake_signature(secret or secrets.token_hex(16), key, ts, hello.address)
        if not same(expected, (hello.sig or "").lower()) or secret is None:
            self._refused("signature")
            raise Unauthorized("The signature does not fit key, time and address.")
        age_ms = self._clock.now_us() // 1000 - ts
        if abs(age_ms) > self._settings.handshake_max_age_ms:
            self._refused("expired")
            raise Unauthorized("The signed handshake is too old, or the clocks differ.")
        now = self._clock.monotonic()
        if not self._signatures.use(expected, now + 2 * self._settings.handshake_max_age_ms / 1000, now):
            self._refused("signature")
            raise Unauthorized("This signature was used before; sign each connection anew.")

    def _address_allowed(self, address: str) -> bool:
        return not self._networks or within(address, self._networks)

    def _refused(self, reason: str) -> None:
        self._stats.refused(reason)


def within(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether the address lies in one of the networks (IPv4 written as IPv6 included)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return any(ip in network or (mapped is not None and mapped in network) for network in networks)


def _is_literal(host: str) -> bool:
    if host in _LOOPBACK:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
