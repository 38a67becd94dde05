"""``waqtor db …``: a look at the store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from waqtor.cli.connection import AsJson, show
from waqtor.errors import ConfigurationError
from waqtor.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The store: status, migration, a copy.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Count what the store holds; needs no running engine, and does not disturb one."""
    show(asyncio.run(_status(Settings())), as_json=as_json)


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the schema up to date (starting the engine does it too); refused while an engine runs."""

    async def run() -> dict[str, Any]:
        from waqtor.storage.store import SqlStore

        settings = Settings()
        store = SqlStore.at(settings.database_url, settings.sqlite_path)
        await store.open()
        version = (await store.rows("SELECT value FROM meta WHERE name = 'schema_version'"))[0][0]
        found = {"schema_version": int(version), "epoch": store.epoch, "head": store.journal.head}
        await store.close()
        return found

    show(asyncio.run(run()), as_json=as_json)


@app.command()
def backup(to: Annotated[Path, typer.Argument(help="File to write; must not exist.")]) -> None:
    """Copy a consistent snapshot of the SQLite store, also while the engine runs."""
    import sqlite3

    settings = Settings()
    if settings.database_url:
        raise ConfigurationError("The store is on PostgreSQL: use pg_dump.")
    if to.exists():
        raise ConfigurationError(f"{to} exists already.")
    if not settings.sqlite_path.is_file():
        raise ConfigurationError(f"There is no store at {settings.sqlite_path}.")
    source = sqlite3.connect(f"file:{settings.sqlite_path}?mode=ro", uri=True)
    target = sqlite3.connect(to)
    to.chmod(0o600)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    typer.echo(f"{to} ({to.stat().st_size:,} bytes)")


async def _status(settings: Settings) -> dict[str, Any]:
    from sqlalchemy import create_engine, text

    if settings.database_url:
        url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    elif settings.sqlite_path.is_file():
        url = f"sqlite:///file:{settings.sqlite_path}?mode=ro&uri=true"
    else:
        raise ConfigurationError(f"There is no store at {settings.sqlite_path}: start the engine once.")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            meta = {row[0]: row[1] for row in connection.execute(text("SELECT name, value FROM meta"))}
            head = connection.execute(text("SELECT coalesce(max(seq), 0) FROM journal")).scalar_one()
            states = connection.execute(
                text("SELECT direction, state, count(*) FROM messages GROUP BY direction, state")
            ).fetchall()
            cursors = connection.execute(text("SELECT reader, position FROM cursors")).fetchall()
            aside = connection.execute(text("SELECT count(*) FROM dead_letters")).scalar_one()
    finally:
        engine.dispose()
    return {
        "store": url.split("?", maxsplit=1)[0].split("@")[-1], "schema_version": int(meta["schema_version"]),
        "epoch": meta.get("epoch"), "journal_head": head,
        "messages": {f"{row[0]}:{row[1]}": row[2] for row in states},
        "readers": {row[0]: {"position": row[1], "lag": head - row[1]} for row in cursors}, "set_aside": aside,
    }  # fmt: skip
