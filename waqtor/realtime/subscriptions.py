"""Subscribing and unsubscribing: one operation of a connection at a time, in the order they were asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog

from waqtor.contracts.wire import Close, ErrorDetail, Since, Subscribe, Unsubscribe
from waqtor.kernel.clock import Clock
from waqtor.kernel.ports import Journal
from waqtor.realtime import frames
from waqtor.realtime.audience import Audience
from waqtor.realtime.connection import Connection
from waqtor.realtime.recovery import JournalTrimmed, Replayed, replay, unrecoverable
from waqtor.realtime.topics import Resolved, allowed_types, resolve

MAX_WAITING: Final = 16
"""Most operations of a connection that wait for a recovery to end."""

_log = structlog.get_logger(__name__)


class Subscriptions:
    """Who wants what.

    Args:
        journal: For recoveries.
        position: The offset up to which live events have been fanned out.
        clock: Time.
        limit: Most missed events per subscribe.
        most: Bytes that a socket certainly takes while it does not pause.
        refused: Called when names of a subscribe were refused.
    """

    def __init__(
        self,
        journal: Journal,
        position: Callable[[], int],
        clock: Clock,
        *,
        limit: int,
        most: int,
        refused: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._position = position
        self._clock = clock
        self._limit = limit
        self._most = most
        self._refused = refused
        self._by_types: dict[frozenset[str], Audience] = {}
        self.recoveries = 0
        self.recovered_events = 0

    def audiences(self) -> tuple[Audience, ...]:
        """The connections, grouped by the event types that they want."""
        return tuple(self._by_types.values())

    def wanted(self, event_type: str) -> bool:
        """Whether any connection wants events of this type."""
        return any(event_type in types for types in self._by_types)

    def counts(self) -> dict[str, int]:
        """Connections by event type."""
        found: Counter[str] = Counter()
        for types, members in self._by_types.items():
            for kind in types:
                found[kind] += len(members)
        return dict(sorted(found.items()))

    def preset(self, connection: Connection, names: Iterable[str]) -> None:
        """Subscribe a fresh connection to the names of its path, live from now."""
        self._live(connection, None, resolve(names, connection.principal), {})

    def submit(self, connection: Connection, frame: Subscribe | Unsubscribe) -> None:
        """Carry out an operation, at once where it needs nothing from the journal."""
        simple = isinstance(frame, Unsubscribe) or frame.since is None
        if simple and connection.operating is None:
            self._simply(connection, frame)
        elif len(connection.operations) >= MAX_WAITING:
            detail = ErrorDetail(code="rate_limited", message="Too many subscriptions wait for a recovery to end.")
            named = {"type": frame.type, "id": frame.id}
            connection.control(frames.error(detail, self._clock.now_us(), refused=named))
        else:
            connection.operations.append(frame)
            if connection.operating is None:
                connection.operating = asyncio.create_task(self._operate(connection), name=f"ws-sub-{connection.id}")

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        connection.operations.clear()
        self._set(connection, ())

    async def _operate(self, connection: Connection) -> None:
        try:
            while connection.operations and connection.closing is None:
                frame = connection.operations.popleft()
                if isinstance(frame, Subscribe) and frame.since is not None:
                    await self._recover(connection, frame, frame.since)
                else:
                    self._simply(connection, frame)
        except JournalTrimmed:
            connection.close(Close.INSUFFICIENT_STATE, "insufficient state: reconnect and recover")
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("ws.recovery_failed", connection=connection.id)
            connection.close(Close.INSUFFICIENT_STATE, "insufficient state: the recovery failed")
        finally:
            connection.operating = None

    def _simply(self, connection: Connection, frame: Subscribe | Unsubscribe) -> None:
        if isinstance(frame, Subscribe):
            sorted_names = resolve(frame.topics, connection.principal, connection.names)
            self._live(connection, frame.id, sorted_names, {})
            return
        gone = tuple(name for name in frame.topics or tuple(connection.names) if name in connection.names)
        self._set(connection, [name for name in connection.names if name not in gone])
        data = {"removed": gone, "topics": tuple(connection.names)}
        connection.control(frames.control("unsubscribed", data, self._clock.now_us(), id=frame.id))

    def _live(self, connection: Connection, id: str | None, names: Resolved, more: dict[str, Any]) -> None:
        """Answer and go live, in one step: everything after the answer's offset will come."""
        connection.delivered = max(connection.delivered, self._position())
        self._answer(connection, id, names, {"offset": self._position(), **more})
        self._set(connection, [*connection.names, *names.granted])

    def _answer(self, connection: Connection, id: str | None, names: Resolved, more: dict[str, Any]) -> None:
        data = {
            "topics": names.granted,
            "refused": names.refused,
            "all": tuple(dict.fromkeys([*connection.names, *names.granted])),
            "epoch": self._journal.epoch,
            **more,
        }
        if names.refused:
            self._refused()
        connection.control(frames.control("subscribed", data, self._clock.now_us(), id=id))

    async def _recover(self, connection: Connection, frame: Subscribe, since: Since) -> None:
        names = resolve(frame.topics, connection.principal, connection.names)
        why = await unrecoverable(self._journal, since, self._position())
        if why:
            self._live(connection, frame.id, names, {"recovered": False, "reason": why})
            return
        kept = [name for name in connection.names if name not in names.granted]
        connection.replaying = True
        try:
            self._answer(connection, frame.id, names, {"recovered": True, "offset": since.offset})
            self._set(connection, kept)
            wanted = allowed_types(names.granted, connection.principal)
            if wanted:
                done = await replay(self._journal, connection, since, wanted, self._position, self._limit)
            else:
                done = Replayed(0, self._position(), False)
            self.recoveries += 1
            self.recovered_events += done.count
            data = {"count": done.count, "offset": done.offset, "more": done.more, "epoch": self._journal.epoch}
            connection.control(frames.control("recovered", data, self._clock.now_us(), id=frame.id))
            connection.delivered = max(connection.delivered, done.offset, self._position())
            if not done.more and connection.closing is None:
                self._set(connection, [*kept, *names.granted])
        finally:
            connection.replaying = False

    def _set(self, connection: Connection, names: Iterable[str]) -> None:
        connection.names = dict.fromkeys(names)
        before, after = connection.types, allowed_types(connection.names, connection.principal)
        if before == after:
            return
        if before:
            audience = self._by_types[before]
            audience.remove(connection)
            if not audience:
                del self._by_types[before]
        if after:
            if after not in self._by_types:
                self._by_types[after] = Audience(after, self._position, self._most)
            self._by_types[after].add(connection)
        connection.types = after
