"""``waqtor session …``: the WhatsApp sessions of the engine."""

from __future__ import annotations

import typer

from waqtor.cli.connection import AsJson, Session, client, show

app = typer.Typer(no_args_is_help=True, help="The WhatsApp sessions of the engine.")


@app.command()
def state(session: Session = None, as_json: AsJson = False) -> None:
    """Show the state of a session."""
    with client() as waqtor:
        show(waqtor.status.state(session=session), as_json=as_json)


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Show all sessions."""
    with client() as waqtor:
        show(list(waqtor.status.sessions()), as_json=as_json)


@app.command()
def logout(session: Session = None, as_json: AsJson = False) -> None:
    """End the login of a session."""
    with client() as waqtor:
        show(waqtor.status.logout(session=session), as_json=as_json)


@app.command()
def restart(session: Session = None, as_json: AsJson = False) -> None:
    """Reconnect a session."""
    with client() as waqtor:
        show(waqtor.status.restart(session=session), as_json=as_json)
