"""HMAC schemes: signed WebSocket handshakes, and comparison in constant time. Stdlib only."""

from __future__ import annotations

import hashlib
import hmac


def handshake_signature(signing_secret: str, api_key: str, ts_ms: int, address: str) -> str:
    """Hex HMAC-SHA256 of ``apiKey + ts + address`` under the key's signing secret (docs/protocol.md, handshake)."""
    text = f"{api_key}{ts_ms}{address}".encode()
    return hmac.new(signing_secret.encode(), text, hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def digest(token: str) -> str:
    """SHA-256 of a high-entropy token, hex: how keys and tickets are stored."""
    return hashlib.sha256(token.encode()).hexdigest()
