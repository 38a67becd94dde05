"""One write transaction on the driver, the same for SQLite and PostgreSQL.

Hot statements are plain text with ``?`` parameters, known to the driver's statement cache. ``{in}`` stands for
membership in a list given as the next parameter, ``{lock}`` at the end of a SELECT for keeping its rows to the
commit (SQLite has one writer and needs nothing).
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import orjson
import psycopg

from waqtor.contracts.events import Event
from waqtor.storage.setwise import SetStatements

Row = tuple[Any, ...]


class Tx(Protocol):
    """What a write function works with. It may run twice: it must hold its own checks."""

    now: int
    owner: str
    salt: int
    veil: Callable[[str], str]
    writes: int
    events: list[Event]

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        ...

    def one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """Run one statement and return its first row."""
        ...

    def hits(self, sql: str, items: Sequence[Sequence[Any]]) -> list[bool]:
        """Run an INSERT or UPDATE (without RETURNING) for each item; whether each changed a row, in order."""
        ...

    def many(self, sql: str, items: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each item, without results."""
        ...

    def listed(self, values: Iterable[str]) -> Any:
        """A parameter for ``{in}``."""
        ...

    def journal(self, event: Event) -> None:
        """Append an event; it gets its offset at the end of the group, in commit order."""
        ...


def unveiled(text: str) -> str:
    """The pseudonym of an address in a store that has no key: there is none.

    Raises:
        ValueError: Always.
    """
    raise ValueError("this store has no key for pseudonyms")


class SqliteTx:
    """A transaction on sqlite3."""

    def __init__(self, connection: sqlite3.Connection, now: int, owner: str) -> None:
        self._c = connection
        self.now = now
        self.owner = owner
        self.salt = 0
        self.veil: Callable[[str], str] = unveiled
        self.writes = 0
        self.events: list[Event] = []

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        self.writes += not sql.startswith("SELECT")
        return self._c.execute(for_sqlite(sql), params).fetchall()

    def one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """Run one statement and return its first row."""
        rows = self.rows(sql, params)
        return rows[0] if rows else None

    def hits(self, sql: str, items: Sequence[Sequence[Any]]) -> list[bool]:
        """Run a statement for each item and tell which changed a row.

        The row count is asked instead of RETURNING, which would more than double the time of a short UPDATE.
        """
        self.writes += 1
        execute, text = self._c.execute, for_sqlite(sql)
        return [execute(text, item).rowcount > 0 for item in items]

    def many(self, sql: str, items: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each item."""
        if items:
            self.writes += 1
            self._c.executemany(for_sqlite(sql), items)

    def listed(self, values: Iterable[str]) -> Any:
        """A JSON array for ``json_each``: one statement text for any length."""
        return orjson.dumps(list(values)).decode()

    def journal(self, event: Event) -> None:
        """Append an event."""
        self.events.append(event)


class PostgresTx:
    """A transaction on psycopg; ``hits`` and ``many`` are one statement where that is the same, else pipelined."""

    def __init__(self, connection: psycopg.Connection[Row], now: int, owner: str, sets: SetStatements) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._sets = sets
        self.now = now
        self.owner = owner
        self.salt = 0
        self.veil: Callable[[str], str] = unveiled
        self.writes = 0
        self.events: list[Event] = []

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        self.writes += not sql.startswith("SELECT")
        self._cursor.execute(for_postgres(sql), params)
        return self._cursor.fetchall() if self._cursor.description else []

    def one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """Run one statement and return its first row."""
        rows = self.rows(sql, params)
        return rows[0] if rows else None

    def hits(self, sql: str, items: Sequence[Sequence[Any]]) -> list[bool]:
        """Run a statement for each item, and tell which changed a row."""
        if not items:
            return []
        self.writes += 1
        changed = self._sets.hits(self._connection, sql, items)
        if changed is not None:
            return changed
        self._cursor.executemany(for_postgres(sql) + " RETURNING 1", items, returning=True)
        found: list[bool] = []
        while True:
            found.append(self._cursor.fetchone() is not None)
            if not self._cursor.nextset():
                return found

    def many(self, sql: str, items: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each item."""
        if items:
            self.writes += 1
            if self._sets.many(self._connection, sql, items):
                return
            self._cursor.executemany(for_postgres(sql), items)

    def listed(self, values: Iterable[str]) -> Any:
        """An array for ``ANY``."""
        return list(values)

    def journal(self, event: Event) -> None:
        """Append an event."""
        self.events.append(event)


def dump(value: Any) -> str:
    """JSON for a text column, also of what the fast encoder refuses: huge integers, deep nesting, lone surrogates."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()


def plain(text: str) -> str:
    """Free text for a text column: PostgreSQL refuses NUL, and half a surrogate pair is no character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def lane_of(tx: Tx, session: str, chat_id: str) -> int:
    """The lane (0-1023) of a chat: readers keep order within a lane.

    Ten bits of a salted checksum: enough to work in parallel, far too few to tell who the chat is with.
    """
    return zlib.crc32(f"{session}|{chat_id}".encode(), tx.salt) & 1023


@lru_cache(maxsize=512)
def for_sqlite(sql: str) -> str:
    """The text for sqlite3."""
    return sql.replace("{in}", "IN (SELECT value FROM json_each(?))").replace("{lock}", "")


@lru_cache(maxsize=512)
def for_postgres(sql: str) -> str:
    """The text for psycopg."""
    text = sql.replace("%", "%%").replace("{in}", "= ANY(?)").replace("{lock}", "FOR UPDATE")
    return text.replace("?", "%s")
