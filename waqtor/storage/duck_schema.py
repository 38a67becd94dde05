"""The traffic log's tables: columns with their meaning, views, and forward migrations.

Raw tables live in the schema ``log`` and the technical ones (cursor, schema version, salt) in ``meta``; what people
query are the views of the same names in ``main``. Columns marked *personal* hold texts and addresses: they are null
for readers without the ``analytics:texts`` scope. Imports nothing heavy; the connection is handed in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from waqtor.errors import ConfigurationError
from waqtor.storage import duck_quarters

SCHEMA_VERSION = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its DuckDB type, what it means, and whether it holds texts or addresses."""

    name: str
    type: str
    doc: str
    personal: bool = False

    @property
    def stored(self) -> str:
        """Type in the raw table: JSON is kept as text there (the Appender is a quarter faster) and cast in the view."""
        return "VARCHAR" if self.type == "JSON" else self.type

    @property
    def shown(self) -> str:
        """Expression of the view."""
        return f"TRY_CAST({self.name} AS JSON) AS {self.name}" if self.type == "JSON" else self.name

    @property
    def hidden(self) -> str:
        """Expression of the view for readers who may not see texts."""
        return f"CAST(NULL AS {self.type}) AS {self.name}" if self.personal else self.shown


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table and its documentation."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    since: int = 1
    """The schema version that brought it."""

    def create(self) -> str:
        """The DDL of the raw table."""
        return f"CREATE TABLE log.{self.name} ({', '.join(f'{c.name} {c.stored}' for c in self.columns)})"


_OFFSET = Column("journal_offset", "BIGINT", "Place in the journal; unique, growing, gaps are legal.")
_CREATED = Column("created", "TIMESTAMPTZ", "When it was journaled (UTC, microseconds).")
_SESSION = Column("session", "VARCHAR", "The WhatsApp session (number); empty for the engine itself.")
_MESSAGE = Column("message_id", "VARCHAR", "Our lasting id of the message.")
_PROVIDER = Column("provider_id", "VARCHAR", "The provider's id of the message.")
_CHAT_KEY = Column("chat_key", "VARCHAR", "Keyed hash of the chat: the same chat has the same key; not reversible.")
_OCCURRED = Column("occurred", "TIMESTAMPTZ", "When it happened, by the provider's clock.")

TABLES: tuple[Table, ...] = (
    Table(
        "events",
        "Every journaled event, one row each.",
        (
            _OFFSET,
            Column("id", "VARCHAR", "ULID of the event."),
            Column("type", "VARCHAR", "Name of the event, for example message.received."),
            Column("version", "INTEGER", "Version of the data's shape."),
            _SESSION,
            _CREATED,
            Column("correlation_id", "VARCHAR", "Id of what set things going."),
            Column("data", "JSON", "The public fields; texts and addresses are never in it."),
        ),
    ),
    Table(
        "messages",
        "Every incoming message, one row per message.received.",
        (
            _OFFSET,
            _MESSAGE,
            _PROVIDER,
            _SESSION,
            _CREATED,
            _OCCURRED,
            Column("type", "VARCHAR", "text, image, location, choice, …"),
            Column("is_group", "BOOLEAN", "Whether it was written in a group."),
            Column("mentioned", "BOOLEAN", "Whether the bot was addressed in the group."),
            Column("media", "BOOLEAN", "Whether a file came with it."),
            Column("quoted", "VARCHAR", "Id of the message it answers."),
            Column("choice_id", "VARCHAR", "Id of the pressed button or chosen row."),
            Column("length", "INTEGER", "Characters of the text."),
            _CHAT_KEY,
            Column("sender", "VARCHAR", "Who wrote it (canonical address).", personal=True),
            Column("chat_id", "VARCHAR", "The chat (canonical address).", personal=True),
            Column("push_name", "VARCHAR", "The name the sender shows.", personal=True),
            Column("body", "VARCHAR", "The text a person would read; null once erased.", personal=True),
            Column("content", "JSON", "The whole content as it came.", personal=True),
        ),
    ),
    Table(
        "send_changes",
        "Every step of every outgoing message: sent, delivered, read, failed, skipped, in_doubt.",
        (
            _OFFSET,
            _MESSAGE,
            _PROVIDER,
            _SESSION,
            _CREATED,
            _OCCURRED,
            Column("status", "VARCHAR", "sent, delivered, read, failed, skipped or in_doubt."),
            Column("cause", "VARCHAR", "api, reply, campaign or phone."),
            Column("correlation_id", "VARCHAR", "Id of what set the send going."),
            Column("error_code", "VARCHAR", "The provider's code, when it failed."),
            Column("error_reason", "VARCHAR", "Why it failed, in words."),
            Column("retryable", "BOOLEAN", "Whether trying again can help."),
            _CHAT_KEY,
            Column("recipient", "VARCHAR", "To whom it goes (canonical address).", personal=True),
        ),
    ),
    Table(
        "decisions",
        "What the bot decided on a message: answered, asked back, handed over or stayed silent.",
        (
            _OFFSET,
            _MESSAGE,
            _SESSION,
            _CREATED,
            Column("trace_id", "VARCHAR", "Opens the eight steps of the decision."),
            Column("decision", "VARCHAR", "answer, clarify, handoff, silent, opt_out or opt_in."),
            Column("rule_id", "VARCHAR", "The rule that answered; null when none did."),
            Column("confidence", "DOUBLE", "Probability of being right, of the answer or of the nearest rule."),
            Column("language", "VARCHAR", "ar, en, arabizi or other."),
            Column("stage", "VARCHAR", "What found the rule: exact, keyword, pattern, semantic, …"),
            Column("reason", "VARCHAR", "Why there was no answer."),
            Column("revision", "VARCHAR", "Revision of the rules that decided."),
            Column("nearest_rule", "VARCHAR", "The first candidate, also when it did not answer."),
            Column("candidates", "JSON", "The rules considered: [{rule_id, confidence}]."),
            _CHAT_KEY,
            Column("chat_id", "VARCHAR", "The chat (canonical address).", personal=True),
            Column("trigger", "VARCHAR", "The text that was judged.", personal=True),
            Column("response", "VARCHAR", "The first part of the answer.", personal=True),
        ),
    ),
    Table(
        "http_requests",
        "HTTP requests without bodies or secrets; above 1,000 a second they are exact sums per second.",
        (
            _CREATED,
            _SESSION,
            Column("method", "VARCHAR", "GET, POST, …"),
            Column("route", "VARCHAR", "The route's template, never the address with its values."),
            Column("status", "INTEGER", "HTTP status."),
            Column("key_id", "VARCHAR", "Id of the API key (not the key)."),
            Column("requests", "BIGINT", "How many requests the row stands for."),
            Column("duration_ms", "DOUBLE", "Sum of their durations."),
            Column("bytes_out", "BIGINT", "Sum of the answers' sizes."),
        ),
    ),
    Table(
        "ws_frames",
        "WebSocket frames without bodies: a row for those of a type that left together, above 1,000 a second a sum.",
        (
            _CREATED,
            _SESSION,
            Column("direction", "VARCHAR", "in or out."),
            Column("type", "VARCHAR", "Type of the frame."),
            Column("frames", "BIGINT", "How many frames the row stands for."),
            Column("bytes", "BIGINT", "Sum of their texts' sizes, before compression."),
        ),
    ),
    Table(
        "gaps",
        "Stretches of the journal that were trimmed before the log had read them.",
        (
            _CREATED,
            _SESSION,
            Column("first_offset", "BIGINT", "First offset that may be missing."),
            Column("last_offset", "BIGINT", "Last offset that may be missing."),
            Column("reason", "VARCHAR", "How it came about."),
        ),
    ),
    Table(
        "problems",
        "Events that could not be written as they were; their row in events holds what could be saved.",
        (
            _OFFSET,
            _SESSION,
            _CREATED,
            Column("type", "VARCHAR", "Type of the event."),
            Column("error", "VARCHAR", "What was wrong."),
        ),
    ),
    Table(
        "metrics",
        "Snapshots of the metrics (every WAQTOR_METRICS_INTERVAL_S seconds), one number a row.",
        (
            Column("created", "TIMESTAMPTZ", "When the snapshot was taken."),
            Column("session", "VARCHAR", "The session the number is about; empty for the whole engine."),
            Column("started", "TIMESTAMPTZ", "When the process began; counters count from there."),
            Column("seconds", "DOUBLE", "Time since the snapshot before, or since the start."),
            Column("name", "VARCHAR", "The metric, as in /metrics (docs/metrics.md)."),
            Column("labels", "JSON", "Its labels; quantiles have quantile among them."),
            Column("kind", "VARCHAR", "counter, gauge or quantile (of what was observed in these seconds)."),
            Column("value", "DOUBLE", "The number; of a counter, since the process began."),
            Column("added", "DOUBLE", "Increase of a counter in these seconds; adds up over restarts. Else null."),
        ),
        since=2,
    ),
    Table(
        "quarters",
        "Counts per quarter of an hour, for questions about long spans: add up n.",
        (
            Column("created", "TIMESTAMPTZ", "Start of the quarter hour."),
            _SESSION,
            Column("kind", "VARCHAR", "message (incoming), decision, or send (a step of an outgoing message)."),
            Column("name", "VARCHAR", "Of a decision: which; of a send: the status. Else null."),
            Column("rule_id", "VARCHAR", "Of a decision: the rule that answered; null when none did."),
            Column("language", "VARCHAR", "Of a decision: ar, en, arabizi or other."),
            Column("cause", "VARCHAR", "Of a send: api, reply, campaign or phone."),
            Column("n", "BIGINT", "How many."),
            Column("rated", "BIGINT", "How many of them have a confidence."),
            Column("confidence", "DOUBLE", "Sum of the confidences."),
            Column("least", "DOUBLE", "The smallest confidence."),
        ),
        since=3,
    ),
    Table(
        "waits",
        "How long customers waited: one row per reply that left within a day of the message before it in its chat.",
        (
            Column("created", "TIMESTAMPTZ", "When the reply was journaled as sent."),
            _SESSION,
            Column("ms", "DOUBLE", "Milliseconds since the message was journaled."),
        ),
        since=3,
    ),
)
"""All raw tables of the schema ``log``."""

_SENDS = """
SELECT message_id,
       arg_max(provider_id, journal_offset) AS provider_id,
       any_value(session) AS session,
       arg_max(status, journal_offset) AS status,
       any_value(cause) AS cause,
       any_value(correlation_id) AS correlation_id,
       min(created) AS created,
       max(created) AS updated,
       min(occurred) FILTER (status = 'sent') AS sent_at,
       min(occurred) FILTER (status = 'delivered') AS delivered_at,
       min(occurred) FILTER (status = 'read') AS read_at,
       arg_max(error_code, journal_offset) AS error_code,
       arg_max(error_reason, journal_offset) AS error_reason,
       any_value(chat_key) AS chat_key,
       any_value(recipient) AS recipient
FROM ({source}) GROUP BY message_id
"""
VIEWS: tuple[str, ...] = (*(table.name for table in TABLES), "sends", "columns")
"""The names people may query."""


def arrow_schema(table: str) -> Any:
    """The Arrow schema of a raw table, column for column."""
    import pyarrow

    types = {
        "BIGINT": pyarrow.int64(), "INTEGER": pyarrow.int32(), "DOUBLE": pyarrow.float64(),
        "BOOLEAN": pyarrow.bool_(), "VARCHAR": pyarrow.string(), "TIMESTAMPTZ": pyarrow.timestamp("us", tz="UTC"),
    }  # fmt: skip
    (found,) = (each for each in TABLES if each.name == table)
    return pyarrow.schema([(column.name, types[column.stored]) for column in found.columns])


def view_sql(name: str, *, texts: bool, session: str | None, counted: datetime | None = None) -> str:
    """The SELECT behind a view, limited to what the reader may see.

    Args:
        name: One of :data:`VIEWS`.
        texts: Whether personal columns are shown; otherwise they are null.
        session: If set, only rows of this session.
        counted: How far quarters are counted, where that is known (:mod:`waqtor.storage.duck_quarters`).
    """
    if name == "sends":
        return _SENDS.format(source=view_sql("send_changes", texts=texts, session=session))
    if name == "columns":
        return "SELECT * FROM meta.columns"
    only = "session = '" + session.replace("'", "''").replace("\0", "") + "'" if session is not None else ""
    if name in duck_quarters.TABLES:
        return duck_quarters.view(name, only, counted)
    table = next(table for table in TABLES if table.name == name)
    columns = ", ".join(c.shown if texts else c.hidden for c in table.columns)
    conditions = [duck_quarters.one_decision()] if name == "decisions" else []
    if only:
        conditions.append(only)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {columns} FROM log.{name}{where}"


def _first(connection: Any) -> None:
    """Version 1: the first tables, the cursor, and the salt of ``chat_key``."""
    connection.execute("CREATE SCHEMA log; CREATE SCHEMA meta")
    _create(connection, 1)
    connection.execute(
        "CREATE TABLE meta.readers (reader VARCHAR PRIMARY KEY, epoch VARCHAR NOT NULL, journal_offset BIGINT NOT NULL)"
    )
    connection.execute("CREATE TABLE meta.schema_version (version INTEGER NOT NULL, applied TIMESTAMPTZ NOT NULL)")
    connection.execute("CREATE TABLE meta.salt (value BLOB NOT NULL)")
    connection.execute("INSERT INTO meta.salt VALUES (?)", [os.urandom(32)])


def _second(connection: Any) -> None:
    """Version 2: snapshots of the metrics."""
    _create(connection, 2)


def _third(connection: Any) -> None:
    """Version 3: counts per quarter hour and waiting times."""
    _create(connection, 3)
    duck_quarters.prepare(connection)


def _create(connection: Any, version: int) -> None:
    for table in TABLES:
        if table.since == version:
            connection.execute(table.create())


_MIGRATIONS = (_first, _second, _third)
"""Forward only; migration ``n`` leads from version ``n`` to ``n + 1``."""


def version_of(connection: Any) -> int:
    """The schema version of an open file; 0 when it is new."""
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'meta' AND table_name = 'schema_version'"
    ).fetchall()
    if not found[0][0]:
        return 0
    return int(connection.execute("SELECT coalesce(max(version), 0) FROM meta.schema_version").fetchall()[0][0])


def migrate(connection: Any) -> int:
    """Bring the file to :data:`SCHEMA_VERSION` in one transaction; returns the version it had.

    Raises:
        ConfigurationError: The file was written by a newer WaQtor.
    """
    had = version_of(connection)
    if had > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The traffic log has schema {had}, this WaQtor knows {SCHEMA_VERSION}: it was written by a newer version.",
            schema=had,
        )
    if had == SCHEMA_VERSION:
        return had
    connection.begin()
    try:
        for number in range(had, SCHEMA_VERSION):
            _MIGRATIONS[number](connection)
            connection.execute("INSERT INTO meta.schema_version VALUES (?, now())", [number + 1])
        _describe(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return had


def _describe(connection: Any) -> None:
    """(Re)write the documentation table and the views in ``main`` that people see who open the file themselves."""
    connection.execute(
        "CREATE OR REPLACE TABLE meta.columns"
        ' (table_name VARCHAR, column_name VARCHAR, "type" VARCHAR, personal BOOLEAN, description VARCHAR)'
    )
    for table in TABLES:
        connection.execute(f"COMMENT ON TABLE log.{table.name} IS '{_quoted(table.doc)}'")
        for column in table.columns:
            connection.execute(f"COMMENT ON COLUMN log.{table.name}.{column.name} IS '{_quoted(column.doc)}'")
        connection.executemany(
            "INSERT INTO meta.columns VALUES (?, ?, ?, ?, ?)",
            [[table.name, c.name, c.type, c.personal, c.doc] for c in table.columns],
        )
    for name in VIEWS:
        connection.execute(f"CREATE OR REPLACE VIEW main.{name} AS {view_sql(name, texts=True, session=None)}")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
