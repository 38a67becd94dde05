"""``waqtor keys …``: API keys, through the running sidecar."""

from __future__ import annotations

from typing import Annotated

import typer

from waqtor.cli.connection import AsJson, client, show

app = typer.Typer(no_args_is_help=True, help="API keys: their secrets are shown once, at creation.")


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List keys, without their secrets."""
    with client() as waqtor:
        show(list(waqtor.keys.list()), as_json=as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option("--scope", "-s", help="A scope; repeat for several.")],
    expires: Annotated[str | None, typer.Option(help="End, as ISO-8601 time.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; keep the answer, the key is not shown again."""
    with client() as waqtor:
        show(waqtor.keys.create(name, scope, expires=expires), as_json=as_json)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """End a key at once."""
    with client() as waqtor:
        waqtor.keys.revoke(key_id)
    typer.echo("revoked")
