"""Sends through the whole path: ledger → sender → simulator's process → receipts → journal → DuckDB."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from waqtor.benchmarks.result import result
from waqtor.kernel.clock import SystemClock
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.inbox import Inbox
from waqtor.messaging.ports import CAMPAIGN, Draft, Pending, SessionReport
from waqtor.messaging.sender import Sender, SenderConfig
from waqtor.storage.duck_log import DuckLog
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.store import SqlStore
from waqtor.transports.simulator.client import SimulatorTransport
from waqtor.transports.simulator.process import SimulatorProcess


class _AlwaysHeld:
    held = True


def end_to_end(dialect: str, url: str, folder: Path, sends: int) -> dict[str, Any]:
    """Queue ``sends`` rows, then send them all; done when every read receipt is committed and in DuckDB."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `waqtor serve` runs
        return runner.run(_run(dialect, url, Path(tempfile.mkdtemp(dir=folder)), sends))


async def _run(dialect: str, url: str, folder: Path, sends: int) -> dict[str, Any]:
    if url:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    store = SqlStore.at(url, folder / "e2e.sqlite", strict=False)
    await store.open()
    ledger, telemetry = SqlLedger(store), Telemetry()
    log = DuckLog(folder / "e2e.duckdb", store.journal)
    drafts = [
        Draft("default", f"e2e:{i}", f"9665{i:08d}", {"type": "text", "body": f"Hello {i}"}, priority=CAMPAIGN)
        for i in range(sends)
    ]
    await asyncio.gather(*(ledger.enqueue(draft) for draft in drafts))
    async with SimulatorProcess(folder / "sim.sock") as simulator:
        transport = SimulatorTransport("default", folder / "sim.sock", timeout=20.0)
        config = SenderConfig(rate=0, concurrency=128)
        doubts: list[Pending] = []
        sender = Sender(
            "default", ledger, transport, SystemClock(), telemetry, config, lease=_AlwaysHeld(), on_doubt=doubts.append
        )

        async def reported(report: SessionReport) -> None:
            sender.set_connected(report.status == "ready")

        tasks = [asyncio.create_task(log.run()), asyncio.create_task(sender.run())]
        await log.settled(30)
        before = resource.getrusage(resource.RUSAGE_SELF)
        started = time.perf_counter()
        await transport.start(Inbox(ledger, telemetry, reported))
        while store.journal.head < 3 * sends and time.perf_counter() - started < 600:  # noqa: ASYNC110 - polled on purpose
            await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        await log.flush(60)
        with_log = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_SELF)
        calls = await simulator.control.calls()
        logged = (await log.query("SELECT count(*) FROM events")).rows[0][0]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await transport.stop()
        await log.stop()
    journaled = store.journal.head
    await store.close()
    once = sum(1 for call in calls.values() if call["count"] == 1)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    exact = once == sends == len(calls) and journaled == 3 * sends == logged
    found = result(
        f"ledger.e2e.{dialect}", sends / seconds, "sends/s", floor=None if url else 4000.0, sends=sends,
        accepted_once=once, journal_rows=journaled, duckdb_rows=logged, in_doubt=len(doubts),
        seconds_with_log=round(with_log, 3),
        cpu_share=round(cpu / seconds, 2), commits_per_send=4,
    )  # fmt: skip
    found["ok"] = bool(found["ok"] and exact)
    return found
