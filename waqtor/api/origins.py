"""Cross-origin requests: only pages from the allowed origins may read answers."""

from __future__ import annotations

_REQUEST_HEADERS = "X-API-Key, Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-ID"
_ANSWER_HEADERS = b"ETag, Retry-After, X-Request-ID"
_METHODS = "GET, POST, PUT, PATCH, DELETE"


class Origins:
    """The origins of ``ALLOWED_ORIGINS``, compared as the browser sends them (scheme, host, port)."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower().encode() for origin in allowed)

    def allows(self, origin: bytes | None) -> bool:
        """Whether pages of this origin may call; ``*`` in the setting allows every one."""
        return origin is not None and (origin.lower() in self._allowed or b"*" in self._allowed)

    def headers(self, origin: bytes | None) -> list[tuple[bytes, bytes]]:
        """What an answer carries for this origin (keys go in headers, so never credentials)."""
        if not self._allowed:
            return []
        vary = (b"vary", b"Origin")
        if origin is None or not self.allows(origin):
            return [vary]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _ANSWER_HEADERS),
            vary,
        ]

    def preflight(self, origin: bytes | None) -> dict[str, str] | None:
        """The answer's headers to a preflight; ``None`` when the origin is not allowed."""
        if not self.allows(origin):
            return None
        return {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": "600",
        }
