"""``waqtor bench chaos --webhooks``: the sidecar is killed while receivers of its webhooks fail in eight ways.

The record of truth is the receiver's. In the end every message that people wrote must have come at least once at every
endpoint that is not gone, under one id per message and endpoint; what came twice is bounded by what a kill can leave
open: the deliveries under way, and the time-outs of the script.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from waqtor.benchmarks.chaos import KEY, RULES, Sidecar, free_port
from waqtor.benchmarks.ledger import postgres_server
from waqtor.benchmarks.result import result
from waqtor.benchmarks.unruly import SCRIPTS, Unruly
from waqtor.errors import Unavailable
from waqtor.transports.simulator.process import SimulatorProcess

_CONCURRENCY = 16
_TIMEOUT_MS = 3000  # long enough that only the script makes time-outs, also on a busy machine
_PATIENCE_S = 120.0
_STEADY = "steady"


def run(
    *, kills: int = 20, events: int = 20_000, seed: int = 1, share: float = 0.03, postgres: bool = False,
    keep: Path | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Kill, restart and compare; one result, ``ok`` only when nothing is missing and no more doubled than may be.

    Args:
        kills: How often the sidecar is killed.
        events: Messages that people write.
        seed: Of the moments and the failures.
        share: Of the requests that fail by script.
        postgres: On PostgreSQL instead of SQLite.
        keep: Where the data is left.
    """
    with contextlib.ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waqtor-chaos-", dir=Path.cwd())))
        folder = keep or made
        folder.mkdir(parents=True, exist_ok=True)
        url = stack.enter_context(postgres_server(folder)) if postgres else ""
        return [asyncio.run(_run(folder, url, kills, events, random.Random(seed), share))]


async def _run(folder: Path, url: str, kills: int, events: int, dice: random.Random, share: float) -> dict[str, Any]:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
    sidecar = Sidecar(folder, free_port(), url, WAQTOR_WEBHOOK_PRIVATE_HOSTS="127.0.0.1")
    began = time.monotonic()
    async with (
        SimulatorProcess(folder / "sim.sock", record=folder / "calls.log") as simulator,
        httpx.AsyncClient(timeout=10, headers={"X-API-Key": KEY}) as client,
        Unruly(dice, share) as receiver,
    ):
        try:
            await sidecar.start(client)
            api = f"{sidecar.url}/api/v1/webhooks"
            hooks = {path: await _register(client, api, receiver.port, path) for path in (_STEADY, *SCRIPTS)}
            sent = 0
            for turn in range(kills + 1):
                upto = events * (turn + 1) // (kills + 1)
                await simulator.control.inject_many([_message(n) for n in range(sent, upto)], wait=False)
                sent = upto
                if turn < kills:
                    await asyncio.sleep(dice.uniform(0.2, 1.5))
                    sidecar.kill()
                    await sidecar.start(client)
            await _quiet(client, api, receiver, sent)
            receiver.calm = True
            for path in SCRIPTS:  # what used up its attempts is a dead letter, and is delivered when asked for
                await client.post(f"{api}/{hooks[path]}/replay", json={"status": "failed"})
            await _quiet(client, api, receiver, sent)
            gone = (await client.get(f"{api}/{hooks['gone']}")).json()["webhook"]
            told = (await client.get(f"{sidecar.url}/api/v1/notifications")).json()["notifications"]
            code = sidecar.stop()
        finally:
            sidecar.kill()
    counted = _compared(receiver, sent, kills)
    wrong = counted.pop("wrong") + int(bool(gone["enabled"])) + int(all(n["kind"] != "webhook" for n in told))
    found = result(
        f"chaos.webhooks.{'postgresql' if url else 'sqlite'}", wrong, "missing, mislabelled or over the bound",
        kills=kills, events=sent, **counted, gone_is_off=not gone["enabled"], exit_code=code,
        seconds=round(time.monotonic() - began, 1), slowest_start_s=round(max(sidecar.starts), 2),
    )  # fmt: skip
    found["ok"] = wrong == 0 and code == 0
    return found


def _message(number: int) -> dict[str, Any]:
    return {"text": _text(number), "from": f"96650{number:07d}", "id": f"in-{number}"}


def _text(number: int) -> str:
    return f"the moon is full of cheese {number}"


async def _register(client: httpx.AsyncClient, api: str, port: int, path: str) -> str:
    asked = {
        "url": f"http://127.0.0.1:{port}/{path}", "events": ["message_received"], "timeout_ms": _TIMEOUT_MS,
        "attempts": 5, "delay_ms": 100, "concurrency": _CONCURRENCY,
    }  # fmt: skip
    answer = await client.post(api, json=asked)
    if answer.status_code != 201:
        raise Unavailable(f"The webhook was refused: {answer.text[:300]}")
    return str(answer.json()["webhook"]["id"])


async def _quiet(client: httpx.AsyncClient, api: str, receiver: Unruly, sent: int) -> None:
    """Wait until the steady endpoint has everything and nothing waits; gives up when nothing moves any more."""
    seen, deadline = -1, time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        hooks = (await client.get(api)).json()["webhooks"]
        pending = sum(hook["pending"] for hook in hooks if hook["enabled"])
        if not pending and len(receiver.taken[_STEADY]) >= sent:
            return
        moved = sum(counts.total() for counts in receiver.taken.values())
        if moved != seen:
            seen, deadline = moved, time.monotonic() + _PATIENCE_S
        await asyncio.sleep(0.5)


def _compared(receiver: Unruly, sent: int, kills: int) -> dict[str, Any]:
    """Missing, mislabelled and doubled, by the receiver's record."""
    messages = {_text(number) for number in range(sent)}
    missing = mislabelled = over = 0
    doubled: dict[str, int] = {}
    ids: set[str] = set()
    for path in (_STEADY, *SCRIPTS):
        came = receiver.ids[path]
        mine = {delivery for found in came.values() for delivery in found}
        mislabelled += sum(1 for found in came.values() if len(found) != 1) + len(set(came) - messages)
        mislabelled += abs(len(mine) - len(came)) + len(mine & ids)
        ids |= mine
        doubled[path] = sum(count - 1 for count in receiver.taken[path].values())
        over += max(0, doubled[path] - kills * _CONCURRENCY - receiver.timeouts[path])
        if path != "gone":
            missing += sent - len(receiver.taken[path])
    return {
        "wrong": missing + mislabelled + over, "missing": missing, "mislabelled": mislabelled, "over_the_bound": over,
        "doubled": doubled, "bound": kills * _CONCURRENCY, "timeouts": dict(receiver.timeouts),
        "failures": dict(receiver.failures), "deliveries": len(ids),
    }  # fmt: skip
