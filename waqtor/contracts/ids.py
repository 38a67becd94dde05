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
_LOW = (1 << 20) - 1


class UlidFactory(threading.local):
    """Makes monotonic ULIDs (48-bit milliseconds, 80-bit randomness, Crockford base 32).

    Within one thread ids sort in the order they were made, also inside one millisecond and when the wall clock
    steps back: the random part is then incremented. Threads draw their own randomness, so none waits for another.
    Format: https://github.com/ulid/spec.
    """

    def __init__(self) -> None:
        self._last_ms = -1
        self._high = 0
        self._low = 0
        self._prefix = ""

    def __call__(self, ms: int | None = None) -> str:
        """Return a new 26-character ULID, stamped ``ms`` (default: now)."""
        stamp = int(time.time() * 1000) if ms is None else ms
        if stamp > self._last_ms:
            # The low 20 bits count; the high 60 are encoded once per millisecond.
            random = int.from_bytes(os.urandom(10), "big") >> 1
            self._last_ms, self._high, self._low = stamp, random >> 20, random & _LOW >> 1
            self._prefix = _encode(stamp, 5) + _encode(self._high, 6)
        else:
            self._low += 1
            if self._low > _LOW:
                self._high, self._low = self._high + 1, 0
                self._prefix = self._prefix[:10] + _encode(self._high, 6)
        low = self._low
        return f"{self._prefix}{_PAIRS[low >> 10]}{_PAIRS[low & 1023]}"


def _encode(value: int, pairs: int) -> str:
    """``pairs`` × two characters of base 32, most significant first."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(10 * (pairs - 1), -1, -10)])


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


def ulid_floor(ms: int) -> str:
    """Return what sorts before every ULID made at ``ms`` or later, and after those made earlier."""
    return _encode(max(0, ms), 5)


def is_ulid(text: str) -> bool:
    """Tell whether ``text`` has the form of a ULID."""
    return len(text) == 26 and text[0] in "01234567" and all(c in _ALPHABET for c in text.upper())
