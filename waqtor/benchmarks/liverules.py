"""A running engine whose rules are edited while messages flow, and how soon a fresh one gives its first answer.

``waqtor serve`` and the simulator run as processes of their own, as in production. A file of forty rules is edited by
hand (one more example for a rule, written and moved into place); an edit is live when the try-out route answers the new
example by its rule. Meanwhile people write, half of them examples, half something else. In the end every message must
have exactly one decision in the log, and every example exactly one answer at the simulator.

The cold start is that of the bot: from the start of a process to the answer to a message that has to be encoded; graph,
vectors and fitted rules are on disk, as after any restart. Beside it (``engine_s``) stands that of the whole engine, to
the moment the simulator accepts the answer to a message that had waited: store, journal, REST and log start too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from waqtor.benchmarks.chaos import KEY, Sidecar, free_port
from waqtor.benchmarks.result import result
from waqtor.contracts.rules import Reply, Rule
from waqtor.errors import Timeout, Unavailable
from waqtor.smartbot.rules_import import rules_text
from waqtor.smartbot.samples import Sample, rules_of
from waqtor.transports.simulator.process import SimulatorProcess

_BOT = """
import asyncio, pathlib, structlog, sys
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from waqtor.settings import Settings
from waqtor.smartbot.service import BotService
async def main(folder, encoder, text):
    data = pathlib.Path(folder)
    bot = BotService(Settings(_env_file=None, data_dir=data, rules_dir=data / "rules", encoder=encoder))
    await bot.start()
    print((await bot.test(text)).decision, flush=True)
    await bot.stop()
asyncio.run(main(*sys.argv[1:]))
"""
MOST_EDIT_S, MOST_COLD_S = 2.0, 3.0
STARTS = 3
_PATIENCE_S = 60.0
_FILE = "forty.yaml"
_DECIDED = """
SELECT count(DISTINCT d.message_id), count(*), quantile_cont(epoch_us(d.created) - epoch_us(m.created), 0.99) / 1000
FROM decisions d JOIN messages m USING (message_id)
"""


def live(
    samples: Sequence[Sample], encoder: str, folder: Path, *, parts: Sequence[str], rate: float, edits: int
) -> list[dict[str, Any]]:
    """Measure; see above.

    Args:
        samples: What the rules are made of.
        encoder: Name of the encoder.
        folder: The engine's data; the encoder's graph is in its cache.
        parts: ``edit``, ``cold`` or both.
        rate: Messages a second.
        edits: How many edits.
    """
    return asyncio.run(_live(_Shop(rules_of(samples), folder / "rules"), encoder, folder, parts, rate, edits))


class _Shop:
    """The rule file, and which phrase is answered how."""

    def __init__(self, rules: Sequence[Rule], folder: Path) -> None:
        self._rules = [
            rule.model_copy(update={"replies": {"en": (Reply(text=f"This is {rule.id}."),)}}) for rule in rules
        ]
        self._path = folder / _FILE
        folder.mkdir(parents=True, exist_ok=True)
        self.phrases = [phrase for rule in self._rules for phrase in rule.examples["en"]]
        self._write()

    def edit(self, number: int) -> tuple[str, str]:
        """Give one more example to a rule; returns it and the rule's id."""
        place = number % len(self._rules)
        rule = self._rules[place]
        phrase = f"quux {number} zorblat wobbles"
        examples = {**rule.examples, "en": (*rule.examples["en"], phrase)}
        self._rules[place] = rule.model_copy(update={"examples": examples})
        self._write()
        return phrase, rule.id

    def _write(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(rules_text(self._rules, "a benchmark"), encoding="utf-8")
        temporary.replace(self._path)


async def _live(
    shop: _Shop, encoder: str, folder: Path, parts: Sequence[str], rate: float, edits: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    sidecar = Sidecar(folder, free_port(), "", WAQTOR_ENCODER=encoder, WAQTOR_SEND_TIMEOUT_S="5")
    async with (
        SimulatorProcess(folder / "sim.sock") as simulator,
        httpx.AsyncClient(timeout=10, headers={"X-API-Key": KEY}) as client,
    ):
        try:
            await sidecar.start(client)
            await _answered(client, sidecar.url, shop.phrases[0])
            if "edit" in parts:
                found.append(await _edited(shop, simulator, sidecar, client, rate, edits))
            if "cold" in parts:
                found.append(await _cold(shop, simulator, sidecar, client, encoder, folder))
        finally:
            sidecar.stop()
    return found


async def _edited(
    shop: _Shop, simulator: SimulatorProcess, sidecar: Sidecar, client: httpx.AsyncClient, rate: float, edits: int
) -> dict[str, Any]:
    stopping = asyncio.Event()
    flow = asyncio.create_task(_people(simulator, shop.phrases, rate, stopping))
    await asyncio.sleep(1.0)
    took: list[float] = []
    for number in range(edits):
        phrase, rule = await asyncio.to_thread(shop.edit, number)
        began = time.perf_counter()
        while (said := await _answered(client, sidecar.url, phrase)) != rule:
            if time.perf_counter() - began > _PATIENCE_S:
                raise Timeout(f"The edit of {rule} was not live within {_PATIENCE_S:.0f} s; answered by {said}.")
            await asyncio.sleep(0.05)  # asking more often would be a load of its own
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.5)
    stopping.set()
    asked, other = await flow
    await simulator.control.wait_idle(1.0, _PATIENCE_S)
    wrong, p99_ms = await _counted(simulator, sidecar, client, asked, other)
    slowest = max(took)
    edited = result(
        "fit.edit_live", slowest, "s", limit_s=MOST_EDIT_S, median_s=round(float(np.median(took)), 3),
        edits=edits, messages=len(asked) + len(other), rate=rate, decision_p99_ms=p99_ms,
    )  # fmt: skip
    edited |= wrong
    edited["ok"] = slowest < MOST_EDIT_S and not any(wrong.values())
    return edited


async def _people(
    simulator: SimulatorProcess, phrases: Sequence[str], rate: float, stopping: asyncio.Event
) -> tuple[set[str], set[str]]:
    """People who write, each one once: examples, and what has to be encoded. Returns the senders of both."""
    asked: set[str] = set()
    other: set[str] = set()
    began = time.perf_counter()
    while not stopping.is_set():
        due = int((time.perf_counter() - began) * rate) - len(asked) - len(other)
        batch = []
        for _ in range(due):
            number = len(asked) + len(other)
            sender, phrase = f"96650{number:07d}", phrases[number % len(phrases)]
            batch.append({"text": phrase if number % 2 else f"{phrase} no {number}", "from": sender})
            (asked if number % 2 else other).add(sender)
        if batch:
            await simulator.control.inject_many(batch, wait=False)
        await asyncio.sleep(0.02)
    return asked, other


async def _counted(
    simulator: SimulatorProcess, sidecar: Sidecar, client: httpx.AsyncClient, asked: set[str], other: set[str]
) -> tuple[dict[str, int], float]:
    """Return what must be 0 (messages without their one decision or answer), and p99 from message to decision, ms."""
    everybody = len(asked) + len(other)
    decided, rows, p99, deadline = 0, 0, 0.0, time.monotonic() + _PATIENCE_S
    while decided < everybody and time.monotonic() < deadline:  # the log follows by half a second
        answer = await client.post(f"{sidecar.url}/api/v1/analytics/query", json={"sql": _DECIDED})
        decided, rows, p99 = answer.raise_for_status().json()["rows"][0]
        await asyncio.sleep(0.2)
    to = Counter[str]()
    for call in (await simulator.control.calls()).values():
        to[call["to"]] += call["count"]
    return {
        "undecided": everybody - int(decided),
        "decided_twice": int(rows) - int(decided),
        "unanswered": sum(1 for sender in asked if to[sender] == 0),
        "answered_twice": sum(1 for sender in asked | other if to[sender] > 1),
    }, round(float(p99), 1)


async def _cold(
    shop: _Shop, simulator: SimulatorProcess, sidecar: Sidecar, client: httpx.AsyncClient, encoder: str, folder: Path
) -> dict[str, Any]:
    sidecar.stop()
    alone, whole = [], []
    for number in range(STARTS):
        text = f"{shop.phrases[number * 7 % len(shop.phrases)]} please"  # not an example: the model has to be there
        began = time.perf_counter()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _BOT, str(folder), encoder, text, stdout=asyncio.subprocess.PIPE, stderr=sys.stderr
        )
        said = await child.stdout.readline() if child.stdout is not None else b""
        alone.append(time.perf_counter() - began)
        if await child.wait() or not said.strip():
            raise Unavailable("The bot gave no answer in a process of its own; its last words are above.")
    for number in range(STARTS):
        sidecar.stop()
        before = (await simulator.control.stats())["accepted"]
        message = {"text": shop.phrases[number * 7 % len(shop.phrases)], "from": f"97150{number:07d}"}
        await simulator.control.inject_many([message], wait=False)
        began = time.perf_counter()
        ready = asyncio.create_task(sidecar.start(client))
        while (await simulator.control.stats())["accepted"] == before:
            if time.perf_counter() - began > _PATIENCE_S:
                raise Timeout(f"No answer within {_PATIENCE_S:.0f} s of the start.")
            await asyncio.sleep(0.02)
        whole.append(time.perf_counter() - began)
        await ready
    found = result(
        "fit.cold_start", float(np.median(alone)), "s", limit_s=MOST_COLD_S, slowest_s=round(max(alone), 3),
        starts=STARTS, engine_s=round(float(np.median(whole)), 3),
    )  # fmt: skip
    found["ok"] = found["value"] < MOST_COLD_S
    return found


async def _answered(client: httpx.AsyncClient, url: str, text: str) -> str | None:
    answer = await client.post(f"{url}/api/v1/smartbot/test", json={"text": text})
    rule = answer.raise_for_status().json()["rule_id"]
    return str(rule) if rule is not None else None
