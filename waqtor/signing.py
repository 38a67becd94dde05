"""HMAC schemes: signed WebSocket handshakes, webhooks, and comparison in constant time. Stdlib only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache


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


def webhook_hex(secret: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of the raw body under the secret's own characters: ``X-Waqtor-Signature`` after ``sha256=``."""
    return _hmac(secret.encode(), body).hex()


@lru_cache(maxsize=1024)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def _hmac(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA256; the key is prepared once. ``hmac.digest`` lets go of the interpreter lock for every short text."""
    made = _keyed(key).copy()
    made.update(text)
    return made.digest()


def standard_key(secret: str) -> bytes:
    """The HMAC key of a Standard Webhooks secret.

    ``whsec_`` and base64 (padding optional) are the usual form. A secret without the prefix is taken for base64 when
    it is that and holds at least 16 bytes, as the reference libraries do; otherwise its characters are the key.

    Raises:
        ValueError: The secret is empty, or has the prefix and is not base64.
    """
    text = secret.removeprefix("whsec_")
    if not text:
        raise ValueError("A webhook secret must not be empty.")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if secret.startswith("whsec_"):
        if not key:
            raise ValueError("After whsec_ a webhook secret is base64.")
        return key
    return key if len(key) >= 16 else secret.encode()


def standard_signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One entry of ``webhook-signature``: ``v1,`` and base64 HMAC-SHA256 of ``id.timestamp.body``."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(_hmac(key, signed)).decode()


def new_webhook_secret() -> str:
    """A fresh secret of 32 random bytes in the Standard Webhooks form."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
