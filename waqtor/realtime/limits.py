"""How fast clients may talk: token buckets per address and per client, with a stop for those who go on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ADDRESS_REFILL_PER_S: Final = 1.0
ADDRESS_VIOLATIONS: Final = 5
CLIENT_VIOLATIONS: Final = 3
_MOST_ADDRESSES = 100_000


class TokenBucket:
    """Holds up to ``capacity`` tokens and gains ``refill`` per second."""

    def __init__(self, capacity: float, refill: float, now: float) -> None:
        self.capacity = capacity
        self.refill = refill
        self._tokens = capacity
        self._at = now

    def take(self, now: float) -> float:
        """Take a token; 0 when there was one, else the seconds until there is."""
        self._tokens = min(self.capacity, self._tokens + max(0.0, now - self._at) * self.refill)
        self._at = max(self._at, now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.refill

    def full(self, now: float) -> bool:
        """Whether it is as good as new."""
        return self._tokens + (now - self._at) * self.refill >= self.capacity


@dataclass(slots=True)
class Verdict:
    """What the limits say of a message.

    Attributes:
        frame: Empty when allowed, else the type of the frame to answer.
        retry_after: Milliseconds until a message is allowed again.
        close: Whether it was one violation too many.
    """

    frame: str = ""
    retry_after: int = 0
    close: bool = False


class AddressLimits:
    """One bucket per address, shared by its connections; forgotten when full again."""

    def __init__(self, burst: int, monotonic: Callable[[], float]) -> None:
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, address: str) -> float:
        """Take a token of the address; 0, or the seconds to wait."""
        now = self._monotonic()
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(self._burst, ADDRESS_REFILL_PER_S, now)
            while len(self._buckets) > _MOST_ADDRESSES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(address)
        return bucket.take(now)

    def forget(self) -> None:
        """Drop the buckets that are full."""
        now = self._monotonic()
        for address in [address for address, bucket in self._buckets.items() if bucket.full(now)]:
            del self._buckets[address]

    def __len__(self) -> int:
        return len(self._buckets)


class ClientLimits:
    """The limits of one connection: its own bucket and that of its address.

    Args:
        address: The address to charge as well.
        addresses: The shared buckets.
        per_second: Messages per second of this connection.
        monotonic: The clock, in seconds.
        exempt: Trusted: everything is allowed.
    """

    def __init__(
        self,
        address: str,
        addresses: AddressLimits,
        per_second: int,
        monotonic: Callable[[], float],
        *,
        exempt: bool = False,
    ) -> None:
        self._address = address
        self._addresses = addresses
        self._monotonic = monotonic
        self._bucket = TokenBucket(per_second, per_second, monotonic())
        self._exempt = exempt
        self._free = {"subscribe", "get_state"}
        self._client_row = 0
        self._address_row = 0

    def check(self, kind: str) -> Verdict:
        """Judge a message of this type; the first ``subscribe`` and ``get_state`` cost nothing."""
        if self._exempt:
            return Verdict()
        if kind in self._free:
            self._free.discard(kind)
            return Verdict()
        wait = self._bucket.take(self._monotonic())
        if wait:
            self._client_row += 1
            return Verdict("rate_limit_exceeded", _ms(wait), self._client_row >= CLIENT_VIOLATIONS)
        wait = self._addresses.take(self._address)
        if wait:
            self._address_row += 1
            return Verdict("rate_limit_warning", _ms(wait), self._address_row >= ADDRESS_VIOLATIONS)
        self._client_row = self._address_row = 0
        return Verdict()


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000 + 0.999))
