from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from waqtor.errors import Unavailable
from waqtor.kernel.clock import SystemClock
from waqtor.privacy.erasing import ErasureRunner
from waqtor.privacy.ports import Job, Wiped

STEPS = ["hold", "collect", "store", "drop", "memory", "log", "scrub", "done", "scrub"]


class Steps:
    """Notes what is done; ``failing`` names steps that fail so many times first."""

    def __init__(self, **failing: int) -> None:
        self.did: list[str] = []
        self.failing = failing
        self.job: Job | None = Job("e1", "966501234567", "hold", {})
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.closed: list[bool] = []
        self.under_way = 0

    def _do(self, name: str) -> None:
        if self.failing.get(name, 0):
            self.failing[name] -= 1
            raise Unavailable(f"966501234567 cannot be had in {name}")
        self.did.append(name)

    async def running(self) -> list[Job]:
        return [self.job] if self.job is not None else []

    async def moved(self, job: Job, step: Any, counts: dict[str, int]) -> None:
        self.job = Job(job.id, job.contact, step, dict(counts))

    async def failed(self, erasure_id: str, error: str) -> None:
        self.errors.append(error)

    async def hold(self, job: Job, *, give_up: bool) -> int:
        self.closed.append(give_up)
        if self.under_way > 0 and not give_up:
            self.under_way -= 1
            return 1
        self._do("hold")
        return 0

    async def collect(self, job: Job) -> int:
        self._do("collect")
        return 3

    async def wipe(self, job: Job) -> Wiped:
        self._do("store")
        return Wiped({"messages": 2}, ["m"])

    async def subjects(self, erasure_id: str) -> list[str]:
        return ["a", "b", "c"]

    async def drop_media(self, media: Any) -> int:
        self._do("drop")
        return len(media)

    async def forget(self, contact: str, subjects: Any) -> int:
        self._do("memory" if contact else "foreign-memory")
        return 0

    async def erase_log(self, erasures: Any, contact: str) -> int:
        self._do("log" if contact else "foreign-log")
        if not contact:
            self.foreign.clear()
        return 5

    async def localised(self) -> frozenset[str]:
        return frozenset()

    async def unlocalised(self, known: Any) -> list[str]:
        return list(self.foreign)

    async def scrub(self) -> None:
        self._do("scrub")

    async def done(self, job: Job, counts: dict[str, int]) -> None:
        self._do("done")
        self.job, self.counts = None, counts


async def run(steps: Any, until: Any, **more: Any) -> None:
    async def lease() -> bool:
        return bool(more.get("lease", True))

    runner = ErasureRunner(steps, steps, SystemClock(), patience=more.get("patience", 5.0), lease=lease, again_s=0.01)
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(5):
        while not until():
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_steps_are_done_in_their_order():
    steps = Steps()
    await run(steps, lambda: len(steps.did) == len(STEPS))
    assert steps.did == STEPS
    assert steps.counts == {"subjects": 3, "messages": 2, "media": 1, "files": 0, "log_rows": 5}


@pytest.mark.parametrize("broken", ["collect", "store", "drop", "memory", "log", "scrub"])
async def test_a_step_that_fails_is_done_again_and_the_ones_before_are_not(broken):
    steps = Steps(**{broken: 2})
    await run(steps, lambda: steps.job is None)
    wiped_again = ["store"] * 2 if broken == "drop" else []  # one step: its two halves are done again together
    assert sorted(steps.did[: 8 + len(wiped_again)]) == sorted(STEPS[:8] + wiped_again)
    assert steps.did[-1] in ("done", "scrub")
    assert steps.did.count("hold") == 1
    assert len(steps.errors) == 2
    assert all("966501234567" not in error for error in steps.errors), "the words of an error may name the person"


async def test_it_goes_on_at_the_step_where_it_was():
    steps = Steps()
    steps.job = Job("e1", "966501234567", "log", {"messages": 7})
    await run(steps, lambda: steps.job is None)
    assert steps.did[:3] == ["log", "scrub", "done"]
    assert steps.counts["messages"] == 7


async def test_a_call_under_way_is_waited_for_and_given_up_in_the_end():
    steps = Steps()
    steps.under_way = 3
    await run(steps, lambda: steps.job is None)
    assert steps.closed == [False] * 4
    steps = Steps()
    steps.under_way = 10_000
    await run(steps, lambda: steps.job is None, patience=0.1)
    assert steps.closed[-1] is True
    assert steps.did.count("hold") == 1


async def test_only_one_engine_does_the_jobs_but_each_looks_after_its_own_log():
    steps = Steps()
    steps.foreign = ["e0"]
    await run(steps, lambda: not steps.foreign, lease=False)
    assert steps.did == ["foreign-memory", "foreign-log"]
    assert steps.job is not None
