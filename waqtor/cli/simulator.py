"""``waqtor simulator``: the simulated WhatsApp in a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from waqtor.settings import Settings


def simulator(
    socket: Annotated[Path | None, typer.Option(help="Where it listens; default: the setting.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes delays and faults repeatable.")] = None,
    record: Annotated[Path | None, typer.Option(help="File to append accepted calls to.")] = None,
) -> None:
    """Run the simulated WhatsApp until interrupted (`waqtor up` starts one by itself)."""
    path = socket or Settings().simulator_path
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = [sys.executable, "-m", "waqtor.transports.simulator", "--socket", str(path)]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    if record is not None:
        arguments += ["--record", str(record)]
    os.execv(sys.executable, arguments)
