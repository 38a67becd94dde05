"""``waqtor analytics …``: SQL over the traffic log and the saved queries, through the running sidecar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from waqtor.cli.connection import AsJson, client, show
from waqtor.client import WaqtorClient
from waqtor.contracts.queries import SavedQuery
from waqtor.errors import InvalidInput, NotFound

app = typer.Typer(no_args_is_help=True, help="SQL over the traffic log: run, export, keep queries.")

_FORMATS: dict[str, Literal["csv", "parquet", "arrow"]] = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow"}
Name = Annotated[str, typer.Argument(help="Name or id of a saved query.")]
Sql = Annotated[str, typer.Argument(help="The SELECT; @FILE reads it from a file.")]
About = Annotated[str, typer.Option(help="What it is for.")]


@app.command()
def run(
    query: Annotated[str, typer.Argument(help="A SELECT, @FILE, or the name of a saved query.")],
    days: Annotated[float | None, typer.Option(min=0, help="$since: so many days back; default: everything.")] = None,
    zone: Annotated[str, typer.Option(help="$zone: IANA zone of hours and days.")] = "UTC",
    bucket: Annotated[str, typer.Option(help="$bucket: minute, hour or day.")] = "hour",
    top: Annotated[int, typer.Option(help="$top: most rows of rankings.")] = 20,
    out: Annotated[Path | None, typer.Option(help="File to write: .csv, .parquet or .arrow; else JSON.")] = None,
) -> None:
    """Run one SELECT and print or export what it finds."""
    from waqtor.analytics.catalog import DEFAULTS, parameters_of

    since = None if days is None else (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    with client() as waqtor:
        sql = _statement(waqtor, query)
        values: dict[str, Any] = {**DEFAULTS, "since": since, "zone": zone, "bucket": bucket, "top": top}
        params = {name: values[name] for name in parameters_of(sql) if name in values}
        if out is None:
            show(waqtor.analytics.query(sql, params))
            return
        if out.suffix.lower() not in _FORMATS:
            raise InvalidInput(f"{out.name} ends in none of {', '.join(_FORMATS)}.")
        out.write_bytes(waqtor.analytics.export(sql, params, format=_FORMATS[out.suffix.lower()]))
    typer.echo(str(out))


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List saved queries, then those that are part of WaQtor."""
    with client() as waqtor:
        show(list(waqtor.analytics.queries.list()), as_json=as_json)


@app.command()
def save(
    name: Annotated[str, typer.Argument(help="What to call it.")], sql: Sql, about: About = "", as_json: AsJson = False
) -> None:
    """Keep a query; one of the same name is replaced."""
    with client() as waqtor:
        queries, text = waqtor.analytics.queries, _text(sql)
        held = _find(waqtor, name)
        made = queries.create(name, text, about) if held is None else queries.replace(held.id, name, text, about)
        show(made, as_json=as_json)


@app.command()
def rename(query: Name, name: Annotated[str, typer.Argument(help="Its new name.")], as_json: AsJson = False) -> None:
    """Give a saved query another name."""
    with client() as waqtor:
        held = _held(waqtor, query)
        show(waqtor.analytics.queries.replace(held.id, name, held.sql, held.about), as_json=as_json)


@app.command()
def delete(query: Name) -> None:
    """Forget a saved query."""
    with client() as waqtor:
        waqtor.analytics.queries.delete(_held(waqtor, query).id)
    typer.echo("deleted")


def _find(waqtor: WaqtorClient, name: str) -> SavedQuery | None:
    wanted = name.strip().casefold()
    found = waqtor.analytics.queries.list()
    return next((each for each in found if each.id == name or each.name.casefold() == wanted), None)


def _held(waqtor: WaqtorClient, name: str) -> SavedQuery:
    found = _find(waqtor, name)
    if found is None:
        raise NotFound(f"There is no saved query {name!r}.")
    return found


def _statement(waqtor: WaqtorClient, query: str) -> str:
    if query.startswith("@") or any(char.isspace() for char in query.strip()):
        held = None if query.startswith("@") else _find(waqtor, query)
        return _text(query) if held is None else held.sql
    return _held(waqtor, query).sql


def _text(sql: str) -> str:
    """The statement, from a file where ``@FILE`` names one."""
    if not sql.startswith("@"):
        return sql
    try:
        return Path(sql[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{sql[1:]} cannot be read: {error}") from None
