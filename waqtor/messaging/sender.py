"""The sender of one session: grant, call, settle — two commits a send, never twice, never silently skipped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from waqtor.backoff import retry_delay
from waqtor.errors import SendRefused, SendUncertain
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.pacing import TokenBucket
from waqtor.messaging.ports import CAMPAIGN, Ledger, Outcome, Outgoing, Pending, Transport
from waqtor.messaging.sendqueue import SendQueue

_log = structlog.get_logger(__name__)
_NUMBER = frozenset({"130429", "80007", "4"})


@dataclass(frozen=True, slots=True)
class SenderConfig:
    """How a sender works; times in seconds."""

    rate: float = 80.0
    concurrency: int = 64
    timeout: float = 20.0
    max_attempts: int = 5
    poll: float = 1.0


class Lease(Protocol):
    """Whether this engine may send for the session now."""

    @property
    def held(self) -> bool:
        """True while the lease is certainly ours."""
        ...


class Sender:
    """Takes queued sends of one session to its transport.

    Args:
        ready: Whether the session can send now (its transport is connected).
        on_doubt: Told of sends whose outcome is unknown.
        on_hold: Told of a refusal that stops the number's campaigns (:attr:`SendRefused.hold`).
    """

    def __init__(
        self,
        session: str,
        ledger: Ledger,
        transport: Transport,
        clock: Clock,
        telemetry: Telemetry,
        config: SenderConfig,
        *,
        lease: Lease,
        on_doubt: Callable[[Pending], None],
        on_hold: Callable[[SendRefused], None] | None = None,
        shared_store: bool = False,
    ) -> None:
        self.session = session
        self._ledger = ledger
        self._transport = transport
        self._clock = clock
        self._telemetry = telemetry
        self._config = config
        self._lease = lease
        self._on_doubt = on_doubt
        self._on_hold = on_hold
        self._shared = shared_store
        self._connected = asyncio.Event()
        self._stopping = False
        self.queue = SendQueue(clock)
        self.bucket = TokenBucket(clock, config.rate)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._gauge = telemetry.queued.labels(session)
        self._sent = telemetry.sends.labels(session, "sent")
        self._seconds = telemetry.send_seconds.labels(session)

    def set_connected(self, connected: bool) -> None:
        """Let sends out, or hold them all (nothing is attempted, no attempt is counted)."""
        if connected:
            self._connected.set()
        else:
            self._connected.clear()

    def offer(self, pending: Pending) -> None:
        """Take a send that was just queued."""
        self.queue.offer(pending)

    async def run(self) -> None:
        """Load what waits in the database, then work until cancelled; may be run again afterwards."""
        self._stopping = False
        self.queue.ripen()
        await self._load()
        workers = [asyncio.create_task(self._work()) for _ in range(self._config.concurrency)]
        try:
            while True:
                await asyncio.sleep(self._config.poll)
                self._gauge.set(len(self.queue))
                if (self.queue.overflowed or self._shared) and self.queue.has_room:
                    await self._load()
        finally:
            self._stopping = True
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self.queue.close()

    async def drain(self, timeout: float) -> None:
        """Stop taking sends and wait for the calls in flight."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._idle.wait()

    async def _load(self) -> None:
        self.queue.overflowed = False
        after = ""
        while not self.queue.overflowed:
            page = await self._ledger.queue(self.session, after, 1000)
            for pending in page:
                self.queue.offer(pending)
            if len(page) < 1000:
                return
            after = f"{page[-1].priority}|{page[-1].message_id}"

    async def _work(self) -> None:
        while not self._stopping:
            await self.queue.wait()
            await self._connected.wait()
            await self.bucket.take()
            if not self._connected.is_set():  # the connection went while this worker waited for its token
                self.bucket.give_back()
                continue
            if not self._lease.held:
                self.bucket.give_back()
                await asyncio.sleep(0.1)
                continue
            pending = self.queue.take()
            if pending is None or self._stopping:
                self.bucket.give_back()
                if pending is not None:
                    self.queue.done(pending)
                continue
            self._in_flight += 1
            self._idle.clear()
            again: int | None = None
            try:
                again = await self._send(pending)
            except Exception:
                # The row keeps its state: what still waits is loaded again, what was granted is asked about.
                _log.exception("sender.failed", message_id=pending.message_id)
                self.queue.overflowed = True
                self._on_doubt(pending)
            finally:
                self._in_flight -= 1
                if not self._in_flight:
                    self._idle.set()
                self.queue.done(pending, again_at=again)

    async def _send(self, pending: Pending) -> int | None:
        """One send; returns when to try again (UTC µs), or ``None`` when it is settled."""
        granted = await self._ledger.grant(pending)
        if granted.state == "held":  # another attempt was made that this copy knew nothing of
            pending.attempt = granted.attempt
            return self._clock.now_us()
        if granted.state != "go":
            self._telemetry.sends.labels(self.session, granted.state).inc()
            return None
        pending.attempt += 1
        if not self._lease.held:
            # The commit took so long that another engine may be at it: nothing was sent, and nothing will be.
            await self._settle(pending, "requeue", "lease_lost", "this engine lost the session before the call")
            return self._clock.now_us()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._config.timeout):
                provider_id = await self._transport.send(_outgoing(pending))
        except SendRefused as error:
            return await self._refused(pending, error)
        except (SendUncertain, TimeoutError) as error:
            await self._doubt(pending, str(error) or "no answer in time")
            return None
        except Exception as error:
            # A fault of the transport proves nothing about the message.
            _log.exception("sender.transport_failed", message_id=pending.message_id)
            await self._doubt(pending, f"{type(error).__name__} in the transport")
            return None
        self._seconds.observe(time.perf_counter() - started)
        self._sent.inc()
        await self._ledger.settle(
            Outcome(
                pending.message_id,
                self.session,
                pending.to,
                "sent",
                provider_id=provider_id,
                cause=pending.cause,
                correlation_id=pending.origin,
            )
        )
        return None

    async def _refused(self, pending: Pending, error: SendRefused) -> int | None:
        again: int | None = None
        if error.hold and pending.priority >= CAMPAIGN and self._on_hold is not None:
            # Every further send would be refused the same way: this one waits in the ledger, with its campaign.
            self.bucket.hold(0.25)
            self._on_hold(error)
            await self._settle(pending, "requeue", error.error_code, error.message)
            return None
        retry = error.retryable and pending.attempt < self._config.max_attempts
        if retry:
            wait = error.retry_after if error.retry_after is not None else retry_delay(pending.attempt)
            # 131056 is about one recipient; other refusals of a campaign's sends concern the number.
            if error.error_code in _NUMBER or (pending.priority >= CAMPAIGN and error.error_code != "131056"):
                self.bucket.hold(min(wait, 60.0))
            again = self._clock.now_us() + int(wait * 1_000_000)
        self._telemetry.sends.labels(self.session, "requeued" if retry else "failed").inc()
        await self._settle(
            pending, "requeue" if retry else "failed", error.error_code, error.message, error.retryable, again
        )
        return again

    async def _doubt(self, pending: Pending, reason: str) -> None:
        self._telemetry.sends.labels(self.session, "in_doubt").inc()
        await self._settle(pending, "in_doubt", "uncertain", reason)
        self._on_doubt(pending)

    async def _settle(
        self, pending: Pending, state: Literal["failed", "requeue", "in_doubt"], code: str, reason: str,
        retryable: bool = False, due_at: int | None = None,
    ) -> None:  # fmt: skip
        await self._ledger.settle(
            Outcome(
                pending.message_id, self.session, pending.to, state, error_code=code, error_reason=reason,
                retryable=retryable, due_at=due_at, cause=pending.cause, attempt=pending.attempt,
                correlation_id=pending.origin,
            )
        )  # fmt: skip


def _outgoing(pending: Pending) -> Outgoing:
    return Outgoing(pending.message_id, pending.session, pending.to, pending.content, pending.quoted_provider_id)
