"""``waqtor serve``: the sidecar (engine, REST, WebSocket) in this process."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from waqtor.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: the setting.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default: the setting.")] = None,
) -> None:
    """Run the sidecar: engine, REST and WebSocket."""
    from waqtor.api.serve import run
    from waqtor.cli.logs import configure

    given: dict[str, Any] = {"host": host, "port": port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    configure(settings)
    raise typer.Exit(run(settings))
