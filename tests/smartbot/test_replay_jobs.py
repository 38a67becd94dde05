from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from waqtor.contracts.workbench import CancelReplay, ReplayView, RuleSource, StartReplay
from waqtor.errors import Conflict, NotFound, RuleFileError
from waqtor.kernel.clock import SystemClock
from waqtor.smartbot.replay_jobs import KEPT, ReplayJobs
from waqtor.smartbot.rules_replay import Past

GIFTS = """\
version: 1
rules:
  - id: gifts
    examples: {en: ["xylophone quartz"]}
    replies: {en: [{text: "We do."}]}
"""
COMMAND = StartReplay(before=RuleSource(), after=RuleSource(kind="texts", texts={"gifts.yaml": GIFTS}), minutes=60)


class Log:
    def __init__(self, count: int = 5, forever: bool = False) -> None:
        self.count, self.forever = count, forever

    async def past(self, since: int, limit: int) -> AsyncIterator[list[Past]]:
        texts = ["xylophone quartz", "zzz", "متى تفتحون"]
        yield [Past(f"m{i}", texts[i % 3], at=1_000_000 + i) for i in range(self.count)]
        while self.forever:
            await asyncio.sleep(0.01)


@pytest.fixture
async def make_jobs(make_settings):
    made = []

    def make(log: Log) -> ReplayJobs:
        made.append(ReplayJobs(make_settings(), log, SystemClock()))
        return made[-1]

    yield make
    for jobs in made:
        await jobs.close()


async def ended(jobs: ReplayJobs, view: ReplayView) -> ReplayView:
    for _ in range(600):
        found = jobs.get(view.id)
        if found.state not in ("reading", "running"):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def test_a_replay_runs_in_its_own_process_and_lists_the_changes(make_jobs) -> None:
    jobs = make_jobs(Log())
    started = await jobs.start(COMMAND)
    assert started.state in ("reading", "running")
    with pytest.raises(Conflict):
        await jobs.start(COMMAND)
    done = await ended(jobs, started)
    assert (done.state, done.error, done.messages, done.done) == ("done", "", 5, 5)
    assert (done.gained, done.lost, done.different, done.listed) == (2, 0, 0, 2)
    assert done.after == "texts gifts.yaml"
    first, second = jobs.changes(started.id)
    assert (first.message_id, first.number, second.message_id) == ("m0", 1, "m3")
    assert (first.before.decision, first.after.rule_id, first.after.reply) == ("silent", "gifts", "We do.")
    assert first.at.startswith("1970-01-01T00:00:01")
    assert jobs.changes(started.id, kind="lost") == []
    assert [c.number for c in jobs.changes(started.id, after=1)] == [2]
    assert len(jobs.changes(started.id, search="QUARTZ", rule_id="gifts", limit=1)) == 1
    assert jobs.changes(started.id, rule_id="other") == []
    assert jobs.listed()[0].id == started.id


async def test_it_can_be_cancelled_and_another_started(make_jobs) -> None:
    jobs = make_jobs(Log(forever=True))
    started = await jobs.start(COMMAND)
    stopped = await jobs.cancel(CancelReplay(replay_id=started.id))
    assert stopped.state == "cancelled"
    assert (await jobs.cancel(CancelReplay(replay_id=started.id))).state == "cancelled"
    again = await jobs.start(COMMAND)
    assert again.id != started.id


async def test_broken_rules_start_nothing_and_an_empty_log_is_done(make_jobs) -> None:
    jobs = make_jobs(Log(count=0))
    broken = StartReplay(
        before=RuleSource(), after=RuleSource(kind="texts", texts={"a.yaml": "version: 1\nrules: 2\n"})
    )
    with pytest.raises(RuleFileError):
        await jobs.start(broken)
    assert jobs.listed() == []
    ids = []
    for _ in range(KEPT + 1):
        view = await ended(jobs, await jobs.start(COMMAND))
        assert (view.state, view.messages) == ("done", 0)
        ids.append(view.id)
    assert len(jobs.listed()) == KEPT
    with pytest.raises(NotFound):
        jobs.get(ids[0])


async def test_a_process_that_dies_is_a_failed_replay(make_jobs, monkeypatch) -> None:
    monkeypatch.setattr("waqtor.smartbot.replay_jobs.sys.executable", "/bin/false")
    jobs = make_jobs(Log())
    view = await ended(jobs, await jobs.start(COMMAND))
    assert view.state == "failed"
    assert "ended with 1" in view.error
