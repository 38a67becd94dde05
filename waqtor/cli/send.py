"""``waqtor send …``: one command for each kind of message."""

from __future__ import annotations

import base64
import json
import mimetypes
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from waqtor.cli.connection import AsJson, Session, client, show

app = typer.Typer(no_args_is_help=True, help="Send messages through the running sidecar.")
To = Annotated[str, typer.Argument(help="Phone number, chat id or group id.")]
Key = Annotated[str | None, typer.Option("--key", help="Idempotency-Key: the same key is one send.")]
Quote = Annotated[str | None, typer.Option("--quote", help="Id of the message to quote.")]


@app.command()
def text(
    to: To,
    body: Annotated[str, typer.Argument(help="The text.")],
    session: Session = None,
    quote: Quote = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send a text."""
    with client() as waqtor:
        receipt = waqtor.messages.send(to=to, text=body, session=session, quoted_message_id=quote, idempotency_key=key)
    show(receipt, as_json=as_json)


@app.command()
def media(
    to: To,
    source: Annotated[str, typer.Argument(help="A URL or a local file.")],
    kind: Annotated[Literal["image", "video", "audio", "document", "sticker"], typer.Option("--type")] = "image",
    caption: Annotated[str | None, typer.Option(help="Text below it.")] = None,
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send an image, video, audio file, document or sticker."""
    more: dict[str, Any] = {"caption": caption, "session": session, "idempotency_key": key}
    if source.startswith(("http://", "https://")):
        more["url"] = source
    else:
        path = Path(source)
        if not path.is_file():
            raise typer.BadParameter(f"{source} is neither a URL nor a file")
        more["base64"] = base64.b64encode(path.read_bytes()).decode()
        more["mime_type"] = mimetypes.guess_type(path.name)[0]
        more["filename"] = path.name
    with client() as waqtor:
        receipt = waqtor.messages.send_media(to=to, media_type=kind, **more)
    show(receipt, as_json=as_json)


@app.command()
def buttons(
    to: To,
    body: Annotated[str, typer.Argument(help="The text above the buttons.")],
    button: Annotated[list[str], typer.Option("--button", "-b", help="id=title, up to three times.")],
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send text with reply buttons."""
    made = [dict(zip(("id", "title"), item.split("=", 1), strict=False)) for item in button]
    if any(len(item) != 2 for item in made):
        raise typer.BadParameter("write each button as id=title")
    with client() as waqtor:
        receipt = waqtor.messages.send_buttons(to=to, body=body, buttons=made, session=session, idempotency_key=key)
    show(receipt, as_json=as_json)


@app.command(name="list")
def list_(
    to: To,
    body: Annotated[str, typer.Argument(help="The text above the list.")],
    button: Annotated[str, typer.Option(help="Label of the button that opens it.")],
    sections: Annotated[str, typer.Option(help='JSON: [{"title": …, "rows": [{"id": …, "title": …}]}]')],
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send text with a list of choices."""
    try:
        parsed = json.loads(sections)
    except ValueError as error:
        raise typer.BadParameter(f"--sections is not JSON: {error}") from error
    with client() as waqtor:
        receipt = waqtor.messages.send_list(
            to=to, body=body, button=button, sections=parsed, session=session, idempotency_key=key
        )
    show(receipt, as_json=as_json)


@app.command()
def template(
    to: To,
    name: Annotated[str, typer.Argument(help="Name of the approved template.")],
    language: Annotated[str, typer.Option(help="Its language, for example ar or en_US.")] = "en",
    variable: Annotated[list[str] | None, typer.Option("--var", "-v", help="name=value, repeatable.")] = None,
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send an approved template."""
    pairs = [item.split("=", 1) for item in variable or []]
    if any(len(pair) != 2 for pair in pairs):
        raise typer.BadParameter("write each variable as name=value")
    with client() as waqtor:
        receipt = waqtor.messages.send_template(
            to=to, name=name, language=language, variables=dict(pairs), session=session,
            idempotency_key=key,
        )  # fmt: skip
    show(receipt, as_json=as_json)


@app.command()
def location(
    to: To,
    latitude: Annotated[float, typer.Argument()],
    longitude: Annotated[float, typer.Argument()],
    name: Annotated[str | None, typer.Option(help="What is there.")] = None,
    address: Annotated[str | None, typer.Option(help="Its address.")] = None,
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send a point on the map (degrees)."""
    with client() as waqtor:
        receipt = waqtor.messages.send_location(
            to=to, latitude=latitude, longitude=longitude, name=name, address=address, session=session,
            idempotency_key=key,
        )  # fmt: skip
    show(receipt, as_json=as_json)


@app.command()
def reaction(
    to: To,
    message_id: Annotated[str, typer.Argument(help="The message to react to.")],
    emoji: Annotated[str, typer.Argument(help="An emoji; empty removes the reaction.")] = "",
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """React to a message."""
    with client() as waqtor:
        receipt = waqtor.messages.send_reaction(
            to=to, message_id=message_id, emoji=emoji, session=session, idempotency_key=key
        )
    show(receipt, as_json=as_json)


@app.command()
def resolve(
    message_id: Annotated[str, typer.Argument(help="A message in doubt.")],
    outcome: Annotated[Literal["sent", "not_sent"], typer.Argument(help="What became of it.")],
    resend: Annotated[bool, typer.Option(help="With not_sent: send it again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what became of a message in doubt."""
    with client() as waqtor:
        show(waqtor.messages.resolve(message_id, outcome, resend=resend), as_json=as_json)
