"""The client that commands use, and how they print what it answers."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from pydantic import BaseModel

from waqtor.client import WaqtorClient

Session = Annotated[str | None, typer.Option(help="The session; default: the default one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def client() -> WaqtorClient:
    """A client for the sidecar named by the settings, with the key from the environment or the local key file."""
    return WaqtorClient()


def show(answer: Any, *, as_json: bool = True) -> None:
    """Print an answer as JSON (models, lists and plain values)."""
    option = 0 if as_json else orjson.OPT_INDENT_2
    typer.echo(orjson.dumps(_plain(answer), option=option).decode())


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
