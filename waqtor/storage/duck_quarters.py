"""Counts per quarter of an hour and waiting times, made once from the raw tables, so that long spans are read quickly.

Everything before a mark (``meta.quarters``) is in ``log.quarters`` and ``log.waits``; what came since is counted by
their views as they are read, so the views are complete at any moment. The mark moves with the log, in a transaction
with the rows it stands for; what is written before it afterwards (clocks that differ) is added then. A quarter hour
divides every time zone's hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

QUARTER: Final = timedelta(minutes=15)
STEP: Final = timedelta(days=1)
"""Most that is counted in one transaction."""
_WIDTH: Final = 900_000_000
_MARK: Final = "(SELECT counted FROM meta.quarters)"
_LONGEST: Final = timedelta(days=1)
"""A reply that comes later than this answers nothing."""
_START: Final = f"make_timestamptz(epoch_us(created) // {_WIDTH} * {_WIDTH})"
TABLES: Final = ("quarters", "waits")
"""The tables and views of this module."""


def one_decision(since: str = "") -> str:
    """The condition under which a row of ``log.decisions`` is a decision of its own.

    A hand-over that also says something ("one moment, …") is journaled as a reply and as a hand-over: one decision.

    Args:
        since: SQL of a time; both rows of such a decision that matters lie behind it.
    """
    bound = f" AND created >= {since}" if since else ""
    return (
        "coalesce(NOT (decision = 'handoff' AND rule_id IS NULL AND trace_id IN (SELECT trace_id FROM log.decisions "
        f"WHERE decision = 'handoff' AND rule_id IS NOT NULL{bound})), true)"
    )


def view(name: str, condition: str, counted: datetime | None) -> str:
    """The SELECT behind a view.

    Args:
        name: One of :data:`TABLES`.
        condition: A further condition on the rows, on ``session``; empty: none.
        counted: The mark, where it is known: constants let DuckDB skip what is older.
    """
    mark = _MARK if counted is None else _literal(counted)
    live = _SELECTS[name](f"created >= {mark}", mark)
    where = f" WHERE {condition}" if condition else ""
    return f"SELECT * FROM (SELECT * FROM log.{name} UNION ALL {live}){where}"


def prepare(connection: Any) -> None:
    """Make the mark: nothing is counted yet."""
    connection.execute("CREATE TABLE meta.quarters (counted TIMESTAMPTZ NOT NULL)")
    connection.execute("INSERT INTO meta.quarters VALUES (make_timestamptz(0))")


def counted_until(connection: Any) -> datetime:
    """The mark: what lies before it is counted."""
    found: datetime = connection.execute("SELECT counted FROM meta.quarters").fetchall()[0][0]
    return found


def advance(connection: Any, latest: datetime) -> datetime | None:
    """Count the next stretch, at most :data:`STEP`, in one transaction.

    Args:
        connection: The writer's.
        latest: When the last row of the log was journaled. The quarter before it stays open: what comes may be
            a little older.

    Returns:
        The new mark; ``None`` when there is nothing to count.
    """
    mark = counted_until(connection)
    first = connection.execute(
        "SELECT min(created) FROM (SELECT created FROM log.messages UNION ALL SELECT created FROM log.decisions "
        "UNION ALL SELECT created FROM log.send_changes) WHERE created >= ?",
        [mark],
    ).fetchall()[0][0]
    last = floor(latest) - QUARTER
    begin = last if first is None else max(mark, floor(first))
    end = min(begin + STEP, last)
    if end <= mark:
        return None
    connection.begin()
    try:
        if end > begin:
            _count(connection, f"created >= {_literal(begin)} AND created < {_literal(end)}", begin)
        connection.execute("UPDATE meta.quarters SET counted = ?", [end]).fetchall()
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return end


def add_late(connection: Any, offset: int, first: datetime, mark: datetime) -> None:
    """Count rows that were just written before the mark; in the transaction that writes them.

    Args:
        connection: The writer's.
        offset: Journal offset from which on the rows are new.
        first: The earliest of them.
        mark: The mark.
    """
    _count(connection, f"journal_offset >= {int(offset)} AND created < {_literal(mark)}", first)


def floor(moment: datetime) -> datetime:
    """The start of the quarter hour."""
    return moment - timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)


def _count(connection: Any, when: str, earliest: datetime) -> None:
    for name in TABLES:
        connection.execute(f"INSERT INTO log.{name} {_SELECTS[name](when, _literal(earliest))}").fetchall()


def _literal(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.isoformat()}'"


def _quarters(when: str, earliest: str) -> str:
    alone = one_decision(f"{earliest} - INTERVAL 1 HOUR")
    return f"""
SELECT {_START} AS created, session, 'message' AS kind, NULL::VARCHAR AS name, NULL::VARCHAR AS rule_id,
       NULL::VARCHAR AS language, NULL::VARCHAR AS cause, count(*) AS n, 0::BIGINT AS rated,
       NULL::DOUBLE AS confidence, NULL::DOUBLE AS least
FROM log.messages WHERE {when} GROUP BY 1, 2
UNION ALL
SELECT {_START}, session, 'decision', decision, rule_id, language, NULL, count(*), count(confidence),
       sum(confidence), min(confidence)
FROM log.decisions WHERE {when} AND {alone} GROUP BY 1, 2, decision, rule_id, language
UNION ALL
SELECT {_START}, session, 'send', status, NULL, NULL, cause, count(*), 0, NULL, NULL
FROM log.send_changes WHERE {when} GROUP BY 1, 2, status, cause"""


def _waits(when: str, earliest: str) -> str:
    longest = int(_LONGEST.total_seconds() * 1000)
    return f"""
SELECT created, session, ms FROM (
  SELECT r.created, r.session, (epoch_us(r.created) - epoch_us(m.created)) / 1000 AS ms
  FROM (
    SELECT created, session, hash(session, chat_key) AS chat FROM log.send_changes
    WHERE cause = 'reply' AND status = 'sent' AND {when}
  ) r
  ASOF JOIN (
    SELECT created, hash(session, chat_key) AS chat FROM log.messages
    WHERE created >= {earliest} - INTERVAL {longest // 3_600_000} HOUR
  ) m ON r.chat = m.chat AND r.created >= m.created
) WHERE ms <= {longest}"""


_SELECTS: Final = {"quarters": _quarters, "waits": _waits}
