"""Who is calling: keys from headers, a throttle for guesses, and the rule for loopback."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from waqtor.errors import ConfigurationError, RateLimited, Unauthorized
from waqtor.kernel.access import Keys, Principal
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.signing import digest

BURST = 20
"""Wrong keys in a row that an address may try."""

REFILL_S = 3.0
"""Seconds after which it may try one more."""

LOOPBACK = Principal("loopback", "this machine", frozenset())
"""Who asks for metrics on this machine without a key: nobody with any scope."""

_MAX_TOKEN = 512
_REMEMBERED = 4096
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Throttle:
    """Counts failures per address (IPv6: per /64), as a bucket that refills slowly.

    Args:
        clock: Its monotonic time.
        burst: Failures in a row that an address has.
        refill_s: Seconds after which it has one more.
    """

    def __init__(self, clock: Clock, burst: int = BURST, refill_s: float = REFILL_S) -> None:
        self._clock = clock
        self._burst = burst
        self._refill_s = refill_s
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        return max(0.0, (self._now(_group(address)) - (self._burst - 1)) * self._refill_s)

    def failed(self, address: str) -> None:
        """Count a failure."""
        group = _group(address)
        spent = min(self._now(group) + 1, float(self._burst))
        self._spent[group] = (spent, self._clock.monotonic())
        self._spent.move_to_end(group)
        while len(self._spent) > _REMEMBERED:
            self._spent.popitem(last=False)

    def _now(self, group: str) -> float:
        spent, at = self._spent.get(group, (0.0, 0.0))
        return max(0.0, spent - (self._clock.monotonic() - at) / self._refill_s)


class Authenticator:
    """Turns keys into principals.

    Args:
        keys: The key store.
        clock: Whose monotonic time the throttle follows.
        telemetry: Where refusals are counted.
    """

    def __init__(self, keys: Keys, clock: Clock, telemetry: Telemetry) -> None:
        self._keys = keys
        self._telemetry = telemetry
        self._throttle = Throttle(clock)
        self._good: OrderedDict[str, None] = OrderedDict()

    def knows(self, token: str) -> bool:
        """Whether this key was good before."""
        return len(token) <= _MAX_TOKEN and digest(token) in self._good

    async def principal(self, token: str | None, address: str) -> Principal:
        """Return who holds this key.

        Keys that were good before are let through while an address is throttled, so that a guesser
        behind the same address locks nobody out.

        Raises:
            Unauthorized: No key, or one that is unknown, expired or revoked.
            RateLimited: Too many wrong keys from this address.
        """
        if not token:
            self._telemetry.security.labels("unauthorized").inc()
            raise Unauthorized("Send an API key as X-API-Key or as Authorization: Bearer.")
        known = digest(token)
        if known not in self._good:
            wait = self._throttle.wait(address)
            if wait:
                self._telemetry.security.labels("throttled").inc()
                raise RateLimited("Too many wrong keys from this address.", retry_after=round(wait, 1))
        principal = await self._keys.verify(token) if len(token) <= _MAX_TOKEN else None
        if principal is None:
            self._good.pop(known, None)
            self._throttle.failed(address)
            self._telemetry.security.labels("unauthorized").inc()
            raise Unauthorized("This API key is unknown, expired or revoked.")
        if known not in self._good:
            self._good[known] = None
            while len(self._good) > _REMEMBERED:
                self._good.popitem(last=False)
        return principal


def token_of(headers: Headers) -> str | None:
    """The key in the headers: ``X-API-Key``, else ``Authorization: Bearer``."""
    key = headers.get("x-api-key")
    if key is not None:
        return key.strip()
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def address_of(scope: Scope) -> str:
    """The caller's address; empty when the server does not know it."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_local(scope: Scope) -> bool:
    """Whether the caller sits on this machine and speaks to it directly.

    Not so behind a proxy (everybody would be local), nor when the Host is a foreign name (a page that
    rebinds its name to 127.0.0.1).
    """
    address = address_of(scope)
    try:
        if not ip_address(address).is_loopback:
            return False
    except ValueError:
        return False
    headers = Headers(scope=scope)
    if any(name in headers for name in _FORWARDED):
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return False
    return host in _LOCAL_NAMES


class AllowList:
    """The addresses that may connect; an empty list lets everybody.

    Raises:
        ConfigurationError: An entry is neither an address nor a CIDR range.
    """

    def __init__(self, entries: tuple[str, ...]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError as error:
                raise ConfigurationError(f"ALLOWED_IPS: {entry!r} is neither an address nor a range.") from error

    def allows(self, address: str) -> bool:
        """Whether the address may connect."""
        if not self._networks:
            return True
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self._networks)


def _group(address: str) -> str:
    if ":" not in address:
        return address
    try:
        ip = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ip.ipv4_mapped) if ip.ipv4_mapped is not None else str(ip_network((ip, 64), strict=False))
