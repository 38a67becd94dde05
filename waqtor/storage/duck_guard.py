"""What SQL people may run on the traffic log: one read-only SELECT over the views, nothing else.

DuckDB's own parser judges the text and gives its syntax tree; the tree is walked and whatever is not on a list is
refused. This is the first wall; the second is that the database itself has no access to files or settings
(:mod:`waqtor.storage.duck_file`). Both are needed: DuckDB 2.0 parses ``WITH x AS (INSERT …) SELECT`` as a SELECT,
and a scalar ``range(300000000)`` takes 15 GB that neither the memory limit nor an interrupt stops (measured).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from waqtor.errors import QueryRefused, TooLarge
from waqtor.storage.duck_schema import VIEWS

MAX_SQL = 100_000
"""Longest statement, characters."""
_PARTS = frozenset(
    {
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
        *("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "COLUMN_DATA", "PIVOT"),
        *("ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
    }
)
"""Parts of a query: nodes, sources, modifiers. A write inside a WITH would be an INSERT_QUERY_NODE."""
_EXPRESSIONS = frozenset(
    {
        *("CONSTANT", "COLUMN_REF", "PARAMETER", "STAR", "POSITIONAL_REFERENCE", "DEFAULT", "TYPE"),
        *("FUNCTION", "WINDOW", "CASE", "CAST", "OPERATOR", "CONJUNCTION", "COMPARISON", "BETWEEN", "COLLATE"),
        *("SUBQUERY", "LAMBDA", "LAMBDA_REF"),
    }
)
"""Classes of expressions."""
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
_REFUSED = frozenset(
    {
        "current_setting",
        "currval",
        "current_query",
        "error",
        "getenv",
        "getvariable",
        "json_deserialize_sql",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "json_serialize_sql",
        "nextval",
        "parse_duckdb_log_message",
        "pg_sleep",
        "query",
        "query_table",
        "setseed",
        "setval",
        "sleep_ms",
        "stats",
        "write_log",
    }
)
"""Scalar functions that write, wait, reveal the engine, or speak in errors."""
_GROWING = frozenset(
    {"array_resize", "bar", "format", "generate_series", "list_resize", "lpad", "printf", "range", "repeat", "rpad"}
)
"""Scalar functions whose result can be far larger than their arguments."""
_MOST = 10_000
_CTE_NAME = re.compile(r"(?!duckdb_|pg_|sqlite_|pragma_|information_schema)\w{1,128}", re.IGNORECASE)


def check(sql: str, connection: Any) -> tuple[str, frozenset[str]]:
    """Return the statement, if it may run, and the views it reads.

    Args:
        sql: What the caller sent; a trailing semicolon is fine.
        connection: A DuckDB connection that parses (it runs nothing of the caller's).

    Raises:
        QueryRefused: It is not one SELECT over the views, or does not parse.
        TooLarge: It is longer than :data:`MAX_SQL`.
    """
    import duckdb

    if len(sql) > MAX_SQL:
        raise TooLarge(f"The statement has {len(sql)} characters; at most {MAX_SQL} are read.", limit=MAX_SQL)
    if not sql.isprintable() and ("\0" in sql or any("\ud800" <= char <= "\udfff" for char in sql)):
        raise QueryRefused("The SQL holds characters that are no text (NUL or half of a surrogate pair).")
    try:
        statements = duckdb.extract_statements(sql)
    except (duckdb.Error, RuntimeError) as error:
        raise QueryRefused(f"The SQL does not parse: {_words(error)}") from error
    if len(statements) != 1:
        raise QueryRefused(f"Send exactly one statement; there are {len(statements)}.")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRefused(f"Only SELECT is allowed, not {statements[0].type.name}.")
    text = str(statements[0].query)
    try:
        found = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [text]).fetchall()[0][0]
        tree = orjson.loads(found)
    except (duckdb.Error, ValueError, RecursionError) as error:
        raise QueryRefused(f"The SQL cannot be checked: {_words(error)}") from error
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        raise QueryRefused("Only a plain SELECT is allowed.")
    return text, _walk(tree["statements"][0]["node"])


def _walk(root: Any) -> frozenset[str]:
    """Refuse what is not allowed; returns the views that are named."""
    names: set[str] = set()
    tables: list[dict[str, Any]] = []
    for node, place in _nodes(root):
        _known(node)
        for entry in (node.get("cte_map") or {}).get("map", ()):
            names.add(_cte(entry))
        kind = node.get("type")
        if kind == "RECURSIVE_CTE_NODE":
            names.add(_cte({"key": node.get("cte_name", "")}))
        elif kind == "BASE_TABLE":
            tables.append(node)
        elif kind == "TABLE_FUNCTION":
            _table_function(node)
        elif "function_name" in node and place != _SOURCE:
            _function(node)
    for table in tables:
        _table(table, names)
    return frozenset(str(table["table_name"]).lower() for table in tables).intersection(VIEWS)


_SOURCE = "function in FROM"


def _nodes(root: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object of the tree with the name of its place (without recursion: the tree may be deep)."""
    stack: list[tuple[Any, str]] = [(root, "node")]
    while stack:
        item, place = stack.pop()
        if isinstance(item, dict):
            yield item, place
            source = item.get("type") == "TABLE_FUNCTION"
            for name, child in item.items():
                if isinstance(child, dict | list):
                    stack.append((child, _SOURCE if source and name == "function" else name))
        elif isinstance(item, list):
            stack.extend((child, place) for child in item if isinstance(child, dict | list))


def _known(node: dict[str, Any]) -> None:
    """Refuse what is on no list, so that a new DuckDB cannot open a door unseen."""
    kind = node.get("type")
    if "class" in node:
        if node["class"] not in _EXPRESSIONS:
            raise QueryRefused(f"The expression {node['class']} is not allowed.")
    elif kind == "SHOW_REF":
        raise QueryRefused("SHOW, DESCRIBE and SUMMARIZE are not allowed: SELECT * FROM columns lists everything.")
    elif isinstance(kind, str) and kind not in _PARTS and not kind.endswith("_TYPE_INFO"):
        words = kind.removesuffix("_QUERY_NODE").removesuffix("_NODE").removesuffix("_REF")
        raise QueryRefused(f"Only reading from the views is allowed, not {words}.")


def _cte(entry: dict[str, Any]) -> str:
    """The name of a WITH query. Names of the catalog are refused: out of its scope the name would mean that."""
    name = str(entry["key"])
    if not _CTE_NAME.fullmatch(name):
        raise QueryRefused(f"{name[:60]!r} cannot name a WITH query.")
    return name.lower()


def _table(node: dict[str, Any], names: set[str]) -> None:
    name = str(node.get("table_name", ""))
    if node.get("schema_name") or node.get("catalog_name") or node.get("at_clause"):
        raise QueryRefused(f"Name the views without schema or catalog: {', '.join(VIEWS)}.")
    if name.lower() not in VIEWS and name.lower() not in names:
        raise QueryRefused(f"There is no view {name[:80]!r}; there are {', '.join(VIEWS)}.")


def _table_function(node: dict[str, Any]) -> None:
    function = node.get("function") or {}
    name = str(function.get("function_name", "")).lower()
    if name not in _TABLE_FUNCTIONS:
        raise QueryRefused(f"The table function {name[:60] or 'of this query'} is not allowed.")


def _function(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    if name in _REFUSED or name.startswith(("__internal", "pg_get", "duckdb_", "pragma_", "read_")):
        raise QueryRefused(f"The function {name[:60]} is not allowed.")
    if name in _GROWING:
        arguments = [_constant(entry) for entry in node.get("arguments") or node.get("children") or ()]
        sized = arguments[:1] if name in ("printf", "format") else arguments[0 if name in _SERIES else 1 :]
        if not all(_small(name, value) for value in sized):
            raise QueryRefused(
                f"{name}() takes only constants up to {_MOST:,} here; for a series write FROM {name}(…)."
                if name in _SERIES
                else f"{name}() takes only constant sizes up to {_MOST:,} here."
            )


_SERIES = frozenset({"range", "generate_series"})


def _constant(entry: dict[str, Any]) -> str | None:
    """The text of a constant argument (a sign allowed); ``None`` for anything else."""
    expression = entry.get("expression") or entry
    if expression.get("class") != "CONSTANT":
        return None
    literal = expression.get("literal")
    if isinstance(literal, dict):
        return str(literal.get("text", ""))
    value = expression.get("value")
    return str(value.get("value", "")) if isinstance(value, dict) else None


def _small(name: str, value: str | None) -> bool:
    if value is None:
        return False
    if name in ("printf", "format"):
        return not re.search(r"\d{4}|\*|\{[^{}]*\{", value)
    if name in ("lpad", "rpad", "list_resize", "array_resize") and not value.lstrip("-").isdigit():
        return True  # the padding itself, or what fills the list
    try:
        return abs(float(value)) <= _MOST
    except ValueError:
        return False


def _words(error: BaseException) -> str:
    """The first lines of DuckDB's message, without its advice on settings."""
    return str(error).partition("\n\n")[0].replace("\n", " ")[:300]
