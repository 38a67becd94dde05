"""The peer of the campaign: the same recipients as BullMQ jobs on Redis, sent through the same kind of simulator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import waqtor
from waqtor.transports.simulator.process import SimulatorProcess

_PEERS = Path(waqtor.__file__).parents[1] / "tests" / "benchmarks" / "peers"
_PATIENCE_S = 600.0


def bullmq_peer(folder: Path, recipients: int, in_flight: int) -> dict[str, Any] | None:
    """Recipients per second (``rate``) and whether everybody got it once (``exact``); ``None`` when it cannot run.

    Redis syncs its append-only file at every write (``appendfsync always``), as our commits are on disk. Its figure
    covers queueing and sending, ours reading the plan, queueing, sending, receipts, journal and log.
    """
    place = folder / "bullmq"
    place.mkdir(exist_ok=True)
    if (node := _installed(place)) is None:
        return None
    with _redis(place) as socket:
        return asyncio.run(_run(place, [node, "bullmq_jobs.mjs", str(socket)], recipients, in_flight))


async def _run(place: Path, command: list[str], recipients: int, in_flight: int) -> dict[str, Any] | None:
    async with SimulatorProcess(place / "sim.sock") as simulator:
        process = await asyncio.create_subprocess_exec(
            *command, str(place / "sim.sock"), str(recipients), str(in_flight), cwd=place,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, words = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
        except TimeoutError:
            process.kill()
            out, words = await process.communicate()
        if process.returncode:
            _left_out(f"it ended with code {process.returncode}: {words.decode(errors='replace')[-500:]}")
            return None
        calls = await simulator.control.calls()
    once = sum(1 for call in calls.values() if call["count"] == 1)
    return {**json.loads(out), "exact": once == len(calls) == recipients}


def _installed(place: Path) -> str | None:
    """Node's path, with the packages installed in ``place``."""
    node, npm = shutil.which("node"), shutil.which("npm")
    missing = [name for name, found in (("nodejs npm", node and npm), ("redis-server", _server())) if not found]
    if missing:
        _left_out(f"type: apt-get install -y --no-install-recommends {' '.join(missing)}")
        return None
    if not _PEERS.is_dir():
        _left_out("tests/benchmarks/peers is not here (run it in a checkout)")
        return None
    for name in ("bullmq_jobs.mjs", "package.json"):
        shutil.copy(_PEERS / name, place / name)
    assert npm is not None
    done = subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=place, capture_output=True, text=True)
    if done.returncode:
        _left_out(f"npm install failed: {done.stderr[-500:]}")
        return None
    return node


def _server() -> str | None:
    return shutil.which("redis-server")


@contextlib.contextmanager
def _redis(place: Path) -> Iterator[Path]:
    """A Redis of our own on a socket, every write synced."""
    socket = place / "redis.sock"
    command = [
        str(_server()), "--port", "0", "--unixsocket", str(socket), "--dir", str(place), "--save", "",
        "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--daemonize", "no",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while not socket.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        yield socket
    finally:
        process.terminate()
        process.wait(30)


def _left_out(why: str) -> None:
    print(f"bench campaign: BullMQ is left out; {why}", file=sys.stderr)  # noqa: T201
