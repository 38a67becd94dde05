"""``waqtor bench chaos``: the sidecar is killed with SIGKILL under load, again and again, and everything is counted.

The record of truth is the simulator's: a process of its own that counts every accepted call by message id and never
merges repeats. People write to the bot (half of them something it answers), programs send through REST with
Idempotency-Keys and repeat until they are told 200. In the end: what was acknowledged must be there, nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from waqtor.benchmarks.ledger import postgres_server
from waqtor.benchmarks.result import result
from waqtor.errors import Unavailable, WaqtorError
from waqtor.transports.simulator.process import SimulatorProcess

RULES = """\
version: 1
rules:
  - id: opening_hours
    examples:
      en: ["when do you open"]
      ar: ["متى تفتحون"]
    replies:
      en: [{text: "We open at nine."}]
      ar: [{text: "نفتح الساعة التاسعة."}]
"""
_ASKED = ("when do you open", "متى تفتحون")
_OTHER = ("the moon is full of cheese tonight {n}", "كتبت قصيدة طويلة عن البحر {n}")
_BACKLOG = 300
_PATIENCE_S = 60.0
KEY = "chaos-admin-key-0123456789abcdef"


@dataclass(slots=True)
class Load:
    """What was asked for and what was acknowledged."""

    asked: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)
    sends: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


class Sidecar:
    """``waqtor serve`` as a child that can be killed."""

    def __init__(self, folder: Path, port: int, url: str, **settings: str) -> None:
        self._folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ, "WAQTOR_DATA_DIR": str(folder), "WAQTOR_PORT": str(port), "WAQTOR_DATABASE_URL": url,
            "WAQTOR_RULES_DIR": str(folder / "rules"), "WAQTOR_ENCODER": "hashing", "WAQTOR_SEND_RATE": "0",
            "WAQTOR_SEND_TIMEOUT_S": "1.0", "WAQTOR_SETTLE_S": "0.5", "WAQTOR_API_KEY": KEY,
            "WAQTOR_LOG_LEVEL": "warning", "WAQTOR_SIMULATOR_SOCKET": str(folder / "sim.sock"),
            **settings,
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.starts: list[float] = []

    async def start(self, client: httpx.AsyncClient) -> None:
        """Start it and wait until it is ready.

        Raises:
            Unavailable: It ended, or did not become ready.
        """
        began = time.monotonic()
        log = (self._folder / "sidecar.log").open("ab")
        self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [sys.executable, "-m", "waqtor", "serve"], env=self._environment, cwd=self._folder, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        log.close()
        while time.monotonic() - began < 60:
            if self._process.poll() is not None:
                words = (self._folder / "sidecar.log").read_text(errors="replace")[-2000:]
                raise Unavailable(f"The sidecar ended with code {self._process.returncode}: {words}")
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"{self.url}/readyz")).status_code == 200:
                    self.starts.append(time.monotonic() - began)
                    return
            await asyncio.sleep(0.05)
        raise Unavailable("The sidecar did not become ready within 60 s.")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def run(
    *, kills: int = 50, seed: int = 1, postgres: bool = False, keep: Path | None = None, between_s: float = 1.5
) -> list[dict[str, Any]]:
    """Kill, restart and count; one result, ``ok`` only when nothing was lost, doubled or skipped."""
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-chaos-", dir=Path.cwd())))
        folder = keep or made
        folder.mkdir(parents=True, exist_ok=True)
        url = stack.enter_context(postgres_server(folder)) if postgres else ""
        return [asyncio.run(_run(folder, url, kills, random.Random(seed), between_s))]


async def _run(folder: Path, url: str, kills: int, dice: random.Random, between_s: float) -> dict[str, Any]:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
    sidecar = Sidecar(folder, free_port(), url)
    load = Load()
    began = time.monotonic()
    async with (
        SimulatorProcess(folder / "sim.sock", record=folder / "calls.log") as simulator,
        httpx.AsyncClient(timeout=5, headers={"X-API-Key": KEY}) as client,
    ):
        try:
            await sidecar.start(client)
            stopping = asyncio.Event()
            tasks = [
                asyncio.create_task(_people(simulator, load, dice, stopping)),
                *(asyncio.create_task(_program(client, sidecar.url, load, n, stopping)) for n in range(4)),
            ]
            for _ in range(kills):
                await asyncio.sleep(dice.uniform(0.05, between_s))
                sidecar.kill()
                await sidecar.start(client)
            await asyncio.sleep(between_s)
            stopping.set()
            await asyncio.gather(*tasks)
            counted = await _settled(simulator, sidecar, client, load)
            code = sidecar.stop()
        finally:
            sidecar.kill()
    lost = counted.pop("lost")
    found = result(
        "chaos.postgresql" if url else "chaos.sqlite", lost, "lost, doubled or skipped", kills=kills,
        slowest_start_s=round(max(sidecar.starts), 2), seconds=round(time.monotonic() - began, 1),
        exit_code=code, **counted,
    )  # fmt: skip
    found["ok"] = lost == 0 and code == 0
    return found


async def _people(simulator: SimulatorProcess, load: Load, dice: random.Random, stopping: asyncio.Event) -> None:
    """People who write; each one once, so that a second answer to anybody is a second answer to a message."""
    number = 0
    while not stopping.is_set():
        batch: list[dict[str, Any]] = []
        for _ in range(dice.randint(1, 10)):
            number += 1
            sender = f"96650{number:07d}"
            asks = dice.random() < 0.5
            text = dice.choice(_ASKED) if asks else dice.choice(_OTHER).format(n=number)
            batch.append({"text": text, "from": sender, "id": f"in-{number}"})
            (load.asked if asks else load.other).add(sender)
        await simulator.control.inject_many(batch, wait=False)
        await asyncio.sleep(dice.uniform(0.005, 0.05))
        # Not more than a slow machine can take in: the point is what happens at a kill, not the longest queue.
        for _ in range(1200):
            if stopping.is_set() or (await simulator.control.stats())["inbound_waiting"] <= _BACKLOG:
                break
            await asyncio.sleep(0.05)


async def _program(client: httpx.AsyncClient, url: str, load: Load, number: int, stopping: asyncio.Event) -> None:
    """A program that sends, and repeats under the same key until it hears 200."""
    count = 0
    while not stopping.is_set():
        count += 1
        to, key = f"97150{number}{count:06d}", f"send-{number}-{count}"
        while True:
            try:
                answer = await client.post(
                    f"{url}/api/v1/messages/send-text", json={"to": to, "text": f"No. {count}"},
                    headers={"Idempotency-Key": key},
                )  # fmt: skip
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                load.sends[to] = answer.json()["message_id"]
                break
            if answer.status_code < 500:
                load.refused.append(f"{answer.status_code}: {answer.text[:200]}")
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.01)


async def _settled(
    simulator: SimulatorProcess, sidecar: Sidecar, client: httpx.AsyncClient, load: Load
) -> dict[str, Any]:
    """Wait until all is quiet, then compare the simulator, the store, the journal and DuckDB."""
    people = len(load.asked) + len(load.other)
    expected = len(load.asked) + len(load.sends)
    deadline, seen = time.monotonic() + _PATIENCE_S, (0, 0)
    while time.monotonic() < deadline:
        stats = await simulator.control.stats()
        if (stats["accepted"], stats["inbound_acked"]) != seen:  # it still moves
            deadline, seen = time.monotonic() + _PATIENCE_S, (stats["accepted"], stats["inbound_acked"])
        state = (await client.get(f"{sidecar.url}/api/v1/session/state")).json()
        if stats["inbound_waiting"] == 0 and stats["receipts_waiting"] == 0 and stats["planned"] == 0:
            calls = await simulator.control.calls()
            if len(calls) >= expected and not state["queued"] and not state["in_doubt"]:
                break
        await asyncio.sleep(0.25)
    with contextlib.suppress(WaqtorError):
        await simulator.control.wait_idle(1.0, 30)
    calls = await simulator.control.calls()
    to = Counter[str]()
    for call in calls.values():
        to[call["to"]] += call["count"]
    store = await _counts(client, sidecar.url)
    head = await _log_caught_up(client, sidecar.url)
    logged = await _query(client, sidecar.url, "SELECT count(*), count(DISTINCT journal_offset) FROM events")
    inbound = await _query(client, sidecar.url, "SELECT count(*), count(DISTINCT message_id) FROM messages")
    answers_missing = sum(1 for person in load.asked if to[person] == 0)
    answers_twice = sum(1 for person in load.asked if to[person] > 1)
    answered_wrongly = sum(1 for person in load.other if to[person])
    sends_missing = sum(1 for person in load.sends if to[person] == 0)
    sends_twice = sum(1 for person in load.sends if to[person] > 1)
    in_lost = people - store["received"]
    log_wrong = abs(logged[0] - head) + (logged[0] - logged[1]) + abs(inbound[0] - store["received"])
    lost = (
        answers_missing + answers_twice + answered_wrongly + sends_missing + sends_twice + abs(in_lost) + log_wrong
        + len(load.refused)
    )  # fmt: skip
    return {
        "lost": lost, "people": people, "sends": len(load.sends), "calls": sum(to.values()),
        "inbound_lost": in_lost, "answers_missing": answers_missing, "answers_twice": answers_twice,
        "answered_wrongly": answered_wrongly, "sends_missing": sends_missing, "sends_twice": sends_twice,
        "journal": head, "duckdb_rows": logged[0], "duckdb_doubled": logged[0] - logged[1],
        "duckdb_messages": inbound[0], "refused": load.refused[:3], "in_doubt": store["in_doubt"],
    }  # fmt: skip


async def _log_caught_up(client: httpx.AsyncClient, url: str) -> int:
    """Wait until DuckDB has every journal row; returns the number of rows in the journal."""
    head = 0
    for _ in range(200):
        health = (await client.get(f"{url}/api/v1/metrics")).json()["engine"]["health"]
        head = health["journal"]["head"]
        if health["log"]["lag"] == 0:
            return int(head)
        await asyncio.sleep(0.1)
    return int(head)


async def _counts(client: httpx.AsyncClient, url: str) -> dict[str, int]:
    counts = (await client.get(f"{url}/api/v1/metrics")).json()["engine"]["counts"]
    return {"received": counts.get("in:received", 0), "in_doubt": counts.get("out:in_doubt", 0)}


async def _query(client: httpx.AsyncClient, url: str, sql: str) -> list[int]:
    answer = await client.post(f"{url}/api/v1/analytics/query", json={"sql": sql})
    if answer.status_code != 200:
        raise Unavailable(f"The query failed: {answer.text[:500]}")
    return [int(value) for value in answer.json()["rows"][0]]


def free_port() -> int:
    """A port that nobody listens on now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
