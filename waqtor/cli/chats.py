"""``waqtor chats …``: conversations, and whether the bot may answer in them."""

from __future__ import annotations

from typing import Annotated

import typer

from waqtor.cli.connection import AsJson, Session, client, show

app = typer.Typer(no_args_is_help=True, help="Conversations, and whether the bot may answer in them.")
Chat = Annotated[str, typer.Argument(help="Phone number, chat id or group id.")]


@app.command(name="list")
def list_(
    search: Annotated[str | None, typer.Option(help="Part of a number or name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    session: Session = None,
    as_json: AsJson = False,
) -> None:
    """List conversations, the latest first."""
    with client() as waqtor:
        page = waqtor.messages.chats(search=search, limit=limit, session=session)
    show(list(page), as_json=as_json)


@app.command()
def pause(
    chat: Chat,
    minutes: Annotated[float | None, typer.Option(help="For so long; default: until resumed.")] = None,
    session: Session = None,
    as_json: AsJson = False,
) -> None:
    """Keep the bot quiet in a conversation."""
    with client() as waqtor:
        show(waqtor.messages.pause_chat(chat, minutes=minutes, session=session), as_json=as_json)


@app.command()
def resume(chat: Chat, session: Session = None, as_json: AsJson = False) -> None:
    """Let the bot answer again."""
    with client() as waqtor:
        show(waqtor.messages.resume_chat(chat, session=session), as_json=as_json)
