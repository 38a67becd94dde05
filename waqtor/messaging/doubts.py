"""Sends whose outcome is unknown: after the settling time the transport is asked; what it cannot say, a person decides.

An answer given too early proves nothing: a provider may say "unknown" and accept the message a moment later
(20 of 20 in a test). So a look-up happens only ``settle`` seconds after the last moment at which the call could
still have been accepted. A re-send carries the same message id.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import Protocol

import structlog

from waqtor.kernel.clock import Clock
from waqtor.messaging.ports import Lookup, Outcome, Pending, Transport

_log = structlog.get_logger(__name__)
_RETRY_S = (5.0, 15.0, 60.0, 300.0, 900.0)


class DoubtLedger(Protocol):
    """The part of the ledger that doubt needs."""

    async def unsettled(self, session: str) -> list[tuple[Pending, int]]:
        """Rows left in ``sending`` by an earlier run, with the time of their grant."""
        ...

    async def doubtful(self, session: str, limit: int = 1000) -> list[Pending]:
        """Rows in doubt."""
        ...

    async def settle(self, outcome: Outcome) -> None:
        """Commit an outcome."""
        ...

    async def is_open(self, message_id: str) -> bool:
        """Whether the send is still queued, sending or in doubt."""
        ...


class Resender(Protocol):
    """Who sends again what was proven not to have been accepted."""

    def offer(self, pending: Pending) -> None:
        """Queue it."""
        ...


class DoubtResolver:
    """Asks the transport about sends in doubt, at the right time, one by one.

    Args:
        timeout: Longest provider call, seconds: after a grant, the call may be accepted this much later.
        settle: Margin after that, seconds.
    """

    def __init__(
        self, session: str, ledger: DoubtLedger, transport: Transport, clock: Clock, sender: Resender,
        *, timeout: float, settle: float,
    ) -> None:  # fmt: skip
        self._session = session
        self._ledger = ledger
        self._transport = transport
        self._clock = clock
        self._sender = sender
        self._wait = timeout + settle
        self._settle = settle
        self._due: list[tuple[float, int, int, Pending]] = []
        self._count = 0
        self._new = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, pending: Pending, *, after: float | None = None, attempt: int = 0) -> None:
        """Ask about a send in ``after`` seconds (default: the settling time)."""
        self._count += 1
        at = self._clock.monotonic() + (self._settle if after is None else after)
        heapq.heappush(self._due, (at, self._count, attempt, pending))
        self._new.set()

    async def run(self) -> None:
        """Collect what an earlier run left, then ask as the times come."""
        now = self._clock.now_us()
        for pending, granted in await self._ledger.unsettled(self._session):
            self.add(pending, after=max(0.0, self._wait - (now - granted) / 1_000_000))
        for pending in await self._ledger.doubtful(self._session):
            self.add(pending)
        while True:
            self._new.clear()
            if not self._due:
                await self._new.wait()
                continue
            wait = self._due[0][0] - self._clock.monotonic()
            if wait > 0:
                sleep = asyncio.ensure_future(self._clock.sleep(wait))
                news = asyncio.ensure_future(self._new.wait())
                try:
                    await asyncio.wait({sleep, news}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    sleep.cancel()
                    news.cancel()
                continue
            _, _, attempt, pending = heapq.heappop(self._due)
            await self._ask(pending, attempt)

    async def _ask(self, pending: Pending, attempt: int) -> None:
        if not await self._ledger.is_open(pending.message_id):
            return  # a later status or a person has settled it meanwhile
        try:
            async with asyncio.timeout(10):
                found = await self._transport.lookup(pending.message_id)
        except Exception as error:
            _log.info("doubt.lookup_failed", message_id=pending.message_id, error=str(error))
            found = Lookup("unknown")
        whose, cause, number = (pending.message_id, self._session, pending.to), pending.cause, pending.attempt
        if found.state == "accepted":
            await self._ledger.settle(
                Outcome(*whose, "sent", provider_id=found.provider_id, cause=cause, correlation_id=pending.origin)
            )
        elif found.state == "absent":
            reason = "the provider never accepted it"
            await self._ledger.settle(
                Outcome(
                    *whose,
                    "requeue",
                    error_code="absent",
                    error_reason=reason,
                    cause=cause,
                    attempt=number,
                    correlation_id=pending.origin,
                )
            )
            self._sender.offer(pending)
        else:
            reason = "the provider cannot say whether it accepted it"
            await self._ledger.settle(
                Outcome(
                    *whose,
                    "in_doubt",
                    error_code="uncertain",
                    error_reason=reason,
                    cause=cause,
                    attempt=number,
                    correlation_id=pending.origin,
                )
            )
            self.add(pending, after=_RETRY_S[min(attempt, len(_RETRY_S) - 1)], attempt=attempt + 1)
