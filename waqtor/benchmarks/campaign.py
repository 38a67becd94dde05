"""``waqtor bench campaign``: a whole campaign through a whole engine and the simulator, beside bare loop and BullMQ.

A list is read from CSV, planned, queued and sent at unlimited rate with full durability. In the end the ledger, the
journal, DuckDB and the simulator's own record must say the same: everybody once.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import uvloop

from waqtor.benchmarks.bullmq import bullmq_peer
from waqtor.benchmarks.ledger import IN_FLIGHT, postgres_server
from waqtor.benchmarks.rawloop import postgres_peer, sqlite_peer
from waqtor.benchmarks.result import result
from waqtor.bootstrap import Engine
from waqtor.contracts.campaigns import CampaignAction, CreateAudience, CreateCampaign
from waqtor.settings import Settings
from waqtor.transports.simulator.process import SimulatorProcess

CONCURRENCY = 128
MEMORY_MB = 200.0
_MB = 1_048_576
_PATIENCE_S = 900.0


def run(
    *, recipients: int = 100_000, postgres: bool = True, bullmq: bool = True, keep: Path | None = None
) -> list[dict[str, Any]]:
    """One result per database; ``ok`` only when it was fast and small enough, and everybody got it once.

    Args:
        recipients: Size of the audience.
        postgres: Also on PostgreSQL.
        bullmq: Also measure BullMQ on Redis with as many jobs.
        keep: Where the data is left.
    """
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-bench-", dir=Path.cwd())))
        folder = keep or made
        folder.mkdir(parents=True, exist_ok=True)
        node = bullmq_peer(folder, recipients, CONCURRENCY) if bullmq else None
        found = [_measured("sqlite", "", folder / "sqlite", recipients, node)]
        if postgres:
            url = stack.enter_context(postgres_server(folder))
            found.append(_measured("postgresql", url, folder / "postgresql", recipients, node))
    return found


def _measured(dialect: str, url: str, folder: Path, recipients: int, node: dict[str, Any] | None) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:  # its memory starts from nothing
        measured = child.submit(_child, folder, url, recipients).result()
    peer = postgres_peer(url, recipients, IN_FLIGHT) if url else sqlite_peer(
        folder / "peer.sqlite", recipients, IN_FLIGHT
    )  # fmt: skip
    exact, rate = measured.pop("exact"), measured.pop("rate")
    beside: dict[str, Any] = {}
    if node is not None:
        beside = {
            "bullmq": round(node["rate"], 1), "bullmq_exact": node["exact"],
            "ratio_to_bullmq": round(rate / node["rate"], 3),
        }  # fmt: skip
    found = result(
        f"campaign.{dialect}", rate, "recipients/s", peer="raw claim-and-ack loop", peer_value=peer,
        floor=None if url else 4000.0, recipients=recipients, exact=exact, **beside, **measured,
    )  # fmt: skip
    found["ok"] = bool(found["ok"] and exact and measured["memory_growth_mb"] < MEMORY_MB)
    return found


def _child(folder: Path, url: str, recipients: int) -> dict[str, Any]:
    faulthandler.enable()  # should it die of a signal, its last lines say where
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(folder, url, recipients))


async def _run(folder: Path, url: str, recipients: int) -> dict[str, Any]:
    (folder / "rules").mkdir(exist_ok=True)
    settings = Settings(
        _env_file=None, data_dir=folder / "data", database_url=url, rules_dir=folder / "rules", encoder="hashing",
        send_rate=0, send_concurrency=CONCURRENCY, simulator_socket=str(folder / "sim.sock"), log_level="warning",
    )  # fmt: skip
    engine = Engine(settings)
    async with SimulatorProcess(folder / "sim.sock") as simulator:
        await engine.start()
        try:
            await simulator.control.wait_connected()
            return await _campaign(engine, simulator, recipients)
        finally:
            await engine.stop()


async def _campaign(engine: Engine, simulator: SimulatorProcess, recipients: int) -> dict[str, Any]:
    audiences = engine.campaigns.audiences
    upload_id, path = audiences.new_upload()
    rows = "\n".join(f"N{i},+96650{i:07d}" for i in range(recipients))
    await asyncio.to_thread(path.write_text, f"name,phone\n{rows}\n")
    del rows
    began = time.perf_counter()
    audience = await audiences.create(CreateAudience(name="Everybody", upload_id=upload_id), wait=True)
    read_s = time.perf_counter() - began
    campaign = await engine.campaigns.create(
        CreateCampaign(name="Bench", audience_id=audience.id, template="Hello {{name}}")
    )
    process = psutil.Process()
    before = peak = process.memory_info().rss
    began = time.perf_counter()
    await engine.dispatch(CampaignAction(campaign_id=campaign.id, action="execute"))
    while (view := await engine.campaigns.status(campaign.id)).status != "completed":
        if view.status != "running" or time.perf_counter() - began > _PATIENCE_S:
            break
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.2)
    seconds = time.perf_counter() - began
    with contextlib.suppress(Exception):
        await simulator.control.wait_idle(1.0, 120)
    await engine.log.flush(120)
    view = await engine.campaigns.status(campaign.id)
    calls = await simulator.control.calls()
    once = sum(1 for call in calls.values() if call["count"] == 1)
    to = {call["to"] for call in calls.values()}
    sql = "SELECT count(*), count(DISTINCT message_id), count(read_at) FROM sends WHERE cause = 'campaign'"
    logged = (await engine.log.query(sql)).rows[0]
    counts = await engine.archive.counts()
    exact = (
        view.status == "completed"
        and once == len(calls) == len(to) == recipients == view.counts.sent
        and logged[0] == logged[1] == logged[2] == recipients
        and counts.get("event:message.sent") == counts.get("event:message.read") == recipients
    )
    return {
        "rate": view.counts.sent / seconds, "exact": exact, "seconds": round(seconds, 2), "read_s": round(read_s, 2),
        "status": view.status, "accepted_once": once, "duckdb_sends": logged[0],
        "journal_sent": counts.get("event:message.sent", 0), "in_doubt": view.counts.in_doubt,
        "memory_growth_mb": round((peak - before) / _MB, 1),
    }  # fmt: skip
