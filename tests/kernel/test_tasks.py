from __future__ import annotations

import asyncio

import pytest

from waqtor.kernel import tasks
from waqtor.kernel.tasks import Supervisor

pytestmark = pytest.mark.usefixtures("tidy_loop")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(tasks.random, "uniform", lambda low, high: 0.05)


async def test_a_failing_task_is_started_again():
    supervisor, runs = Supervisor(), []
    done = asyncio.Event()

    async def body() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError(f"fault {len(runs)}")
        done.set()
        await asyncio.sleep(30)

    supervisor.start("worker", body)
    with pytest.raises(ValueError, match="already running"):
        supervisor.start("worker", body)
    await asyncio.wait_for(done.wait(), 5)
    state = supervisor.states["worker"]
    assert (state.restarts, state.last_error) == (2, "RuntimeError: fault 2")
    await supervisor.stop()
    assert supervisor.states == {}


async def test_a_task_that_ends_is_not_started_again_and_its_name_is_free():
    supervisor, runs = Supervisor(), []

    async def body() -> None:
        runs.append(1)

    supervisor.start("once", body)
    await supervisor.states["once"].task
    supervisor.start("once", body)
    await supervisor.states["once"].task
    assert len(runs) == 2


async def test_a_critical_tasks_failure_is_told_once_and_not_tried_again():
    told: list[BaseException] = []
    supervisor, runs = Supervisor(told.append), []

    async def body() -> None:
        runs.append(1)
        raise RuntimeError("the end")

    supervisor.start("vital", body, critical=True)
    await asyncio.wait_for(supervisor.states["vital"].task, 5)
    assert [str(error) for error in told] == ["the end"]
    assert len(runs) == 1


async def test_stopping_waits_for_the_last_words():
    supervisor, said = Supervisor(), []

    async def body() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            said.append("goodbye")

    supervisor.start("polite", body)
    await asyncio.sleep(0)
    await supervisor.stop()
    assert said == ["goodbye"]


async def test_an_error_in_the_last_words_does_not_start_it_again():
    supervisor, runs = Supervisor(), []

    async def body() -> None:
        runs.append(1)
        try:
            await asyncio.sleep(30)
        finally:
            raise RuntimeError("could not save")

    supervisor.start("clumsy", body)
    await asyncio.sleep(0)
    await asyncio.wait_for(supervisor.stop(timeout=1), 0.9)
    assert runs == [1]


async def test_stopping_does_not_wait_for_ever():
    supervisor = Supervisor()
    release = asyncio.Event()

    async def body() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor.start("stubborn", body)
    await asyncio.sleep(0)
    task = supervisor.states["stubborn"].task
    await asyncio.wait_for(supervisor.stop(timeout=0.05), 1)
    assert not task.done()
    release.set()
    await asyncio.wait([task])
