"""``waqtor send …``: one command for each kind of message."""

from __future__ import annotations

import base64
import json
import mimetypes
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from waqtor.cli.connection import AsJson, Session, client, show
from waqtor.contracts.media import MediaType

app = typer.Typer(no_args_is_help=True, help="Send messages through the running sidecar.")
To = Annotated[str, typer.Argument(help="Phone number, chat id or group id.")]
Key = Annotated[str | None, typer.Option("--key", help="Idempotency-Key: the same key is one send.")]
Header = Annotated[str | None, typer.Option(help="Text above, in bold.")]
Footer = Annotated[str | None, typer.Option(help="Small text below.")]
Quote = Annotated[str | None, typer.Option("--quote", help="Id of the message to quote.")]


@app.command()
def text(
    to: To,
    body: Annotated[str, typer.Argument(help="The text.")],
    session: Session = None,
    quote: Quote = None,
    mention: Annotated[list[str] | None, typer.Option(help="A number that the text mentions, repeatable.")] = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send a text."""
    with client() as waqtor:
        receipt = waqtor.messages.send(
            to=to, text=body, session=session, quoted_message_id=quote, mentions=mention or (), idempotency_key=key
        )
    show(receipt, as_json=as_json)


@app.command()
def media(
    to: To,
    source: Annotated[str, typer.Argument(help="A URL, a local file, or the media_id of an upload.")],
    kind: Annotated[MediaType, typer.Option("--type")] = "image",
    caption: Annotated[str | None, typer.Option(help="Text below it.")] = None,
    session: Session = None,
    quote: Quote = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send an image, video, audio file, document or sticker."""
    more: dict[str, Any] = {"caption": caption, "session": session, "quoted_message_id": quote, "idempotency_key": key}
    if source.startswith(("http://", "https://")):
        more["url"] = source
    elif source.startswith("med_"):
        more["media_id"] = source
    else:
        path = Path(source)
        if not path.is_file():
            raise typer.BadParameter(f"{source} is neither a URL nor a file nor the id of an upload")
        more["base64"] = base64.b64encode(path.read_bytes()).decode()
        more["mime_type"] = mimetypes.guess_type(path.name)[0]
        more["filename"] = path.name
    with client() as waqtor:
        receipt = waqtor.messages.send_media(to=to, media_type=kind, **more)
    show(receipt, as_json=as_json)


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
    kind: Annotated[MediaType | None, typer.Option("--type", help="Refuse what this kind cannot carry.")] = None,
    as_json: AsJson = False,
) -> None:
    """Upload a file; its media_id can then be sent any number of times."""
    with client() as waqtor:
        show(waqtor.messages.upload(file, media_type=kind), as_json=as_json)


@app.command(name="delete-media")
def delete_media(
    media_id: Annotated[str, typer.Argument(help="The media_id of an upload.")], as_json: AsJson = False
) -> None:
    """Forget an uploaded file."""
    with client() as waqtor:
        show(waqtor.messages.delete_media(media_id), as_json=as_json)


@app.command()
def buttons(
    to: To,
    body: Annotated[str, typer.Argument(help="The text above the buttons.")],
    button: Annotated[list[str], typer.Option("--button", "-b", help="id=title, up to three times.")],
    header: Header = None,
    footer: Footer = None,
    session: Session = None,
    quote: Quote = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send text with reply buttons."""
    made = [dict(zip(("id", "title"), item.split("=", 1), strict=False)) for item in button]
    if any(len(item) != 2 for item in made):
        raise typer.BadParameter("write each button as id=title")
    with client() as waqtor:
        receipt = waqtor.messages.send_buttons(
            to=to, body=body, buttons=made, header=header, footer=footer, session=session, quoted_message_id=quote,
            idempotency_key=key,
        )  # fmt: skip
    show(receipt, as_json=as_json)


@app.command(name="list")
def list_(
    to: To,
    body: Annotated[str, typer.Argument(help="The text above the list.")],
    button: Annotated[str, typer.Option(help="Label of the button that opens it.")],
    sections: Annotated[str, typer.Option(help='JSON: [{"title": …, "rows": [{"id": …, "title": …}]}]')],
    header: Header = None,
    footer: Footer = None,
    session: Session = None,
    quote: Quote = None,
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
            to=to, body=body, button=button, sections=parsed, header=header, footer=footer, session=session,
            quoted_message_id=quote, idempotency_key=key,
        )  # fmt: skip
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
