"""Identifiers: ULIDs made here, and names for the strings that flow through the system."""

from __future__ import annotations

import os
import threading
import time
from typing import NewType

SessionName = NewType("SessionName", str)
MessageId = NewType("MessageId", str)
ChatId = NewType("ChatId", str)
RuleId = NewType("RuleId", str)

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_MAX_RANDOM = (1 << 80) - 1


class UlidFactory:
    """Makes monotonic ULIDs (48-bit milliseconds, 80-bit randomness, Crockford base 32).

    Within one process ids sort in the order they were made, also inside one millisecond and
    when the wall clock steps back: the random part is then incremented.
    Format: https://github.com/ulid/spec.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = -1
        self._random = 0

    def __call__(self, ms: int | None = None) -> str:
        """Return a new 26-character ULID, stamped ``ms`` (default: now)."""
        stamp = int(time.time() * 1000) if ms is None else ms
        with self._lock:
            if stamp > self._last_ms:
                self._last_ms = stamp
                self._random = int.from_bytes(os.urandom(10), "big") >> 1
            else:
                self._random = (self._random + 1) & _MAX_RANDOM
            value = (self._last_ms << 80) | self._random
        return _encode(value)


def _encode(value: int) -> str:
    parts = [""] * 13
    for i in range(12, -1, -1):
        parts[i] = _PAIRS[value & 1023]
        value >>= 10
    return "".join(parts)


new_ulid = UlidFactory()


def ulid_ms(ulid: str) -> int:
    """Return the millisecond timestamp inside a ULID.

    Raises:
        ValueError: If ``ulid`` is not a ULID.
    """
    if not is_ulid(ulid):
        raise ValueError(f"not a ULID: {ulid!r}")
    value = 0
    for char in ulid[:10].upper():
        value = value * 32 + _ALPHABET.index(char)
    return value


def is_ulid(text: str) -> bool:
    """Tell whether ``text`` has the form of a ULID."""
    return len(text) == 26 and text[0] in "01234567" and all(c in _ALPHABET for c in text.upper())
