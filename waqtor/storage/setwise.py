"""One statement for a whole group on PostgreSQL: the items travel as one JSON array and are joined as rows.

A statement per item costs a parse, a plan and an answer each, even when pipelined; ``INSERT … SELECT`` and
``UPDATE … FROM`` over ``json_to_recordset`` pay for them once. Only statements whose outcome is provably that of
running them item by item are taken: the items must name different rows. All else stays with the caller's loop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg

from waqtor.storage.schema import metadata

LEAST = 8
"""Fewer items than this are quicker one by one."""

# Type names by the server's object id: what our columns are made of.
_TYPES = {16: "boolean", 20: "bigint", 23: "integer", 25: "text", 701: "double precision", 1043: "text"}
_INSERT = re.compile(r"INSERT INTO (\w+) \(([^()]*)\) VALUES \(([^()]*)\)( ON CONFLICT.*)?", re.DOTALL)
_TARGET = re.compile(r" ON CONFLICT \(([^()]*)\) DO UPDATE ")
_UPDATE = re.compile(r"UPDATE (\w+) SET (.*?) WHERE (.*)", re.DOTALL)
_PLAIN = frozenset({str, int, float, type(None)})


@dataclass(frozen=True, slots=True)
class SetStatement:
    """A statement over all items.

    Attributes:
        sql: For psycopg, with one parameter: the items.
        distinct: Places in an item that together name its row; ``None`` when items may share a row.
        told_by: Place in an item of the value that ``returned`` gives back; ``None``: it gives the item's number.
        returned: What to return of each row that changed.
    """

    sql: str
    distinct: tuple[int, ...] | None
    told_by: int | None
    returned: str

    def fits(self, items: Sequence[Sequence[Any]], told: bool) -> bool:
        """Whether these items may be run at once; ``told``: the outcome of each is wanted."""
        keys = [self.distinct] if self.distinct is not None else []
        if told and self.told_by is not None:
            keys.append((self.told_by,))
        for places in keys:
            if len({tuple(item[place] for place in places) for item in items}) < len(items):
                return False
        return all(type(value) in _PLAIN for item in items for value in item)


class SetStatements:
    """The set-based forms of the statements of one database, made when first wanted."""

    def __init__(self) -> None:
        self._known: dict[str, SetStatement | None] = {}

    def many(self, connection: psycopg.Connection[Any], sql: str, items: Sequence[Sequence[Any]]) -> bool:
        """Run the statement over all items; false when the caller must run it item by item."""
        statement = self._fitting(connection, sql, items, told=False)
        if statement is None:
            return False
        _run(connection, statement.sql, items)
        return True

    def hits(self, connection: psycopg.Connection[Any], sql: str, items: Sequence[Sequence[Any]]) -> list[bool] | None:
        """As :meth:`many`, and which items changed a row; ``None`` when the caller must run it item by item."""
        statement = self._fitting(connection, sql, items, told=True)
        if statement is None:
            return None
        told = {row[0] for row in _run(connection, f"{statement.sql} RETURNING {statement.returned}", items)}
        if statement.told_by is None:
            return [place in told for place in range(len(items))]
        return [item[statement.told_by] in told for item in items]

    def _fitting(
        self, connection: psycopg.Connection[Any], sql: str, items: Sequence[Sequence[Any]], *, told: bool
    ) -> SetStatement | None:
        if len(items) < LEAST:
            return None
        if sql not in self._known:
            self._known[sql] = set_statement(sql, _types(connection, sql))
        statement = self._known[sql]
        return statement if statement is not None and statement.fits(items, told) else None


def set_statement(sql: str, types: Sequence[str]) -> SetStatement | None:
    """The set-based form of a statement with ``?`` parameters of these types, or ``None``.

    Raises nothing: a statement of another shape simply has no such form.
    """
    if not types or sql.count("?") != len(types):
        return None
    if insert := _INSERT.fullmatch(sql):
        return _set_insert(insert, types)
    if update := _UPDATE.fullmatch(sql):
        return _set_update(update, types)
    return None


def _set_insert(match: re.Match[str], types: Sequence[str]) -> SetStatement | None:
    table, columns, values, conflict = match[1], _listed(match[2]), _listed(match[3]), match[4] or ""
    if "?" in conflict or len(columns) != len(values) or any("?" in value and value != "?" for value in values):
        return None
    places: dict[str, int] = {}
    chosen: list[str] = []
    for column, value in zip(columns, values, strict=True):
        if value == "?":
            chosen.append(f"v.p{len(places)}")
            places[column] = len(places)
        else:
            chosen.append(value)
    distinct: tuple[int, ...] | None = None
    if " DO UPDATE " in conflict:
        target = _TARGET.match(conflict)
        if target is None:
            return None
        distinct = tuple(places[column] for column in _listed(target[1]) if column in places)
    first = columns[0]
    if first not in places:
        return None
    text = (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(chosen)} FROM {_rows(types)} "
        f"ORDER BY v.o{conflict}"
    )
    return SetStatement(_escaped(text), distinct, places[first], first)


def _set_update(match: re.Match[str], types: Sequence[str]) -> SetStatement | None:
    table, change, where = match[1], match[2], match[3]
    if table not in metadata.tables or "(SELECT" in change:
        return None
    before = change.count("?")
    key: list[int] = []
    for column in (part.name for part in metadata.tables[table].primary_key.columns):
        # Only a condition that must hold names the row: not one within parentheses, nor beside an OR.
        named = re.search(rf"(?:^| AND ){column} = \?(?= AND |$)", where)
        if named is None or where[: named.start()].count("(") != where[: named.start()].count(")"):
            return None
        key.append(before + where[: named.end()].count("?") - 1)
    if re.search(r" OR ", _outside(where)):
        return None
    numbers = iter(range(len(types)))
    change, where = (re.sub(r"\?", lambda _: f"v.p{next(numbers)}", part) for part in (change, where))
    text = f"UPDATE {table} SET {change} FROM {_rows(types)} WHERE {where}"
    return SetStatement(_escaped(text), tuple(key), None, "v.o")


def _rows(types: Sequence[str]) -> str:
    columns = ", ".join(f"p{place} {type_}" for place, type_ in enumerate(types))
    return f"json_to_recordset(?::json) AS v(o integer, {columns})"


def _outside(text: str) -> str:
    """What is not within parentheses."""
    depth, kept = 0, []
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            kept.append(letter)
    return "".join(kept)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _escaped(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _run(connection: psycopg.Connection[Any], sql: str, items: Sequence[Sequence[Any]]) -> psycopg.Cursor[Any]:
    names = [f"p{place}" for place in range(len(items[0]))]
    rows = orjson.dumps([dict(zip(names, item, strict=True), o=o) for o, item in enumerate(items)]).decode()
    # Planned anew each time: a plan kept from when the table was small would scan it whole when it has grown.
    return connection.execute(sql, (rows,), prepare=False)


def _types(connection: psycopg.Connection[Any], sql: str) -> list[str]:
    """What types the server gives the parameters; empty when it cannot tell, or one is not among ours."""
    numbers = iter(range(1, sql.count("?") + 1))
    text = re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
    connection.execute("SAVEPOINT setwise")
    try:
        connection.execute(f"PREPARE waqtor_types AS {text}", prepare=False)
        row = connection.execute(
            "SELECT parameter_types::oid[] FROM pg_prepared_statements WHERE name = 'waqtor_types'"
        ).fetchone()
        connection.execute("DEALLOCATE waqtor_types")
    except psycopg.Error:
        connection.execute("ROLLBACK TO SAVEPOINT setwise")
        row = None
    connection.execute("RELEASE SAVEPOINT setwise")
    oids = row[0] if row else []
    return [_TYPES[oid] for oid in oids] if all(oid in _TYPES for oid in oids) else []
