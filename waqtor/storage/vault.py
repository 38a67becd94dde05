"""Encryption of secrets at rest, with a key from the settings or from a file that only its owner may read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from waqtor.errors import ConfigurationError

_MARK = "v1:"

PSEUDONYM = "p:"
"""What every pseudonym begins with; no address does."""


def pseudonym_of(key: bytes, text: str) -> str:
    """The pseudonym of an address: the same for the same key and text, of no use without the key.

    HMAC-SHA256, 160 bits of it.
    """
    return PSEUDONYM + hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:40]


class Vault:
    """Seals texts with AES-256-GCM; each is bound to the place where it is stored.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._names = hmac.new(key, b"waqtor pseudonyms", hashlib.sha256).digest()

    def pseudonym(self, text: str) -> str:
        """The pseudonym of an address under this vault's key."""
        return pseudonym_of(self._names, text)

    @classmethod
    def of(cls, secret: str, file: Path) -> Vault:
        """The vault of a ``secret`` from the settings; without one, of the key in ``file``, made at first use.

        Raises:
            ConfigurationError: The file can be read by others, or is no key.
        """
        if secret:
            return cls(hashlib.scrypt(secret.encode(), salt=b"waqtor vault", n=2**14, r=8, p=1, dklen=32))
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as out:
                out.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
                out.flush()
                os.fsync(out.fileno())
        if file.stat().st_mode & 0o077:
            raise ConfigurationError(f"{file.name} can be read by others; make it private: chmod 600.")
        try:
            key = base64.b64decode(file.read_text().strip(), validate=True)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise ConfigurationError(f"{file.name} does not hold a key of 32 bytes in base64.")
        return cls(key)

    def seal(self, text: str, place: str) -> str:
        """Encrypt a text for a place (such as ``webhook:<id>``)."""
        nonce = secrets.token_bytes(12)
        sealed = self._cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), place.encode())
        return _MARK + base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, place: str) -> str:
        """Decrypt what :meth:`seal` made for the same place.

        Raises:
            ConfigurationError: It was sealed with another key, for another place, or was changed.
        """
        try:
            raw = base64.b64decode(sealed.removeprefix(_MARK), validate=True)
            return self._cipher.decrypt(raw[:12], raw[12:], place.encode()).decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                "A stored secret cannot be decrypted: WAQTOR_SECRET_KEY or secret.key is not what it was sealed with."
            ) from None
