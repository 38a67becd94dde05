"""Where the server is and which key opens it."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from waqtor.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Access:
    """The base address of the server (no trailing slash) and the key."""

    url: str
    api_key: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry the key."""
        return {"X-API-Key": self.api_key} if self.api_key else {}

    @property
    def socket_url(self) -> str:
        """The address of the WebSocket, batches asked for."""
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return urlunsplit((scheme, parts.netloc, f"{parts.path}/ws", "batch=1", ""))


def find_access(api_url: str | None, api_key: str | None) -> Access:
    """Complete what was not given: ``WAQTOR_API_URL``, ``WAQTOR_API_KEY``, then the local key file.

    Raises:
        ConfigurationError: An address that is none, settings that do not hold, or a key file others may read.
    """
    if api_url is None or api_key is None:
        from waqtor.settings import Settings

        try:
            settings = Settings()
        except ValueError as error:
            raise ConfigurationError(f"The settings do not hold: {error}") from None
        api_url = api_url if api_url is not None else settings.api_url
        if api_key is None and settings.api_key is not None:
            api_key = settings.api_key.get_secret_value()
        if api_key is None and _is_local(api_url) and settings.key_file.is_file():
            if settings.key_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(f"Others may read {settings.key_file}. Run: chmod 600 {settings.key_file}")
            api_key = settings.key_file.read_text(encoding="utf-8").strip() or None
    parts = urlsplit(api_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"Not an http:// or https:// address: {api_url!r}")
    if api_key is not None and (not api_key.isascii() or not api_key.isprintable()):
        raise ConfigurationError("The API key holds characters that no key has.")
    path = parts.path.rstrip("/")
    for suffix in ("/api/v1", "/api"):
        path = path.removesuffix(suffix)
    return Access(urlunsplit((parts.scheme, parts.netloc, path, "", "")), api_key or None)


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
