"""``waqtor bench …``: measurements. One JSON object (or a list) on stdout with --json, logs on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

app = typer.Typer(no_args_is_help=True, help="Measure; exit code 1 when a stated floor is missed.")
Keep = Annotated[Path | None, typer.Option("--keep", help="Leave the data in this folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def _finish(results: list[dict[str, Any]], as_json: bool) -> None:
    from waqtor.benchmarks.result import show

    raise typer.Exit(show(results, as_json=as_json))


def _parts(text: str, known: Iterable[str]) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if wrong := [part for part in parts if part not in known] or ([""] if not parts else []):
        raise typer.BadParameter(f"{wrong[0]!r} is none of: {', '.join(known)}.")
    return parts


@app.callback()
def _logs_to_stderr() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


@app.command()
def ledger(
    sends: Annotated[int, typer.Option(min=100, help="Sends per measurement.")] = 20_000,
    postgres: Annotated[bool, typer.Option(help="Also on PostgreSQL.")] = True,
    parts: Annotated[str, typer.Option(help="Of: ledger, slow, e2e.")] = "ledger,slow,e2e",
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Durable sends per second, beside a bare group-commit loop; and end to end through the simulator."""
    from waqtor.benchmarks.ledger import run

    _finish(run(sends=sends, postgres=postgres, keep=keep, parts=parts), as_json)


@app.command()
def log(
    rows: Annotated[int, typer.Option(min=1000, help="Rows to log.")] = 100_000,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Rows per second into DuckDB, beside the raw Appender."""
    from waqtor.benchmarks.log import run

    _finish(run(rows=rows, keep=keep), as_json)


@app.command()
def match(
    messages: Annotated[int, typer.Option(min=10, help="How many messages.")] = 400,
    dataset: Annotated[Path | None, typer.Option(help="JSON lines with texts; default: own samples.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules folder; default: the setting.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder; default: the setting.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Decisions in flight.")] = 32,
    python: Annotated[
        Path | None, typer.Option(help="Interpreter with semantic-router; default: that of .venv-peers.")
    ] = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Decisions per second and latency of the bot, beside sentence-transformers and semantic-router."""
    from waqtor.benchmarks.match import run

    given = {
        "messages": messages, "dataset": dataset, "rules": rules, "encoder": encoder, "concurrency": concurrency,
        "python": python, "keep": keep,
    }  # fmt: skip
    _finish(run({name: value for name, value in given.items() if value is not None}), as_json)


@app.command()
def fit(
    parts: Annotated[str, typer.Option(help="Of: large, small, edit, cold.")] = "large,small,edit,cold",
    dataset: Annotated[
        Path | None, typer.Option(help="JSONL of labelled messages to make rules of; default: see the docs.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="Encoder; default: the setting.")] = "",
    rate: Annotated[float, typer.Option(min=1, help="Messages a second that flow while rules are edited.")] = 50.0,
    edits: Annotated[int, typer.Option(min=1, help="How many edits.")] = 5,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Seconds to learn 77 rules of 130 examples and 40 of 12, to take over an edit while messages flow, to start."""
    from waqtor.benchmarks.fit import PARTS, run

    chosen = _parts(parts, PARTS)
    _finish(run(parts=chosen, dataset=dataset, encoder=encoder, rate=rate, edits=edits, keep=keep), as_json)


@app.command()
def ws(
    clients: Annotated[int, typer.Option(min=10, help="Readers.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, help="About how long each load lasts.")] = 5.0,
    parts: Annotated[str, typer.Option(help="Of: fanout, slow, flood.")] = "fanout,slow,flood",
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """WebSocket deliveries per second of CPU beside Node and websockets.broadcast; latency, memory, compression.

    ``slow``: what a client that never reads does to the others. ``flood``: what 2,000 bad handshakes a second do.
    """
    from waqtor.benchmarks import fanout, flood, slowreader

    known = {
        "fanout": lambda: fanout.run(clients=clients, seconds=seconds, keep=keep),
        "slow": lambda: slowreader.run(seconds=seconds),
        "flood": lambda: flood.run(keep=keep),
    }
    _finish([found for part in _parts(parts, known) for found in known[part]()], as_json)


@app.command()
def soak(
    clients: Annotated[int, typer.Option(min=1, help="SDK streams.")] = 500,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long.")] = 10.0,
    kills: Annotated[int, typer.Option(min=0, help="How often the sidecar is killed and restarted.")] = 10,
    rate: Annotated[float, typer.Option(min=0.1, help="Sends per second.")] = 10.0,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Keep clients on a sidecar that is killed again and again; each must get every event once, in order."""
    from waqtor.benchmarks.soak import run

    _finish(run(clients=clients, minutes=minutes, kills=kills, rate=rate, keep=keep), as_json)


@app.command()
def accuracy(
    dataset: Annotated[
        list[Path] | None, typer.Option(help="Folder with train.jsonl and test.jsonl; may be repeated.")
    ] = None,
    platforms: Annotated[
        Path | None, typer.Option(help="Folder of recorded answers, NAME_BOT.csv; default: the shared one.")
    ] = None,
    peers: Annotated[
        str,
        typer.Option(
            help="Of: nearest_example, linear_svm, fasttext, semantic_router, semantic_router_max, setfit; or none."
        ),
    ] = "nearest_example,linear_svm,fasttext,semantic_router,semantic_router_max",
    python: Annotated[
        Path | None, typer.Option(help="Interpreter with the peers' packages; default: that of .venv-peers.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="For all that take one; default: the setting.")] = "",
    limit: Annotated[float, typer.Option(min=1, help="Longest time for a peer on a data set, seconds.")] = 900.0,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy, AUROC and right replies at 5 % wrong, beside other matchers and recorded platforms."""
    from waqtor.benchmarks.accuracy import run

    names = [] if peers == "none" else [name.strip() for name in peers.split(",") if name.strip()]
    _finish(
        run(dataset or [], platforms=platforms, peers=names, python=python, encoder=encoder, limit_s=limit, keep=keep),
        as_json,
    )


@app.command()
def chaos(
    kills: Annotated[int | None, typer.Option(min=0, help="How often it is killed; default 50, else 20.")] = None,
    seed: Annotated[int, typer.Option(help="Of the moments and the load.")] = 1,
    postgres: Annotated[bool, typer.Option(help="On PostgreSQL instead of SQLite.")] = False,
    webhooks: Annotated[bool, typer.Option("--webhooks", help="Under receivers of webhooks that fail.")] = False,
    events: Annotated[int, typer.Option(min=10, help="Messages that people write, with --webhooks.")] = 20_000,
    campaign: Annotated[bool, typer.Option("--campaign", help="Kill, then pause, a running campaign.")] = False,
    recipients: Annotated[int, typer.Option(min=100, max=20_000, help="Of the campaign.")] = 20_000,
    pauses: Annotated[int, typer.Option(min=0, help="How often the campaign is paused.")] = 50,
    engines: Annotated[int, typer.Option(min=1, max=2, help="Engines of the campaign; two share a PostgreSQL.")] = 1,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Kill the sidecar under load; count what was lost, doubled or skipped."""
    if webhooks:
        from waqtor.benchmarks import hookchaos

        times = 20 if kills is None else kills
        _finish(hookchaos.run(kills=times, events=events, seed=seed, postgres=postgres, keep=keep), as_json)
    if campaign:
        from waqtor.benchmarks import campaignchaos

        plan = campaignchaos.Plan(recipients, 20 if kills is None else kills, pauses, engines, seed)
        _finish(campaignchaos.run(plan, postgres=postgres, keep=keep), as_json)
    from waqtor.benchmarks.chaos import run

    _finish(run(kills=50 if kills is None else kills, seed=seed, postgres=postgres, keep=keep), as_json)


@app.command()
def audience(
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the list.")] = 1_000_000,
    postgres: Annotated[bool, typer.Option(help="Also on PostgreSQL.")] = True,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Rows per second from a CSV list into an audience, beside parsing its numbers alone."""
    from waqtor.benchmarks.audiences import run

    _finish(run(rows=rows, postgres=postgres, keep=keep), as_json)


@app.command()
def suggestions(
    dataset: Annotated[Path | None, typer.Option(help="Folder of clinc150; default: the shared one.")] = None,
    encoder: Annotated[str, typer.Option(help="Encoder; default: the setting.")] = "",
    seed: Annotated[int, typer.Option(help="Chooses the intents that are left out.")] = 7,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Intents that the learning loop finds anew, and the gain that it promised beside the gain that came."""
    from waqtor.benchmarks.suggestions import run

    _finish(run(dataset, encoder=encoder, seed=seed, keep=keep), as_json)


@app.command()
def replay(
    messages: Annotated[int, typer.Option(min=10, help="Recorded messages.")] = 100_000,
    compare: Annotated[int, typer.Option(min=0, help="So many are also decided on one at a time.")] = 5000,
    encoder: Annotated[str, typer.Option(help="Encoder; default: the setting.")] = "",
    rules: Annotated[Path | None, typer.Option(help="Rules folder; default: the setting.")] = None,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Recorded messages a second through changed rules; the listed changes must equal those found one at a time."""
    from waqtor.benchmarks.replay import run

    _finish(run(messages=messages, compare=compare, encoder=encoder, rules=rules, keep=keep), as_json)


@app.command()
def dashboard(
    messages: Annotated[int, typer.Option(min=100, help="Messages in store and log.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each page is used; the median counts.")] = 3,
    keep: Annotated[Path | None, typer.Option("--keep", help="Leave the data here; if there is some, use it.")] = None,
    as_json: AsJson = False,
) -> None:
    """First paint and interactions of the dashboard's pages in Chromium, over a large store and log."""
    from waqtor.benchmarks.dashboard import run

    _finish(run(messages=messages, rounds=rounds, keep=keep), as_json)


@app.command()
def campaign(
    recipients: Annotated[int, typer.Option(min=100, help="Size of the audience.")] = 100_000,
    postgres: Annotated[bool, typer.Option(help="Also on PostgreSQL.")] = True,
    bullmq: Annotated[bool, typer.Option(help="Also BullMQ on Redis (Node, npm and redis-server).")] = True,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Plan, queue and send a campaign through the simulator; compare journal, DuckDB and the simulator's record."""
    from waqtor.benchmarks.campaign import run

    _finish(run(recipients=recipients, postgres=postgres, bullmq=bullmq, keep=keep), as_json)


@app.command()
def webhooks(
    deliveries: Annotated[int, typer.Option(min=1000, help="Deliveries per measurement.")] = 20_000,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Deliveries under way at once.")] = 64,
    postgres: Annotated[bool, typer.Option(help="The rate also on PostgreSQL.")] = False,
    parts: Annotated[str, typer.Option(help="Of: rate, dead.")] = "rate,dead",
    seconds: Annotated[float, typer.Option(min=2, help="How long beside a dead endpoint.")] = 60.0,
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """Webhook deliveries per second beside aiohttp alone and Node; a healthy endpoint's p99 beside a dead one."""
    from waqtor.benchmarks.hooks import run

    _finish(
        run(
            deliveries=deliveries, concurrency=concurrency, postgres=postgres, parts=parts, seconds=seconds, keep=keep
        ),
        as_json,
    )  # fmt: skip


@app.command()
def notifications(
    rows: Annotated[int, typer.Option(min=1000, help="How many there are.")] = 1_000_000,
    users: Annotated[int, typer.Option(min=1, help="Whose they are.")] = 5,
    calls: Annotated[int, typer.Option(min=10, help="How often each call is made.")] = 500,
    postgres: Annotated[bool, typer.Option(help="Also on PostgreSQL.")] = True,
    url: Annotated[str, typer.Option(help="Empty PostgreSQL database; default: a packaged server.")] = "",
    keep: Keep = None,
    as_json: AsJson = False,
) -> None:
    """P99 of listing, counting and marking all among a million notifications, on SQLite and PostgreSQL."""
    from waqtor.benchmarks.notices import run

    _finish(run(rows=rows, users=users, calls=calls, postgres=postgres, url=url, keep=keep), as_json)
