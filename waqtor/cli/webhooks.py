"""``waqtor webhooks …``: webhooks, their deliveries and replay, through the running sidecar."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from waqtor.cli.connection import AsJson, client, show

app = typer.Typer(no_args_is_help=True, help="Webhooks: register, test, rotate, look at deliveries, replay.")
Id = Annotated[str, typer.Argument(help="Id of the webhook.")]
Names = Annotated[list[str] | None, typer.Option("--event", "-e", help="An event's name; repeat. Default: *.")]
Enabled = Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it is on.")]
Ordered = Annotated[bool | None, typer.Option("--ordered/--unordered", help="Keep the order within a chat.")]
Secret = Annotated[str | None, typer.Option(help="Its secret; default: one is made (or the old one stays).")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List webhooks, without their secrets."""
    with client() as waqtor:
        show(list(waqtor.webhooks.list()), as_json=as_json)


@app.command()
def create(
    url: Annotated[str, typer.Argument(help="Where to deliver.")],
    event: Names = None,
    name: Name = None,
    secret: Secret = None,
    ordered: Ordered = None,
    enabled: Enabled = None,
    as_json: AsJson = False,
) -> None:
    """Register a webhook; keep the answer, the secret is not shown again."""
    options = _given(name=name, secret=secret, ordered=ordered, enabled=enabled)
    with client() as waqtor:
        show(waqtor.webhooks.create(url, event or ["*"], **options), as_json=as_json)


@app.command()
def update(
    webhook_id: Id,
    url: Annotated[str | None, typer.Option(help="Where to deliver.")] = None,
    event: Names = None,
    name: Name = None,
    secret: Secret = None,
    ordered: Ordered = None,
    enabled: Enabled = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given; the rest stays."""
    changes = _given(
        url=url, events=tuple(event) if event else None, name=name, secret=secret, ordered=ordered, enabled=enabled
    )
    with client() as waqtor:
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


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
