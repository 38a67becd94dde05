"""Where deliveries may go: public addresses only, checked when connecting, so that no name can lead elsewhere.

A name is harmless until it is resolved, and may resolve differently the next time; so the address itself is judged,
at the moment the socket for it is made. The list is longer than Python's own ``is_global`` knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from waqtor.errors import ConfigurationError, InvalidInput

_BLOCKED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/8", "100::/64", "100:0:0:1::/64", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23", "2001:db8::/32",
        "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")


class AddressRefused(OSError):
    """The address is not public and not allowed by name; nothing was sent to it."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the internet could be reached there and nobody inside."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is not None:
            return is_public(inner)
    return address.is_global and not any(
        address in network for network in _BLOCKED if network.version == address.version
    )


class Guard:
    """The rule of where deliveries may go.

    Args:
        allowed: Names, addresses and CIDR ranges that may be reached although they are private.

    Raises:
        ConfigurationError: An entry is none of these.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in allowed:
            text = entry.strip().strip("[]").lower()
            try:
                self._networks.append(ip_network(text, strict=False))
            except ValueError:
                if not all(_LABEL.fullmatch(label) for label in text.split(".")):
                    raise ConfigurationError(
                        f"WEBHOOK_PRIVATE_HOSTS: {entry!r} is no host, address or range."
                    ) from None
                self.names.add(text)

    def trusts(self, host: str) -> bool:
        """Whether the host is allowed by its name, wherever that leads."""
        return host.lower().rstrip(".") in self.names

    def check(self, address: str) -> None:
        """Let an address pass.

        Raises:
            AddressRefused: It is not public, nor allowed by setting.
        """
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            raise AddressRefused(f"{address[:60]!r} is no address") from None
        plain = ip.ipv4_mapped if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None else ip
        if any(plain.version == network.version and plain in network for network in self._networks):
            return
        if not is_public(ip):
            raise AddressRefused(f"{address} is not a public address; WEBHOOK_PRIVATE_HOSTS can allow a host by name")

    def check_url(self, url: str) -> None:
        """Look at a URL before it is stored; what a name resolves to is judged again at every connection.

        Raises:
            InvalidInput: Not http or https, with credentials, or to an address that is refused.
        """
        parts, host, port = _parts(url)
        if parts.scheme not in {"http", "https"}:
            raise _refused("must begin with https:// or http://")
        if parts.username is not None or parts.password is not None:
            raise _refused("must not hold credentials; use headers")
        if not host or port == 0 or any(ord(char) <= 32 or ord(char) == 127 for char in url) or "\\" in url:
            raise _refused("has no host that can be reached")
        if self.trusts(host):
            return
        bare = host.rstrip(".").lower()
        if ":" in host or _NUMERIC.fullmatch(host):
            # Only the plain form of an address: 127.1, 2130706433 and 0x7f.1 mean other things to other parsers.
            try:
                ip_address(host.partition("%")[0])
            except ValueError:
                raise _refused("has an address in an unusual form") from None
            try:
                self.check(host)
            except AddressRefused as error:
                raise _refused(str(error)) from None
        elif bare == "localhost" or bare.endswith(_LOCAL_SUFFIXES) or "." not in bare:
            raise _refused(f"leads to {bare}, which is not public; WEBHOOK_PRIVATE_HOSTS can allow it by name")


def _parts(url: str) -> tuple[SplitResult, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.hostname or "", parts.port
    except ValueError:
        raise _refused("is not a URL") from None


def _refused(words: str) -> InvalidInput:
    issue = {"in": "body", "field": "url", "message": words, "type": "url"}
    return InvalidInput(f"url: {words}", issues=[issue])
