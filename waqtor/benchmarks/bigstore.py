"""A data folder as a busy shop has after a month: so many messages with decisions and replies, in store and log.

A small sample is written through the log's own code; both databases then multiply it by themselves, spread over the
last thirty days, since a million conversations event by event would take longer than what is measured on them.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import orjson

from waqtor.contracts.ids import ulid_floor
from waqtor.settings import Settings
from waqtor.storage.duck_file import DuckFile
from waqtor.storage.duck_sample import write_sample

DAYS = 30
SAMPLE = 20_000
_TEXTS = (
    ("ar", "متى يوصل طلبي؟ أنا في الرياض", "delivery_time", "answer", 0.93),
    ("en", "where is my order, it should be here", "order_track", "answer", 0.91),
    ("ar", "كم سعر التوصيل لجدة", "delivery_cost", "answer", 0.97),
    ("en", "can you gift wrap two of them", None, "silent", 0.31),
    ("arabizi", "wain talabi", "order_track", "answer", 0.84),
    ("en", "I want to talk to somebody", "human", "handoff", 0.99),
    ("ar", "عندكم مواقف عند الفرع", None, "silent", 0.22),
)
CHATS = 4000


def fill_log(path: Path, messages: int, epoch: str) -> None:
    """Write the traffic log; its reader stands at the beginning of the journal ``epoch``."""
    import duckdb

    base = min(messages, SAMPLE)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sample(path, base)
    copies = max(1, round(messages / base))
    with duckdb.connect(str(path)) as log:
        log.execute("SET preserve_insertion_order = true; SET memory_limit = '4GB'")
        ((first, last),) = log.execute(
            "SELECT epoch_us(min(created)), epoch_us(max(created)) FROM log.events"
        ).fetchall()
        step = DAYS * 86_400_000_000 / copies
        now = time.time_ns() // 1000
        for table in ("events", "messages", "decisions", "send_changes"):
            names = [row[0] for row in log.execute(f"DESCRIBE log.{table}").fetchall()]
            shown = ", ".join(_column(name) for name in names)
            log.execute(
                f"CREATE TABLE log.more AS SELECT {shown} FROM log.{table}, range({copies}) c(copy) ORDER BY created",
                {
                    "now": now, "first": first, "step": step, "span": max(1, last - first), "copies": copies,
                } if "$" in shown else None,
            )  # fmt: skip
            log.execute(f"DELETE FROM log.{table}; INSERT INTO log.{table} SELECT * FROM log.more; DROP TABLE log.more")
        log.execute("UPDATE meta.readers SET epoch = ?, journal_offset = 0", [epoch])
        log.execute("DELETE FROM log.quarters; DELETE FROM log.waits")
        log.execute("UPDATE meta.quarters SET counted = make_timestamptz(0)")
        log.execute("CHECKPOINT")
    file = DuckFile(path)
    file.open()
    while file.count():
        pass
    file.close()


def _column(name: str) -> str:
    if name in ("created", "occurred"):
        at = f"$now - ($copies - copy) * $step + (epoch_us({name}) - $first) / $span * $step"
        return f"make_timestamptz(CAST({at} AS BIGINT)) AS {name}"
    if name == "journal_offset":
        return "journal_offset + copy * 1000000 AS journal_offset"
    if name in ("id", "message_id", "trace_id", "correlation_id"):
        return f"{name} || '-' || copy AS {name}"
    return name


def fill_store(path: Path, messages: int, session: str) -> None:
    """Write messages, their texts, decisions and chats into a store that has its tables and no rows."""
    now = time.time_ns() // 1000
    begin, step = now - DAYS * 86_400_000_000, DAYS * 86_400_000_000 // messages
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA synchronous = OFF")
        for first in range(0, messages, 20_000):
            rows = [_row(n, begin + n * step, session) for n in range(first, min(messages, first + 20_000))]
            _insert(store, "messages", [row[0] for row in rows])
            _insert(store, "answers", [row[1] for row in rows])
            _insert(store, "payloads", [payload for row in rows for payload in row[2]])
        chats = [_chat(n, now, session) for n in range(CHATS)]
        _insert(store, "chats", chats)
    store.close()


def _row(n: int, at: int, session: str) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    language, text, rule, decision, confidence = _TEXTS[n % len(_TEXTS)]
    stamp = ulid_floor(at // 1000)
    message_id, trace_id = f"{stamp}{n:016d}", f"{stamp}{n:015d}T"
    chat = f"9665{n % CHATS:08d}"
    message = {
        "message_id": message_id, "session": session, "direction": "in", "chat_id": chat, "kind": "text",
        "state": "received", "provider_id": f"wamid.{n}", "priority": 5, "cause": "", "cause_id": "",
        "correlation_id": message_id, "is_group": 0, "attempt": 0, "created": at, "updated": at,
    }  # fmt: skip
    answer = {
        "message_id": message_id, "plugin": "smartbot", "session": session, "chat_id": chat, "parts": 0,
        "trace_id": trace_id, "decision": decision, "rule_id": rule, "confidence": confidence, "language": language,
        "reason": "confidence reaches the threshold", "revision": "bench", "created": at,
    }  # fmt: skip
    said = f"{text} {n}"
    trace = {"trace_id": trace_id, "text": said, "language": language, "decision": decision, "reason": answer["reason"]}
    payloads = [
        {
            "id": message_id,
            "data": orjson.dumps({"content": {"type": "text", "body": said}, "push_name": "Noura"}).decode(),
        },
        {"id": trace_id, "data": orjson.dumps({"trigger": said, "response": "…", "trace": trace}).decode()},
    ]
    return message, answer, payloads


def _chat(n: int, now: int, session: str) -> dict[str, Any]:
    return {
        "session": session, "chat_id": f"9665{n:08d}", "name": f"Noura {n}", "is_group": 0, "last_message_id": "",
        "last_direction": "in", "last_at": now - n * 1_000_000, "last_inbound_at": now - n * 1_000_000, "unread": n % 3,
    }  # fmt: skip


def _insert(store: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    line = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    store.executemany(line, [tuple(row.values()) for row in rows])


async def prepare(settings: Settings, messages: int) -> None:
    """Make a data folder with so many messages.

    Args:
        settings: Name the folder, which must be new, and the session.
        messages: Incoming messages.
    """
    from waqtor.storage.store import SqlStore

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = SqlStore.at("", settings.sqlite_path)
    await store.open()
    epoch = store.journal.epoch
    await store.close()
    fill_store(settings.sqlite_path, messages, settings.session)
    fill_log(settings.duckdb_file, messages, epoch)
