"""Taking a person out of the traffic log, and rewriting its file.

Rows stay, so that sums over the past stay true; what is personal in them becomes null. A DuckDB file keeps the old
values after DELETE, CHECKPOINT and VACUUM (measured); only a copy into a fresh file is without them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from waqtor.contracts.events import EVENTS
from waqtor.privacy.traces import Traces, blanked
from waqtor.storage.duck_schema import TABLES

MARK: Final = "erased:"
"""Begins the entries of ``meta.readers`` that say which erasures were done here."""
REWRITE: Final = ".rewrite"
"""Ends the name of the file that a rewrite fills."""
_NULL: Final[dict[str, tuple[str, ...]]] = {
    "messages": ("provider_id", "quoted", "sender", "chat_id", "push_name", "body", "content"),
    "send_changes": ("provider_id", "error_reason", "recipient"),
    "decisions": ("reason", "chat_id", "trigger", "response"),
}
_ADDRESS: Final = {
    "messages": "chat_id = $contact OR sender = $contact", "send_changes": "recipient = $contact",
    "decisions": "chat_id = $contact",
}  # fmt: skip
_WORDS: Final = (
    ("send_changes", "error_reason"), ("decisions", "reason"), ("messages", "body"), ("messages", "content"),
    ("decisions", "trigger"), ("decisions", "response"), ("problems", "error"),
)  # fmt: skip


def erase(connection: Any, erasure: str, ids: Sequence[str], traces: Traces | None, until: datetime) -> int:
    """Make what is personal in a person's rows null; returns the number of rows. To be run in a transaction.

    Args:
        connection: To the log, for writing.
        erasure: Its id, which becomes the chat key: as many customers wrote as before, and the key leads nowhere.
        ids: Of their messages, decisions, events and notifications.
        traces: Knows their number, when it is still known: rows of other people lose it too.
        until: Rows after this moment are a new person's, whatever their address.
    """
    import pyarrow

    connection.register("erased_ids", pyarrow.table({"id": pyarrow.array(list(ids), pyarrow.string())}))
    try:
        count = sum(_rows(connection, erasure, table, columns, traces, until) for table, columns in _NULL.items())
        _events(connection, traces)
        if traces is not None:
            for table, column in _WORDS:
                _words(connection, table, column, traces, until)
        return count
    finally:
        connection.unregister("erased_ids")


def _rows(
    connection: Any, erasure: str, table: str, columns: Sequence[str], traces: Traces | None, until: datetime
) -> int:
    where = "message_id IN (SELECT id FROM erased_ids)"
    values: dict[str, Any] = {"key": MARK + erasure}
    if table == "decisions":
        where += " OR trace_id IN (SELECT id FROM erased_ids)"
    if traces is not None:
        where += f" OR (({_ADDRESS[table]}) AND created < $until)"
        values |= {"contact": traces.contact, "until": until}
    sets = ", ".join(f"{column} = NULL" for column in columns)
    sets += ", chat_key = CASE WHEN chat_key IS NULL THEN NULL ELSE $key END"
    found = connection.execute(f"UPDATE log.{table} SET {sets} WHERE {where}", values).fetchall()
    return int(found[0][0])


def _events(connection: Any, traces: Traces | None) -> None:
    """The public data of the person's events: ids of the provider's, its words, notifications that name them."""
    offsets = " UNION ".join(
        f"SELECT journal_offset FROM log.{table} WHERE message_id IN (SELECT id FROM erased_ids)" for table in _NULL
    )
    wanted = f"id IN (SELECT id FROM erased_ids) OR journal_offset IN ({offsets})"
    # Readers that could not handle one of them quoted what went wrong.
    aside = f"type = 'reader.set-aside' AND CAST(json_extract(data, '$.offset') AS BIGINT) IN ({offsets})"
    rows = connection.execute(
        f"SELECT journal_offset, type, data FROM log.events WHERE {wanted} OR ({aside})"
    ).fetchall()
    rows = [(offset, _public(kind, data, traces)) for offset, kind, data in rows]
    if traces is not None:
        known = {offset for offset, _ in rows}
        others = connection.execute(
            "SELECT journal_offset, data FROM log.events WHERE contains(data, ?)", [traces.needle]
        ).fetchall()
        rows += [(offset, traces.redact(data)) for offset, data in others if offset not in known]
    _replace(connection, "events", "data", rows)
    connection.execute(f"UPDATE log.problems SET error = '' WHERE journal_offset IN ({offsets})").fetchall()


def _public(kind: str, text: str, traces: Traces | None) -> str:
    data = blanked(orjson.loads(text), traces)
    if kind.startswith("notification."):
        data = {**data, "title": "[erased]", "message": "[erased]", "link": None}
    personal = EVENTS[kind].personal if kind in EVENTS else ()
    return orjson.dumps({name: value for name, value in data.items() if name not in personal}).decode()


def _words(connection: Any, table: str, column: str, traces: Traces, until: datetime) -> None:
    rows = connection.execute(
        f"SELECT journal_offset, {column} FROM log.{table} WHERE contains({column}, ?) AND created < ?",
        [traces.needle, until],
    ).fetchall()
    clean = [(offset, traces.redact(text)) for offset, text in rows]
    _replace(connection, table, column, [pair for pair, (_, text) in zip(clean, rows, strict=True) if pair[1] != text])


def _replace(connection: Any, table: str, column: str, rows: Sequence[tuple[int, str]]) -> None:
    import pyarrow

    if not rows:
        return
    offsets, texts = zip(*rows, strict=True)
    batch = pyarrow.table(
        {"place": pyarrow.array(offsets, pyarrow.int64()), "words": pyarrow.array(texts, pyarrow.string())}
    )
    connection.register("replaced", batch)
    try:
        connection.execute(
            f"UPDATE log.{table} SET {column} = words FROM replaced WHERE {table}.journal_offset = replaced.place"
        ).fetchall()
    finally:
        connection.unregister("replaced")


def rewrite(path: Path, memory: str, done: Sequence[str]) -> None:
    """Copy the log into a fresh file and put that in its place; nobody may have the file open.

    A kill at any moment leaves the old file or the new one, whole; :func:`tidy` removes a half-made one.

    Args:
        path: The log.
        memory: DuckDB's memory limit.
        done: Erasures to be marked as done, in the new file alone.

    Raises:
        duckdb.Error: The file cannot be used, or the disk is full; the old one stays.
    """
    import duckdb

    fresh = path.with_name(path.name + REWRITE)
    tidy(path)
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": memory})
    try:
        connection.execute(f"SET temp_directory = '{_quoted(path.with_name(f'{path.name}.tmp'))}'")
        connection.execute(f"ATTACH '{_quoted(path)}' AS old")
        connection.execute(f"ATTACH '{_quoted(fresh)}' AS fresh")
        connection.execute("COPY FROM DATABASE old TO fresh")
        for table in TABLES:
            counts = [
                connection.execute(f"SELECT count(*) FROM {name}.log.{table.name}").fetchall()[0][0]
                for name in ("old", "fresh")
            ]
            if counts[0] != counts[1]:
                raise duckdb.InternalException(f"the copy of {table.name} is not whole: {counts}")
        for erasure in done:
            connection.execute(
                "UPDATE fresh.meta.readers SET journal_offset = 1 WHERE reader = ?", [MARK + erasure]
            ).fetchall()
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH fresh")
        connection.execute("DETACH old")
    except BaseException:
        connection.close()
        tidy(path)
        raise
    connection.close()
    _sync(fresh)
    os.replace(fresh, path)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # of the old file: it would be replayed into the new
    _sync(path.parent)


def tidy(path: Path) -> None:
    """Remove what a rewrite that was cut off left behind."""
    for end in (REWRITE, f"{REWRITE}.wal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
