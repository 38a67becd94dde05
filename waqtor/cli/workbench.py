"""``waqtor replay-jobs …`` and ``waqtor rules save``: what a running sidecar does with versions of its rules."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from waqtor.cli.connection import AsJson, client, show
from waqtor.cli.replay_rules import minutes_of
from waqtor.cli.rules import app as rules_app

app = typer.Typer(no_args_is_help=True, help="Replays of recorded messages in the sidecar: start, watch, cancel.")
Id = Annotated[str, typer.Argument(help="Id of the replay.")]


@app.command()
def start(
    against: Annotated[str, typer.Option("--against", help="The rules before: a git revision.")] = "HEAD",
    folder: Annotated[
        str, typer.Option("--folder", help="The changed rules: a folder beside the rules; default: the files.")
    ] = "",
    since: Annotated[str, typer.Option(help="How far to look back: 30m, 12h, 7d, 4w.")] = "7d",
    limit: Annotated[int, typer.Option(min=1, help="Most messages; the latest are taken.")] = 100_000,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the sidecar's recorded messages through two versions of its rules."""
    after = {"kind": "folder", "folder": folder} if folder else {"kind": "files"}
    with client() as waqtor:
        found = waqtor.workbench.start_replay(
            before={"kind": "git", "ref": against}, after=after, minutes=minutes_of(since), limit=limit
        )
        while wait and found.state in ("reading", "running"):
            time.sleep(0.5)
            found = waqtor.workbench.replay(found.id)
    show(found, as_json=as_json)
    if found.state == "failed":
        raise typer.Exit(1)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show the last replays, the newest first."""
    with client() as waqtor:
        show(list(waqtor.workbench.replays()), as_json=as_json)


@app.command("show")
def show_(replay_id: Id, as_json: AsJson = False) -> None:
    """Show how far a replay is, and how many answers would change."""
    with client() as waqtor:
        show(waqtor.workbench.replay(replay_id), as_json=as_json)


@app.command()
def changes(
    replay_id: Id,
    kind: Annotated[str | None, typer.Option(help="gained, lost or different; default: all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=2000, help="Most changes.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the answers that would change."""
    with client() as waqtor:
        page: Any = waqtor.workbench.replay_changes(replay_id, kind=kind, limit=limit, cursor=cursor)  # type: ignore[arg-type]
    if as_json:
        show({"changes": [item.model_dump(mode="json") for item in page], "next_cursor": page.next_cursor})
        return
    for item in page:
        was, now = (f"{side.rule_id or 'silence'} ({side.confidence:.2f})" for side in (item.before, item.after))
        typer.echo(f"{item.kind:<9} {was} → {now}: {item.text[:100]}")


@app.command()
def cancel(replay_id: Id, as_json: AsJson = False) -> None:
    """Stop a replay; what it found so far stays."""
    with client() as waqtor:
        show(waqtor.workbench.cancel_replay(replay_id), as_json=as_json)


@rules_app.command()
def save(
    name: Annotated[str, typer.Argument(help="The file inside the sidecar's rules folder, as orders.yaml.")],
    source: Annotated[Path | None, typer.Option("--from", help="Read the text here; default: stdin.")] = None,
    revision: Annotated[str | None, typer.Option(help="Only while the file is at this revision.")] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the file to git.")] = False,
    message: Annotated[str, typer.Option(help="Of the commit.")] = "",
    as_json: AsJson = False,
) -> None:
    """Replace a rule file of a running sidecar, after the checks."""
    text = source.read_text(encoding="utf-8") if source is not None else sys.stdin.read()
    with client() as waqtor:
        found = waqtor.workbench.save_file(name, text, revision=revision, commit=commit, message=message)
    show(found.model_dump(mode="json", exclude={"text"}), as_json=as_json)
