"""All commands in one place. Their modules are light; whatever is heavy is imported when a command runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from waqtor import __version__
from waqtor.cli import (
    analytics,
    bench,
    campaign,
    chats,
    db,
    keys,
    notifications,
    privacy,
    rules,
    send,
    session,
    suggestions,
    webhooks,
    workbench,
)
from waqtor.cli import eval as evaluation
from waqtor.cli.replay import replay
from waqtor.cli.replay_rules import replay_rules
from waqtor.cli.serve import serve
from waqtor.cli.simulator import simulator
from waqtor.cli.up import up
from waqtor.errors import WaqtorError

app = typer.Typer(
    name="waqtor", no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False,
    help="A WhatsApp bot workbench: match by meaning, answer when sure, lose nothing, send nothing twice.",
)  # fmt: skip


def _version(value: bool) -> None:
    if value:
        typer.echo(f"waqtor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(up)
app.command()(serve)
app.command()(simulator)
app.command()(replay)
app.command(name="replay-rules")(replay_rules)
app.command(name="test")(rules.test_command)
app.command(name="eval")(evaluation.evaluate_command)
app.command(name="tune")(evaluation.tune_command)
app.add_typer(send.app, name="send")
app.add_typer(campaign.app, name="campaign")
app.add_typer(chats.app, name="chats")
app.add_typer(session.app, name="session")
app.add_typer(rules.app, name="rules")
app.add_typer(notifications.app, name="notifications")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(suggestions.app, name="suggestions")
app.add_typer(workbench.app, name="replay-jobs")
app.add_typer(analytics.app, name="analytics")
app.add_typer(keys.app, name="keys")
app.add_typer(privacy.app, name="privacy")
app.command()(privacy.audit)
app.add_typer(bench.app, name="bench")
app.add_typer(db.app, name="db")


def run() -> None:
    """Run the application; errors raised on purpose are one line, not a traceback."""
    try:
        app()
    except WaqtorError as error:
        sys.stderr.write(f"waqtor: {error.message} [{error.code}]\n")
        raise SystemExit(1) from None
