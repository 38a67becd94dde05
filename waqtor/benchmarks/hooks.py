"""``waqtor bench webhooks``: deliveries per second through the durable path, and what a dead endpoint does to others.

The peers run against the same receiver in the same run: aiohttp alone with as many workers, and the dispatcher that
awaits one POST after another, in Node.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import waqtor
from waqtor.benchmarks.hooksink import SinkProcess
from waqtor.benchmarks.ledger import postgres_server
from waqtor.benchmarks.result import result

FLOOR_BARE, FLOOR_SEQUENTIAL, MOST_P99 = 0.5, 0.5, 1.1
"""Least share of bare aiohttp's rate; of a sequential dispatcher's; most growth of p99 beside a dead endpoint."""
_PEER = Path(waqtor.__file__).parents[1] / "tests" / "benchmarks" / "peers" / "webhook_dispatcher.mjs"
_ROUNDS = 3


def run(
    *, deliveries: int = 20_000, concurrency: int = 64, postgres: bool = False, parts: str = "rate,dead",
    seconds: float = 60.0, keep: Path | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Measure.

    Args:
        deliveries: Of each measurement of the rate.
        concurrency: Deliveries under way at once, ours and the bare loop's.
        postgres: The rate also on PostgreSQL.
        parts: Of ``rate`` and ``dead``.
        seconds: How long the endpoint beside a dead one is measured.
        keep: Where the databases are left.
    """
    found: list[dict[str, Any]] = []
    chosen = {part.strip() for part in parts.split(",")}
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-bench-", dir=Path.cwd())))
        folder = keep or made
        folder.mkdir(parents=True, exist_ok=True)
        sink = stack.enter_context(SinkProcess())
        if "rate" in chosen:
            found += _rates(sink, folder, "", deliveries, concurrency)
            if postgres:
                url = stack.enter_context(postgres_server(folder))
                found += _rates(sink, folder, url, deliveries, concurrency)
        if "dead" in chosen:
            found.append(_beside_dead(sink, folder, seconds))
    return found


def _rates(sink: SinkProcess, folder: Path, url: str, deliveries: int, concurrency: int) -> list[dict[str, Any]]:
    """Ours and the bare loop in turns; the best of each, so that a passing disturbance does not decide."""
    ours: list[dict[str, float]] = []
    bare: list[dict[str, float]] = []
    for _ in range(_ROUNDS):
        place = Path(tempfile.mkdtemp(dir=folder))
        if url:
            _emptied(url)
        load = ["--deliveries", str(deliveries), "--concurrency", str(concurrency)]
        ours.append(_sender(sink, deliveries, "durable", *load, "--folder", str(place), "--url", url))
        bare.append(_sender(sink, deliveries, "bare", *load))
    peers = [("aiohttp alone", _best(bare), FLOOR_BARE)]
    if (node := _node(sink, max(1000, deliveries // 4))) is not None:
        peers.append(("Node, one POST after another", node, FLOOR_SEQUENTIAL))
    mine, found = _best(ours), []
    for peer, its, floor in peers:
        for unit, figure in (("deliveries/s", "seconds"), ("deliveries/CPU-s", "cpu")):
            name = f"webhooks.{'postgresql' if url else 'sqlite'}, {unit}"
            found.append(
                result(
                    name, mine[figure], unit, peer=peer, peer_value=its[figure], of="ratio",
                    floor=floor if figure == "cpu" or peer.startswith("Node") else None,
                    concurrency=concurrency, deliveries=deliveries,
                )
            )  # fmt: skip
    return found


def _best(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {figure: max(run[figure] for run in runs) for figure in ("seconds", "cpu")}


def _sender(sink: SinkProcess, deliveries: int, *arguments: str) -> dict[str, float]:
    """Run a sender; its rates per second and per CPU-second. Every delivery must have come, once."""
    sink.ask("count")
    command = [sys.executable, "-m", "waqtor.benchmarks.hooksenders", *arguments, "--sink", sink.url]
    return _rate(sink, deliveries, subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _rate(sink: SinkProcess, deliveries: int, printed: bytes) -> dict[str, float]:
    counted = sink.ask("count")
    if counted != {"requests": deliveries, "ids": deliveries}:
        raise RuntimeError(f"the receiver got {counted} of {deliveries} deliveries")
    return {figure: deliveries / used for figure, used in json.loads(printed).items()}


def _node(sink: SinkProcess, deliveries: int) -> dict[str, float] | None:
    node = shutil.which("node")
    if node is None or not _PEER.is_file():
        print("bench webhooks: no node or no peer here; Node is left out", file=sys.stderr)  # noqa: T201
        return None
    sink.ask("count")
    done = subprocess.run([node, str(_PEER), sink.url, str(deliveries)], check=True, stdout=subprocess.PIPE)
    return _rate(sink, deliveries, done.stdout)


def _emptied(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """An address where connecting hangs until the caller gives up: a full queue that nobody accepts from."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def _beside_dead(sink: SinkProcess, folder: Path, seconds: float) -> dict[str, Any]:
    """p99 from the journal to the receiver, alone and beside an endpoint whose every connection times out."""
    place = Path(tempfile.mkdtemp(dir=folder))
    sink.ask("count")
    with black_hole() as dead:
        command = [sys.executable, "-m", "waqtor.benchmarks.hooksenders", "dead", "--sink", sink.url, "--dead", dead]
        done = subprocess.run(
            [*command, "--seconds", str(seconds), "--folder", str(place)], check=True, stdout=subprocess.PIPE
        )
    made = json.loads(done.stdout)
    came = {delivery_id.split("-")[0]: ns for delivery_id, ns in sink.ask("times").items()}
    p99: dict[str, float] = {}
    p50: dict[str, float] = {}
    for turn in ("alone", "beside"):
        took = sorted(came[line.split()[0]] / 1e6 - int(line.split()[1]) / 1e3 for line in made[turn])
        p99[turn], p50[turn] = took[int(len(took) * 0.99)], took[len(took) // 2]
    found = result(
        "webhooks, healthy endpoint's p99 beside a dead one", p99["beside"], "ms", peer="p99 without the dead endpoint",
        peer_value=p99["alone"], most_ratio=MOST_P99, p50_ms=round(p50["beside"], 3),
        p50_alone_ms=round(p50["alone"], 3), events=len(made["beside"]), timeouts_of_the_dead=int(made["dead"][0]),
    )  # fmt: skip
    found["ok"] = found["ratio"] <= MOST_P99 and int(made["dead"][0]) > 0
    return found
