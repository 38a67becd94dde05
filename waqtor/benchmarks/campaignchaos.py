"""``waqtor bench chaos --campaign``: a campaign whose engines are killed, and one that is paused, again and again.

The record of truth is the simulator's file of accepted calls, each with its time. Some sends get no answer, half of
them although they were accepted: these must be asked about. In the end everybody must have got it exactly once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from waqtor.benchmarks.chaos import KEY, Sidecar, free_port
from waqtor.benchmarks.ledger import postgres_server
from waqtor.benchmarks.result import result
from waqtor.errors import Unavailable
from waqtor.transports.simulator.process import SimulatorProcess

STOP_S = 1.0
"""Longest time from the call that pauses to the last message that WhatsApp accepts."""

FASTEST = 1000.0
"""Most messages per second that a campaign may ask for."""

_FAULTS = [{"kind": "hang", "probability": 0.002}, {"kind": "swallow", "probability": 0.002}]
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a campaign is disturbed: ``kills`` of one of ``engines``, or ``pauses``; the times are seconds."""

    recipients: int = 20_000
    kills: int = 20
    pauses: int = 50
    engines: int = 1
    seed: int = 1
    between_s: float = 1.5
    settle_s: float = 1.2


def run(plan: Plan, *, postgres: bool = False, keep: Path | None = None) -> list[dict[str, Any]]:
    """One result for the kills, one for the pauses; ``ok`` only when everybody got it exactly once."""
    found: list[dict[str, Any]] = []
    for kind, wanted in (("kills", plan.kills), ("pauses", plan.pauses)):
        if not wanted:
            continue
        with contextlib.ExitStack() as stack:
            made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-chaos-", dir=Path.cwd())))
            folder = (keep or made) / kind
            folder.mkdir(parents=True, exist_ok=True)
            url = stack.enter_context(postgres_server(folder)) if postgres or plan.engines > 1 else ""
            found.append(asyncio.run(_run(kind, plan, folder, url)))
    return found


async def _run(kind: str, plan: Plan, folder: Path, url: str) -> dict[str, Any]:
    began = time.monotonic()
    async with (
        SimulatorProcess(folder / "sim.sock", record=folder / "calls.log") as simulator,
        httpx.AsyncClient(timeout=30, headers={"X-API-Key": KEY}) as client,
    ):
        engines = [_engine(folder, number, url) for number in range(plan.engines)]
        site = _Site(client, engines, simulator, random.Random(plan.seed))
        try:
            for engine in engines:
                await engine.start(client)
            await simulator.control.wait_connected()
            pace = min(FASTEST, plan.recipients / (plan.kills * plan.between_s)) if kind == "kills" else FASTEST
            campaign_id = await site.start(plan.recipients, pace)
            more = await (_kill if kind == "kills" else _pause)(site, campaign_id, plan)
            counted = await site.settled(campaign_id, plan.recipients)
            if kind == "pauses":
                more |= _stops(folder / "calls.log", more.pop("spans"))
            codes = [engine.stop() for engine in engines]
        finally:
            for engine in engines:
                engine.kill()
    wrong = counted.pop("wrong")
    name = f"chaos.campaign.{kind}.{'postgresql' if url else 'sqlite'}" + (".two" if plan.engines > 1 else "")
    found = result(name, wrong, "doubled, skipped or unsettled", recipients=plan.recipients, engines=plan.engines,
                   seconds=round(time.monotonic() - began, 1), exit_codes=codes, **more, **counted)  # fmt: skip
    found["ok"] = wrong == 0 and not any(codes) and more.get("slowest_stop_s", 0.0) <= STOP_S
    return found


def _engine(folder: Path, number: int, url: str) -> Sidecar:
    place = folder / f"engine{number}"
    (place / "rules").mkdir(parents=True, exist_ok=True)
    return Sidecar(place, free_port(), url, WAQTOR_SIMULATOR_SOCKET=str(folder / "sim.sock"))


class _Site:
    """Engines, their simulator, and a client that asks whichever engine answers."""

    def __init__(
        self, client: httpx.AsyncClient, engines: list[Sidecar], simulator: SimulatorProcess, dice: random.Random
    ) -> None:
        self._client = client
        self.engines = engines
        self.simulator = simulator
        self.dice = dice

    async def restart(self, engine: Sidecar) -> None:
        """Kill an engine and start it again."""
        engine.kill()
        await engine.start(self._client)

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask the engines in turn until one answers."""
        for attempt in range(200):
            engine = self.engines[attempt % len(self.engines)]
            try:
                return await self._client.request(method, f"{engine.url}/api/v1{path}", json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        raise Unavailable("No engine answers.")

    async def start(self, recipients: int, rate: float) -> str:
        """Create a campaign and execute it; returns its id."""
        await self.simulator.control.script(_FAULTS)
        spec = {
            "name": "Chaos", "template": "Hello", "recipients": [f"+96650{i:07d}" for i in range(recipients)],
            "rate": rate,
        }  # fmt: skip
        answer = await self.ask("POST", "/campaigns/create", spec)
        if answer.status_code >= 300:
            raise Unavailable(f"The campaign was not created: {answer.text[:300]}")
        campaign_id = str(answer.json()["id"])
        await self.ask("POST", f"/campaigns/{campaign_id}/execute")
        return campaign_id

    async def status(self, campaign_id: str) -> dict[str, Any]:
        """The campaign as REST shows it."""
        found: dict[str, Any] = (await self.ask("GET", f"/campaigns/{campaign_id}/status")).json()
        return found

    async def settled(self, campaign_id: str, recipients: int) -> dict[str, Any]:
        """Wait until it is over, then compare its counts with the simulator's record."""
        deadline, seen = time.monotonic() + _PATIENCE_S, None
        while (view := await self.status(campaign_id))["status"] == "running" and time.monotonic() < deadline:
            if view["counts"] != seen:
                deadline, seen = time.monotonic() + _PATIENCE_S, view["counts"]
            await asyncio.sleep(0.25)
        to: Counter[str] = Counter()
        for call in (await self.simulator.control.calls()).values():
            to[call["to"]] += call["count"]
        counts = (await self.status(campaign_id))["counts"]
        doubled = sum(1 for times in to.values() if times > 1)
        skipped = recipients - len(to)
        unsettled = recipients - counts["sent"]
        return {
            "wrong": doubled + abs(skipped) + abs(unsettled), "doubled": doubled, "skipped": skipped,
            "unsettled": unsettled, "in_doubt": counts["in_doubt"], "status": view["status"],
            "accepted": sum(to.values()), "doubts_settled": await self._doubts(),
        }  # fmt: skip

    async def _doubts(self) -> int:
        sql = "SELECT count(DISTINCT message_id) FROM send_changes WHERE status = 'in_doubt'"
        answer = await self.ask("POST", "/analytics/query", {"sql": sql})
        return int(answer.json()["rows"][0][0]) if answer.status_code == 200 else -1


async def _kill(site: _Site, campaign_id: str, plan: Plan) -> dict[str, Any]:
    """Kill a random engine at random moments while the campaign runs."""
    during = 0
    for _ in range(plan.kills):
        await asyncio.sleep(site.dice.uniform(0.1, plan.between_s))
        during += (await site.status(campaign_id))["status"] == "running"
        await site.restart(site.dice.choice(site.engines))
    starts = [seconds for engine in site.engines for seconds in engine.starts]
    return {"kills": plan.kills, "kills_while_running": during, "slowest_start_s": round(max(starts), 2)}


async def _pause(site: _Site, campaign_id: str, plan: Plan) -> dict[str, Any]:
    """Pause at random moments, watch, resume; returns when each pause was asked for and ended (UTC µs)."""
    spans: list[tuple[int, int]] = []
    slowest = 0.0
    for _ in range(plan.pauses):
        await asyncio.sleep(site.dice.uniform(0.0, 0.2))
        asked = time.time_ns() // 1000
        began = time.monotonic()
        if (await site.ask("POST", f"/campaigns/{campaign_id}/pause")).status_code != 200:
            break  # it was faster
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(plan.settle_s)
        spans.append((asked, time.time_ns() // 1000))
        await site.ask("POST", f"/campaigns/{campaign_id}/resume")
    return {"pauses": len(spans), "slowest_call_s": round(slowest, 3), "spans": spans}


def _stops(record: Path, spans: list[tuple[int, int]]) -> dict[str, Any]:
    """How long after each call that paused it the simulator still accepted messages."""
    times = [json.loads(line)["at"] for line in record.read_text().splitlines()]
    stops = [max((at for at in times if asked <= at < ended), default=asked) - asked for asked, ended in spans]
    median = sorted(stops)[len(stops) // 2] if stops else 0
    return {"slowest_stop_s": round(max(stops, default=0) / 1e6, 3), "median_stop_s": round(median / 1e6, 3)}
