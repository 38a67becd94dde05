"""``waqtor replay FILE.jsonl``: feed recorded messages through the simulator and the whole engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from waqtor.errors import WaqtorError
from waqtor.settings import Settings
from waqtor.transports.simulator.replay import Summary, replay_file

__all__ = ["Summary", "replay", "replay_file"]


def replay(
    file: Annotated[Path, typer.Argument(help='JSON lines: {"text": …, "from"?: …, "lang"?: …, "label"?: …}')],
    rate: Annotated[
        float, typer.Option("--rate", "--speed", min=0, help="Messages per second; 0: as fast as they are taken.")
    ] = 0.0,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many messages.")] = None,
    contacts: Annotated[int, typer.Option(min=1, help="So many people write in turn where a line names none.")] = 500,
    session: Annotated[str, typer.Option(help="The session; default: the setting.")] = "",
    settle: Annotated[float, typer.Option(min=0.1, help="Done when no reply came for so many seconds.")] = 3.0,
    socket: Annotated[Path | None, typer.Option(help="The simulator's socket; default: the setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Feed the messages of FILE through the simulator as if people wrote them now, and count what came back."""
    settings = Settings()
    errors = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]} msg/s"),
        TimeRemainingColumn(),
        console=errors,
    )
    try:
        with bar:
            task = bar.add_task("replay", total=None, speed="–")

            def progress(done: int, total: int) -> None:
                speed = bar.tasks[0].speed
                bar.update(task, completed=done, total=total, speed="–" if speed is None else f"{speed:.0f}")
                if done == total:
                    bar.update(task, description="waiting for replies")

            summary = asyncio.run(
                replay_file(
                    file,
                    socket or settings.simulator_path,
                    rate=rate,
                    limit=limit,
                    session=session or settings.session,
                    contacts=contacts,
                    settle_s=settle,
                    progress=progress,
                )
            )
    except WaqtorError as error:
        errors.print(error.message, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(orjson.dumps(summary.as_dict()).decode())
    else:
        _show(summary)
    if summary.acked < summary.messages or summary.duplicates:
        raise typer.Exit(1)


def _show(summary: Summary) -> None:
    lost = summary.messages - summary.acked
    typer.echo(f"messages   {summary.messages:>8,}")
    typer.echo(f"acked      {summary.acked:>8,}   {summary.rate:,.0f} per second, {summary.seconds:.1f} s")
    typer.echo(f"replies    {summary.replies:>8,}   the last after {summary.settled_seconds:.1f} s")
    typer.echo(f"duplicates {summary.duplicates:>8,}   sends accepted more than once")
    if summary.redelivered:
        typer.echo(f"repeated   {summary.redelivered:>8,}   deliveries that were not acknowledged in time")
    if lost:
        typer.echo(f"unacked    {lost:>8,}   given up waiting for the engine")
