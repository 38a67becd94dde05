"""WhatsApp's own limits, off unless switched on: messages per second, pair rate, the 24-hour window, text length."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from waqtor.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a send is refused; ``retry_after`` in seconds."""

    code: str
    reason: str = ""
    retry_after: float | None = None


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class Limits:
    """The limits in force; 0 switches one off.

    Attributes:
        rate: Messages per second and session, refused with 130429 above.
        pair_interval_s: Seconds per message to one user, refused with 131056 (the Cloud API: 6).
        pair_burst: Messages to one user that may be borrowed at once (the Cloud API: 45).
        window_s: Seconds after a user's last message in which free text is allowed, else 131047 (the Cloud API: 86400).
        max_text: Longest text, characters, refused with 100 above.
    """

    rate: float = 0.0
    pair_interval_s: float = 0.0
    pair_burst: int = 45
    window_s: float = 0.0
    max_text: int = 4096
    _rates: dict[str, _Bucket] = field(default_factory=dict)
    _pairs: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def configure(self, raw: Any) -> None:
        """Change some of the limits.

        Raises:
            InvalidInput: If a name is unknown or a value is no number; nothing is changed then.
        """
        names = {"rate", "pair_interval_s", "pair_burst", "window_s", "max_text"}
        if not isinstance(raw, dict) or set(raw) - names:
            raise InvalidInput(f"Limits are an object of {', '.join(sorted(names))}.")
        for name, value in raw.items():
            whole = name in ("pair_burst", "max_text")
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise InvalidInput(f"The limit '{name}' is a number.")
            if not math.isfinite(value) or value < (1 if name == "pair_burst" else 0):
                raise InvalidInput(f"The limit '{name}' is out of range.")
        for name, value in raw.items():
            setattr(self, name, value)
        self._rates.clear()
        self._pairs.clear()

    def check(
        self, session: str, to: str, content: dict[str, Any], now_us: int, last_inbound_us: int | None
    ) -> Refusal | None:
        """The refusal of a send, if any limit is passed; counts it otherwise."""
        if self.max_text and content.get("type") == "text":
            body = content.get("body")
            if isinstance(body, str) and len(body) > self.max_text:
                return Refusal("100", f"A text has at most {self.max_text} characters")
        if (
            self.window_s
            and content.get("type") != "template"
            and (last_inbound_us is None or now_us - last_inbound_us > self.window_s * 1_000_000)
        ):
            return Refusal("131047")
        now = now_us / 1_000_000
        if self.pair_interval_s:
            wait = _wait(self._pairs, (session, to), now, 1 / self.pair_interval_s, self.pair_burst)
            if wait:
                return Refusal("131056", retry_after=wait)
        if self.rate:
            wait = _wait(self._rates, session, now, self.rate, max(1.0, self.rate))
            if wait:
                return Refusal("130429", retry_after=wait)
        return None


def _wait(buckets: dict[Any, _Bucket], key: Any, now: float, rate: float, burst: float) -> float:
    """Take a token, or return the seconds until there is one."""
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = _Bucket(burst, now)
    bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate)
    bucket.at = now
    if bucket.tokens < 1:
        return (1 - bucket.tokens) / rate
    bucket.tokens -= 1
    return 0.0
