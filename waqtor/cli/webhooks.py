"""``waqtor webhooks …``: webhooks, their deliveries and replay, through the running sidecar."""

from __future__ import annotations

from typing import Annotated

import typer

from waqtor.cli.connection import AsJson, client, show
from waqtor.cli.hook_options import Given, with_options
from waqtor.contracts.webhooks import Filters

app = typer.Typer(no_args_is_help=True, help="Webhooks: register, test, rotate, look at deliveries, replay.")
Id = Annotated[str, typer.Argument(help="Id of the webhook.")]
Secret = Annotated[str | None, typer.Option(help="Its new secret; default: one is made.")]


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List webhooks, without their secrets."""
    with client() as waqtor:
        show(list(waqtor.webhooks.list()), as_json=as_json)


@app.command()
@with_options
def create(
    url: Annotated[str, typer.Argument(help="Where to deliver.")], given: Given, as_json: AsJson = False
) -> None:
    """Register a webhook; keep the answer, the secret is not shown again."""
    events = given.fields.pop("events", ("*",))
    with client() as waqtor:
        show(waqtor.webhooks.create(url, events, filters=given.over(Filters()), **given.fields), as_json=as_json)


@app.command()
@with_options
def update(
    webhook_id: Id,
    given: Given,
    url: Annotated[str | None, typer.Option(help="Where to deliver.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given; the rest stays."""
    changes = given.fields if url is None else {**given.fields, "url": url}
    with client() as waqtor:
        if given.filters:
            changes["filters"] = given.over(waqtor.webhooks.get(webhook_id).filters)
        show(waqtor.webhooks.update(webhook_id, **changes), as_json=as_json)


@app.command()
def delete(webhook_id: Id) -> None:
    """Remove a webhook with its log."""
    with client() as waqtor:
        waqtor.webhooks.delete(webhook_id)
    typer.echo("deleted")


@app.command(name="test")
def try_out(webhook_id: Id, as_json: AsJson = False) -> None:
    """Send one test delivery now; exit code 1 when the receiver did not take it."""
    with client() as waqtor:
        detail = waqtor.webhooks.test(webhook_id)
    show(detail, as_json=as_json)
    if detail.delivery.state != "delivered":
        raise typer.Exit(1)


@app.command()
def rotate(webhook_id: Id, secret: Secret = None, as_json: AsJson = False) -> None:
    """Give it a new secret, shown once; the old one signs along for 24 hours."""
    with client() as waqtor:
        show(waqtor.webhooks.rotate(webhook_id, secret=secret), as_json=as_json)


@app.command()
def replay(
    webhook_id: Id,
    delivery: Annotated[str | None, typer.Option(help="Only this delivery.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Delivered ones too, not only the dead.")] = False,
    since: Annotated[str | None, typer.Option(help="From this time on (ISO-8601).")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time (ISO-8601).")] = None,
    missing: Annotated[bool, typer.Option(help="Also events that had no delivery.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deliver again; ids stay the same."""
    with client() as waqtor:
        found = waqtor.webhooks.replay(
            webhook_id, delivery_id=delivery, status="all" if everything else None, since=since, until=until,
            missing=missing or None,
        )  # fmt: skip
    show(found, as_json=as_json)


@app.command()
def logs(
    webhook_id: Id,
    state: Annotated[str | None, typer.Option(help="pending, delivered, dead or replaced.")] = None,
    event: Annotated[str | None, typer.Option(help="Only this event.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    with client() as waqtor:
        show(list(waqtor.webhooks.logs(webhook_id, state=state, event=event, limit=limit)), as_json=as_json)


@app.command()
def stats(webhook_id: Id, hours: Annotated[int, typer.Option(min=1, max=720)] = 24, as_json: AsJson = False) -> None:
    """Success rate and response times of the last hours."""
    with client() as waqtor:
        show(waqtor.webhooks.stats(webhook_id, hours=hours), as_json=as_json)
