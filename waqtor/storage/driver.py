"""The port between the writer and a database, and the part of it that both databases share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import orjson
from sqlalchemy import Engine

from waqtor.contracts.events import Event
from waqtor.storage.transaction import Row, Tx, dump

JOURNAL_COLUMNS = "seq, id, type, version, created, session, correlation_id, dedup_key, lane, subject, data"
INSERT_EVENT = f"INSERT INTO journal ({JOURNAL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class ConnectionLost(Exception):
    """The database went away in the middle of a transaction; whether it committed is unknown."""


class Driver(Protocol):
    """The one write connection, and an engine for reading."""

    dialect: str
    exclusive: bool
    reader: Engine

    def open(self) -> None:
        """Connect and migrate."""
        ...

    def begin(self, now: int, owner: str) -> Tx:
        """Start a write transaction."""
        ...

    def next_offset(self, tx: Tx) -> int:
        """The offset of the next event; from here to the commit no other writer appends."""
        ...

    def commit(self) -> None:
        """Make it durable.

        Raises:
            ConnectionLost: The answer never came.
        """
        ...

    def committed(self) -> bool:
        """Whether the transaction whose commit ended in :class:`ConnectionLost` was committed after all."""
        ...

    def rollback(self) -> None:
        """Undo."""
        ...

    def reconnect(self) -> None:
        """Open the write connection anew after :class:`ConnectionLost`."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Whether the error means that the connection is gone."""
        ...

    def scrub(self) -> None:
        """Rewrite what deleted and changed rows have left behind in the files; any thread, while others work.

        Raises:
            Unavailable: Readers did not let go in time; try again.
        """
        ...

    def close(self) -> None:
        """Close everything."""
        ...


def append_events(driver: Driver, tx: Tx) -> list[Event]:
    """Insert the transaction's events last, in order, and return those that were new.

    Events whose ``dedup_key`` is known keep offset 0 and are left out.
    """
    if not tx.events:
        return []
    offset = driver.next_offset(tx)
    fresh = _without_duplicates(tx)
    rows: list[Sequence[Any]] = []
    for event in fresh:
        event.offset = offset
        if not event.created:
            event.created = tx.now
        rows.append(
            (
                offset, event.id, event.type, event.version, event.created, event.session, event.correlation_id,
                event.dedup_key, event.lane, event.subject, dump(event.data),
            )
        )  # fmt: skip
        offset += 1
    tx.many(INSERT_EVENT, rows)
    return fresh


def _without_duplicates(tx: Tx) -> list[Event]:
    keys = [event.dedup_key for event in tx.events if event.dedup_key is not None]
    if not keys:
        return tx.events
    known = {row[0] for row in tx.rows("SELECT dedup_key FROM journal WHERE dedup_key {in}", (tx.listed(keys),))}
    fresh: list[Event] = []
    for event in tx.events:
        if event.dedup_key is not None:
            if event.dedup_key in known:
                event.offset = 0
                continue
            known.add(event.dedup_key)
        fresh.append(event)
    return fresh


def event_of(row: Row) -> Event:
    """Make an event of a journal row (columns :data:`JOURNAL_COLUMNS`, then the payload or ``None``)."""
    return Event(
        offset=row[0], id=row[1], type=row[2], version=row[3], created=row[4], session=row[5],
        correlation_id=row[6], dedup_key=row[7], lane=row[8], subject=row[9], data=orjson.loads(row[10]),
        personal=orjson.loads(row[11]) if row[11] is not None else None,
    )  # fmt: skip
