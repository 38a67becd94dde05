"""``waqtor privacy …`` and ``waqtor audit``: people's data and rights, and who did what."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from waqtor.cli.connection import AsJson, client, show
from waqtor.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="What is known of people: look up, export, erase, consents, retention.")
Contact = Annotated[str, typer.Argument(help="Phone number or chat id.")]
Purpose = Annotated[str, typer.Option(help="What the consent is for.")]


@app.command()
def person(contact: Contact, as_json: AsJson = False) -> None:
    """Show how much is known of a person."""
    with client() as waqtor:
        show(waqtor.privacy.person(contact), as_json=as_json)


@app.command()
def export(
    contact: Contact,
    out: Annotated[Path, typer.Option("--out", "-o", help="The ZIP to write; refused when it exists.")],
) -> None:
    """Write everything that is known of a person to a ZIP."""
    if out.exists():
        raise InvalidInput(f"{out} exists already.")
    with client() as waqtor:
        data = waqtor.privacy.export(contact)
    out.touch(mode=0o600)
    out.write_bytes(data)
    typer.echo(f"{out}: {len(data):,} bytes")


@app.command()
def erase(
    contact: Contact,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until it is done.")] = True,
    as_json: AsJson = False,
) -> None:
    """Erase a person everywhere. It cannot be taken back."""
    if not yes:
        typed = typer.prompt("This cannot be taken back. Type the number again to go on")
        if "".join(filter(str.isdigit, typed)) != "".join(filter(str.isdigit, contact)):
            raise InvalidInput("That is not the same number; nothing was erased.")
    with client() as waqtor:
        view = waqtor.privacy.erase(contact)
        said = ""
        while wait and view.state == "running":
            if view.step != said and not as_json:
                said = view.step
                sys.stderr.write(f"{said} …\n")
            time.sleep(0.5)
            view = waqtor.privacy.erasure(view.id)
        show(view, as_json=as_json)


@app.command()
def erasures(as_json: AsJson = False) -> None:
    """List the latest erasures."""
    with client() as waqtor:
        show(list(waqtor.privacy.erasures()), as_json=as_json)


@app.command()
def consents(
    contact: Annotated[str | None, typer.Option(help="Of this person.")] = None,
    purpose: Annotated[str | None, typer.Option(help="For this purpose.")] = None,
    history: Annotated[bool, typer.Option(help="What became of them (needs --contact).")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List consents that are valid, or a person's history."""
    if history and contact is None:
        raise InvalidInput("--history needs --contact.")
    with client() as waqtor:
        if history and contact is not None:
            show(list(waqtor.privacy.consent_history(contact)), as_json=as_json)
        else:
            show(list(waqtor.privacy.consents(contact=contact, purpose=purpose, limit=limit)), as_json=as_json)


@app.command()
def consent(
    contact: Contact,
    source: Annotated[str, typer.Option(help="How it is known: a form, a message, a paper.")],
    purpose: Purpose = "marketing",
    at: Annotated[str | None, typer.Option(help="When it was given, as ISO-8601 time; default: now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record a consent."""
    with client() as waqtor:
        show(waqtor.privacy.give_consent(contact, purpose=purpose, source=source, at=at), as_json=as_json)


@app.command()
def withdraw(
    contact: Contact,
    purpose: Purpose = "marketing",
    source: Annotated[str, typer.Option(help="How it is known.")] = "cli",
    as_json: AsJson = False,
) -> None:
    """Record that a consent no longer holds."""
    with client() as waqtor:
        show(waqtor.privacy.withdraw_consent(contact, purpose=purpose, source=source), as_json=as_json)


@app.command(name="import-consents")
def import_consents(
    file: Annotated[Path, typer.Argument(help="CSV with a column phone, perhaps purpose, source, at.", exists=True)],
    purpose: Purpose = "marketing",
    source: Annotated[str, typer.Option(help="How it is known, for lines that do not say.")] = "import",
    as_json: AsJson = False,
) -> None:
    """Record a list of consents."""
    with client() as waqtor:
        show(waqtor.privacy.import_consents(file, purpose=purpose, origin=source), as_json=as_json)


@app.command(name="opt-out")
def opt_out(
    contact: Contact,
    source: Annotated[str, typer.Option(help="How it is known.")] = "cli",
    as_json: AsJson = False,
) -> None:
    """Take a person out of all campaigns."""
    with client() as waqtor:
        show(waqtor.privacy.opt_out(contact, source=source), as_json=as_json)


@app.command(name="opt-in")
def opt_in(contact: Contact, as_json: AsJson = False) -> None:
    """End an opt-out."""
    with client() as waqtor:
        show(waqtor.privacy.opt_in(contact), as_json=as_json)


@app.command()
def retention(as_json: AsJson = False) -> None:
    """Show how long each kind of data is kept, and what the journal waits for."""
    with client() as waqtor:
        show(list(waqtor.privacy.retention()), as_json=as_json)


def audit(
    action: Annotated[str | None, typer.Option(help="Only this action, for example webhook.rotated.")] = None,
    contact: Annotated[str | None, typer.Option(help="Only what was about this person.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was about this id.")] = None,
    key: Annotated[str | None, typer.Option(help="Only what this key did (its id).")] = None,
    since: Annotated[str | None, typer.Option(help="From this ISO-8601 time on.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this ISO-8601 time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List sensitive actions: who did what, when. Contacts are pseudonyms."""
    with client() as waqtor:
        page = waqtor.privacy.audit(
            action=action, contact=contact, subject=subject, key_id=key, since=since, until=until, limit=limit
        )
    show(list(page), as_json=as_json)
