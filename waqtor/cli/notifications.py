"""``waqtor notifications …``: what a person should know, through the running sidecar."""

from __future__ import annotations

from typing import Annotated

import typer

from waqtor.cli.connection import AsJson, client, show

app = typer.Typer(no_args_is_help=True, help="Notifications: list, mark as read, make one.")
Id = Annotated[str, typer.Argument(help="Id of the notification.")]


@app.command(name="list")
def list_(
    unread: Annotated[bool, typer.Option(help="Only the unread ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: AsJson = False,
) -> None:
    """List notifications, newest first."""
    with client() as waqtor:
        show(list(waqtor.notifications.list(filter="unread" if unread else "all", limit=limit)), as_json=as_json)


@app.command()
def create(
    title: Annotated[str, typer.Argument(help="What people read first.")],
    message: Annotated[str | None, typer.Option(help="More words.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="info, success, warning or error.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a notification."""
    with client() as waqtor:
        show(waqtor.notifications.create(title, message, type=kind), as_json=as_json)


@app.command()
def update(
    notification_id: Id,
    read: Annotated[bool, typer.Option("--read/--unread", help="How to mark it.")] = True,
    as_json: AsJson = False,
) -> None:
    """Mark one as read, or as unread again."""
    with client() as waqtor:
        show(waqtor.notifications.update(notification_id, read=read), as_json=as_json)


@app.command()
def delete(notification_id: Id) -> None:
    """Remove one."""
    with client() as waqtor:
        waqtor.notifications.delete(notification_id)
    typer.echo("deleted")


@app.command(name="read-all")
def read_all(as_json: AsJson = False) -> None:
    """Mark everything up to now as read."""
    with client() as waqtor:
        show(waqtor.notifications.read_all(), as_json=as_json)
