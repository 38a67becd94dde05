"""What people give with a command, checked: a secret, a time."""

from __future__ import annotations

from datetime import datetime

from waqtor.errors import InvalidInput
from waqtor.signing import new_webhook_secret, standard_key


def secret_of(given: str | None) -> str:
    """The secret that was given, or a new one.

    Raises:
        InvalidInput: It has the form of Standard Webhooks and not its length, or cannot be a key.
    """
    if not given:
        return new_webhook_secret()
    try:
        key = standard_key(given)
    except ValueError as error:
        raise InvalidInput(f"secret: {error}") from None
    if given.startswith("whsec_") and not 24 <= len(key) <= 64:
        raise InvalidInput("secret: after whsec_ it must be base64 of 24 to 64 bytes.")
    return given


def moment_of(field: str, text: str) -> int:
    """An ISO-8601 time as UTC microseconds.

    Raises:
        InvalidInput: It is none, or names no zone.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field}: is not an ISO-8601 time") from None
    if when.tzinfo is None:
        raise InvalidInput(f"{field}: needs a time zone, such as Z")
    return int(when.timestamp() * 1_000_000)
