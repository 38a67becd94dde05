"""The senders of ``waqtor bench webhooks``, each run in a process of its own that prints one JSON object.

``durable`` is the whole path of the product: events in the journal, read by cursor, deliveries stored, bodies signed
and posted, every attempt logged and journaled. ``bare`` is aiohttp alone: serialise, sign and POST from as many
workers.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import resource
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from waqtor.bootstrap.webhooks import make_webhooks
from waqtor.contracts.events import Event
from waqtor.contracts.webhooks import CreateWebhook, UpdateWebhook
from waqtor.kernel.clock import SystemClock
from waqtor.kernel.heap import settle
from waqtor.settings import Settings
from waqtor.storage.cursors import SqlCursors
from waqtor.storage.store import SqlStore
from waqtor.webhooks.service import WebhookService

_CHATS = 512
_TURNS = 5


def event(number: int) -> Event:
    """A message that was sent, as the sender journals it."""
    message = f"01BENCH{number:019d}"
    data = {"message_id": message, "status": "sent", "timestamp": "2026-01-01T09:00:00.000Z"}
    return Event(
        "message.sent", "default", data, lane=number % _CHATS, subject=message,
        personal={"to": f"9665{number % _CHATS:08d}"},
    )  # fmt: skip


def opened(folder: Path, url: str) -> tuple[SqlStore, WebhookService]:
    """A store and its webhook service, put together as the engine does."""
    settings = Settings(
        _env_file=None, data_dir=folder, database_url=url, webhook_private_hosts=("127.0.0.1",), log_level="warning"
    )
    clock = SystemClock()
    store = SqlStore.at(url, settings.sqlite_path, clock=clock, strict=False)
    return store, make_webhooks(settings, store, SqlCursors(store), clock)


async def append(store: SqlStore, events: Sequence[Event]) -> None:
    """Journal them in chunks."""
    for start in range(0, len(events), 500):
        await store.journal.append(events[start : start + 500])


async def durable(sink: str, deliveries: int, concurrency: int, folder: Path, url: str) -> dict[str, float]:
    """Deliver what waits in the journal; the clock runs from the start of the service to the last logged attempt."""
    store, service = opened(folder, url)
    await store.open()
    await service.start()
    hook = await service.create(CreateWebhook(url=sink, events=("message_sent",), concurrency=concurrency))
    await append(store, [event(n) for n in range(deliveries)])
    logged, done = 0, asyncio.Event()

    def count(events: Sequence[Event]) -> None:
        nonlocal logged
        logged += sum(1 for one in events if one.type == "webhook.delivery")
        if logged >= deliveries:
            done.set()

    store.journal.observe(count)
    settle()  # as `waqtor serve` does
    began, cpu = time.perf_counter(), _cpu()
    task = asyncio.create_task(service.run())
    async with asyncio.timeout(120):
        await done.wait()
    measured = {"seconds": time.perf_counter() - began, "cpu": _cpu() - cpu}
    stats = await service.stats(hook.id)
    if (stats.success, stats.failed, stats.pending) != (deliveries, 0, 0):
        raise RuntimeError(f"not every delivery succeeded: {stats}")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await service.stop()
    await store.close()
    return measured


async def bare(sink: str, deliveries: int, concurrency: int) -> dict[str, float]:
    """Serialise, sign and POST, the answer read and nothing kept: what the Node peer does, with as many workers."""
    work = iter(range(deliveries))
    key = b"k" * 32

    async def worker(session: aiohttp.ClientSession) -> None:
        for number in work:
            one = event(number)
            data = {**one.data, **(one.personal or {}), "session": one.session}
            body = json.dumps({"event": "message_sent", "timestamp": one.data["timestamp"], "data": data}).encode()
            headers = {
                "Content-Type": "application/json", "X-Event": "message_sent", "webhook-id": one.id,
                "X-Signature": "sha256=" + hmac.new(key, body, "sha256").hexdigest(),
            }  # fmt: skip
            async with session.post(sink, data=body, headers=headers) as response:
                await response.read()

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        began, cpu = time.perf_counter(), _cpu()
        await asyncio.gather(*(worker(session) for _ in range(concurrency)))
        return {"seconds": time.perf_counter() - began, "cpu": _cpu() - cpu}


async def beside_dead(sink: str, dead: str, seconds: float, rate: float, folder: Path) -> dict[str, list[str]]:
    """Deliver to a healthy endpoint at a steady rate, in turns alone and beside a dead one.

    Returns:
        By turn (``alone``, ``beside``): ids of the events and when each was journaled (UTC microseconds), ``id time``.
    """
    store, service = opened(folder, "")
    await store.open()
    await service.start()
    task = asyncio.create_task(service.run())
    healthy = await service.create(CreateWebhook(url=sink, events=("message_sent",)))
    hole = await service.create(CreateWebhook(url=dead, events=("message_sent",), timeout_ms=1000, enabled=False))
    made: dict[str, list[str]] = {"warming": [], "alone": [], "beside": []}
    settle()
    turns = ["warming", *("alone", "beside") * _TURNS]
    for turn in turns:
        await service.update(hole.id, UpdateWebhook(enabled=turn == "beside"))
        count = int(rate * seconds / (len(turns) - 1))
        began = time.perf_counter()
        for number in range(count):
            one = event(number)
            await store.journal.append([one])
            made[turn].append(f"{one.id} {one.created}")
            await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.perf_counter()))
    async with asyncio.timeout(60):
        while (await service.stats(healthy.id)).success < sum(map(len, made.values())):  # noqa: ASYNC110 - polls
            await asyncio.sleep(0.2)
    made["dead"] = [str((await service.stats(hole.id)).failed)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await service.stop()
    await store.close()
    return made


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure one sender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sender", choices=("durable", "bare", "dead"))
    parser.add_argument("--sink", required=True)
    parser.add_argument("--dead", default="")
    parser.add_argument("--deliveries", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=400.0)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    import uvloop

    work: Coroutine[Any, Any, Any]
    if given.sender == "durable":
        work = durable(given.sink, given.deliveries, given.concurrency, given.folder, given.url)
    elif given.sender == "bare":
        work = bare(given.sink, given.deliveries, given.concurrency)
    else:
        work = beside_dead(given.sink, given.dead, given.seconds, given.rate, given.folder)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `waqtor serve` runs
        sys.stdout.write(json.dumps(runner.run(work)))


if __name__ == "__main__":
    main()
