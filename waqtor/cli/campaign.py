"""``waqtor campaign …``: lists of recipients, campaigns, and what became of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from waqtor.cli.connection import AsJson, Session, client, show

app = typer.Typer(no_args_is_help=True, help="Create, rehearse and run campaigns.")
Id = Annotated[str, typer.Argument(help="Id of the campaign.")]
Key = Annotated[str | None, typer.Option("--key", help="Idempotency-Key: the same key does it once.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the record.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    template: Annotated[str | None, typer.Option("--text", "-t", help="The text, with {{variables}}.")] = None,
    to: Annotated[list[str] | None, typer.Option("--to", help="A recipient; repeatable.")] = None,
    audience: Annotated[str | None, typer.Option(help="Id of a kept audience.")] = None,
    variable: Annotated[list[str] | None, typer.Option("--var", "-v", help="name=value for all; repeatable.")] = None,
    fallback: Annotated[list[str] | None, typer.Option(help="name=value when it is empty; repeatable.")] = None,
    at: Annotated[str | None, typer.Option(help="Local start, as 2026-12-31T09:00.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA zone of --at and --quiet.")] = None,
    quiet: Annotated[str | None, typer.Option(help="Quiet hours, as 21:00-08:00.")] = None,
    rate: Annotated[float | None, typer.Option(help="Most messages per second.")] = None,
    file: Annotated[Path | None, typer.Option(help="JSON with all of a campaign, as REST takes it.")] = None,
    session: Session = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft."""
    if file is not None:
        spec: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        spec["name"] = name
    else:
        schedule = {"at": at, "timezone": timezone, "quiet_hours": quiet}
        given = {key: value for key, value in schedule.items() if value is not None}
        spec = {
            "name": name, "template": template, "recipients": to or [], "audience_id": audience, "rate": rate,
            "variables": _pairs(variable), "fallbacks": _pairs(fallback), "schedule": given or None,
            "session": session,
        }  # fmt: skip
    with client() as waqtor:
        show(waqtor.campaigns.create(**spec, idempotency_key=key), as_json=as_json)


@app.command(name="list")
def list_(
    status: Annotated[str | None, typer.Option(help="Only those with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    session: Session = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first."""
    with client() as waqtor:
        show(list(waqtor.campaigns.list(status=status, limit=limit, session=session)), as_json=as_json)


@app.command()
def status(campaign: Id, as_json: AsJson = False) -> None:
    """Show where a campaign stands."""
    with client() as waqtor:
        show(waqtor.campaigns.status(campaign), as_json=as_json)


@app.command()
def execute(campaign: Id, key: Key = None, as_json: AsJson = False) -> None:
    """Start a campaign, or leave it to its schedule."""
    with client() as waqtor:
        show(waqtor.campaigns.execute(campaign, idempotency_key=key), as_json=as_json)


@app.command()
def pause(campaign: Id, reason: Reason = None, key: Key = None, as_json: AsJson = False) -> None:
    """Stop a campaign at the next message."""
    with client() as waqtor:
        show(waqtor.campaigns.pause(campaign, reason, idempotency_key=key), as_json=as_json)


@app.command()
def resume(campaign: Id, key: Key = None, as_json: AsJson = False) -> None:
    """Let a campaign go on where it stopped."""
    with client() as waqtor:
        show(waqtor.campaigns.resume(campaign, idempotency_key=key), as_json=as_json)


@app.command()
def cancel(campaign: Id, reason: Reason = None, key: Key = None, as_json: AsJson = False) -> None:
    """End a campaign for good."""
    with client() as waqtor:
        show(waqtor.campaigns.cancel(campaign, reason, idempotency_key=key), as_json=as_json)


@app.command()
def clone(campaign: Id, key: Key = None, as_json: AsJson = False) -> None:
    """Make a new draft like a campaign."""
    with client() as waqtor:
        show(waqtor.campaigns.clone(campaign, idempotency_key=key), as_json=as_json)


@app.command(name="retry-failed")
def retry_failed(campaign: Id, key: Key = None, as_json: AsJson = False) -> None:
    """Send again to those whose send failed."""
    with client() as waqtor:
        show(waqtor.campaigns.retry_failed(campaign, idempotency_key=key), as_json=as_json)


@app.command(name="dry-run")
def dry_run(campaign: Id, as_json: AsJson = False) -> None:
    """Count, skip and render as if it ran; nothing is sent."""
    with client() as waqtor:
        show(waqtor.campaigns.dry_run(campaign), as_json=as_json)


@app.command(name="test-send")
def try_out(
    campaign: Id,
    to: Annotated[list[str], typer.Option("--to", help="An own number; repeatable.")],
    variant: Annotated[str | None, typer.Option(help="Only this variant.")] = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send the message to a few own numbers."""
    with client() as waqtor:
        show(waqtor.campaigns.test_send(campaign, to, variant=variant, idempotency_key=key), as_json=as_json)


@app.command()
def recipients(
    campaign: Id,
    status: Annotated[str | None, typer.Option(help="Only those with this status, or 'replied'.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    export: Annotated[Path | None, typer.Option(help="Write them to this CSV file, all pages.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show who got it, who did not, and why."""
    with client() as waqtor:
        if export is not None:
            export.write_text(waqtor.campaigns.export(campaign, status=status), encoding="utf-8-sig")
            typer.echo(str(export))
            return
        show(list(waqtor.campaigns.recipients(campaign, status=status, limit=limit)), as_json=as_json)


@app.command()
def report(campaign: Id, as_json: AsJson = False) -> None:
    """Show a campaign's figures."""
    with client() as waqtor:
        show(waqtor.campaigns.report(campaign), as_json=as_json)


@app.command()
def audience(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    file: Annotated[Path | None, typer.Argument(help="CSV or XLSX.")] = None,
    numbers: Annotated[str | None, typer.Option(help="Numbers, separated by commas.")] = None,
    query: Annotated[str | None, typer.Option(help="SQL over the traffic log.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Contacts with this tag; repeatable.")] = None,
    phone: Annotated[str | None, typer.Option(help="The column with the number.")] = None,
    region: Annotated[str | None, typer.Option(help="ISO country of numbers without a country code.")] = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Keep a list of recipients; shows what was left out."""
    with client() as waqtor:
        upload = waqtor.campaigns.upload(file).upload_id if file is not None else None
        made = waqtor.campaigns.create_audience(
            name, upload_id=upload, numbers=numbers, query=query, tags=tag or (), phone=phone, region=region,
            idempotency_key=key,
        )  # fmt: skip
        while made.state == "importing":
            of = f" of about {made.expected:,}" if made.expected else ""
            typer.echo(f"{made.rows:,} rows{of}", err=True)
            time.sleep(0.5)
            made = waqtor.campaigns.audience(made.id)
        issues = waqtor.campaigns.audience_issues(made.id, limit=20) if made.bad or made.duplicates else []
        show(made, as_json=as_json)
        for issue in issues:
            typer.echo(f"line {issue.line}: {issue.value!r}: {issue.message}", err=True)
    if made.state == "failed":
        raise typer.Exit(1)


@app.command()
def audiences(as_json: AsJson = False) -> None:
    """List audiences, the newest first."""
    with client() as waqtor:
        show(list(waqtor.campaigns.audiences()), as_json=as_json)


@app.command(name="delete-audience")
def delete_audience(audience: Annotated[str, typer.Argument(help="Id of the audience.")]) -> None:
    """Forget an audience."""
    with client() as waqtor:
        waqtor.campaigns.delete_audience(audience)


def _pairs(items: list[str] | None) -> dict[str, str]:
    pairs = [item.split("=", 1) for item in items or []]
    if any(len(pair) != 2 for pair in pairs):
        raise typer.BadParameter("write each variable as name=value")
    return {pair[0]: pair[1] for pair in pairs}
