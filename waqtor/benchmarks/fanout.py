"""Fan-out over WebSockets, beside a hub on Node's ``ws`` and ``websockets.broadcast``: same load, same run."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

import waqtor
from waqtor.benchmarks.fanclients import Crowd
from waqtor.benchmarks.result import result

FLOOR_SINGLE, FLOOR_BURST, FLOOR_SAVED = 1.3, 5.0, 0.6
_PEERS = Path(waqtor.__file__).parents[1] / "tests" / "benchmarks" / "peers"
_DEFLATE = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
_BURST = 20


class HubProcess:
    """A hub process that takes orders on stdin."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._measured = psutil.Process(self._process.pid)
        line = self._answer()
        if not line.startswith("port "):
            raise RuntimeError(f"{command[0]} did not start: {line!r}")
        self.port = int(line.split()[1])

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    async def order(self, count: int, burst: int, every_ms: float, kind: str = "plain") -> str:
        """Have it publish ``count`` events, ``burst`` at a time, and wait until it has."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {burst} {every_ms} {kind}\n")
        self._process.stdin.flush()
        return await asyncio.to_thread(self._answer)

    async def buffers(self) -> dict[str, int]:
        """What waits for its clients, as it counts it (only ours)."""
        found: dict[str, int] = json.loads(await self.order(0, 1, 0, "buffers"))
        return found

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Resident bytes."""
        return int(self._measured.memory_info().rss)

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def run(*, clients: int, seconds: float, keep: Path | None) -> list[dict[str, Any]]:
    """Measure; each figure is deliveries per second of the server's CPU time.

    Args:
        clients: Readers.
        seconds: About how long each load lasts.
        keep: Where the peers' packages are kept; a temporary folder when left out.
    """
    import uvloop

    folder = keep or Path(tempfile.mkdtemp(prefix="waqtor-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(clients, seconds, folder))
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _run(clients: int, seconds: float, folder: Path) -> list[dict[str, Any]]:
    ours = await _measure([sys.executable, "-m", "waqtor.benchmarks.fanserver"], clients, seconds, folder)
    batched = await _measure(
        [sys.executable, "-m", "waqtor.benchmarks.fanserver"], clients, seconds, folder, path="/ws?batch=1"
    )
    peers: dict[str, dict[str, float]] = {}
    if (node := _node(folder)) is not None:
        peers["Node ws"] = await _measure(node, clients, seconds, folder)
    if _PEERS.is_dir():
        peers["websockets.broadcast"] = await _measure(
            [sys.executable, str(_PEERS / "websockets_hub.py")], clients, seconds, folder
        )
    found: list[dict[str, Any]] = []
    for load, mine, floor in (
        ("single", ours, FLOOR_SINGLE), ("burst", ours, FLOOR_BURST), ("burst, batches", batched, FLOOR_BURST),
    ):  # fmt: skip
        figure = load.split(",")[0]
        for name, peer in peers.items() or {"": {}}.items():
            more = {"p99_ms": mine[f"{figure}_p99"], "peer_p99_ms": peer.get(f"{figure}_p99"), "clients": clients}
            found.append(
                result(
                    f"ws fan-out, {load}", mine[figure], "deliveries/CPU-s", peer=name, peer_value=peer.get(figure),
                    floor=floor if peer else None, of="ratio", **more,
                )
            )  # fmt: skip
    delay = batched["single_p99"] - ours["single_p99"]
    late = result("ws batches, p99 added to single events", delay, "ms", most=5.0)
    found.append({**late, "ok": delay <= 5.0})
    found.append(result("ws memory per idle connection", ours["idle"] / 1024, "KiB", clients=clients))
    found.append(await _saving(folder))
    return found


async def _measure(
    command: list[str], clients: int, seconds: float, folder: Path, path: str = "/ws"
) -> dict[str, float]:
    server = HubProcess(command, folder)
    crowd = Crowd([])
    try:
        before = server.memory()
        crowd = await Crowd.connect(server.port, clients, path)
        await asyncio.sleep(1.0)
        figures: dict[str, float] = {"idle": max(0, server.memory() - before) / clients}
        rate = 40_000 / clients
        for name, burst, factor in (("single", 1, 1.0), ("burst", _BURST, 4.0)):
            count = int(rate * factor * seconds / burst) * burst
            await server.order(2 * burst, burst, 50.0)
            await asyncio.sleep(0.5)
            crowd.p99_ms()
            start, cpu = crowd.events, server.cpu()
            await server.order(count, burst, 1000 * burst / (rate * factor))
            await crowd.until(start + count * clients)
            await asyncio.sleep(0.2)
            figures[name] = count * clients / (server.cpu() - cpu)
            figures[f"{name}_p99"] = crowd.p99_ms()
        return figures
    finally:
        crowd.leave()
        server.stop()


async def _saving(folder: Path) -> dict[str, Any]:
    """Bytes on the wire with and without compression, for the progress of a campaign."""
    sizes = []
    for extension in ("", _DEFLATE):
        server = HubProcess([sys.executable, "-m", "waqtor.benchmarks.fanserver"], folder)
        try:
            crowd = await Crowd.connect(server.port, 5, "/ws", extension)
            await asyncio.sleep(0.5)
            start = crowd.bytes
            await server.order(500, 1, 1.0, "campaign")
            await asyncio.sleep(1.0)
            sizes.append(crowd.bytes - start)
            crowd.leave()
        finally:
            server.stop()
    return result("ws compression, campaign events", 1 - sizes[1] / sizes[0], "saved", floor=FLOOR_SAVED,
                  plain_bytes=sizes[0], wire_bytes=sizes[1])  # fmt: skip


def _node(folder: Path) -> list[str] | None:
    """The command of the Node peer; ``None`` (said on stderr) without node, npm or a registry."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or not _PEERS.is_dir():
        print("bench ws: no node, npm or peers here; Node is left out", file=sys.stderr)  # noqa: T201
        return None
    for name in ("ws_hub.mjs", "package.json"):
        shutil.copy(_PEERS / name, folder / name)
    if not (folder / "node_modules" / "ws").is_dir():
        done = subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            print(f"bench ws: npm install failed; Node is left out\n{done.stderr}", file=sys.stderr)  # noqa: T201
            return None
    return [node, "ws_hub.mjs"]
