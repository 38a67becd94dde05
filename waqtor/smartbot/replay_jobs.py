"""Replays that people start: one runs at a time, in a process of its own; the last few can be read.

What they found is kept in memory only: it holds messages of customers, and a restart makes it go.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import orjson
import structlog

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.wire import iso
from waqtor.contracts.workbench import CancelReplay, ChangeKind, ReplayChange, ReplayView, StartReplay
from waqtor.errors import Conflict, NotFound, WaqtorError
from waqtor.kernel.clock import Clock
from waqtor.settings import Settings
from waqtor.smartbot.compiler import refuse
from waqtor.smartbot.rule_sources import described, texts_of
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import load_texts
from waqtor.smartbot.rules_replay import Past

KEPT = 5
"""Replays that can be read."""
LISTED = 20_000
"""Most changes that one keeps; all are counted."""
_LINE = 1 << 26
_log = structlog.get_logger(__name__)


class Recorded(Protocol):
    """Who has the messages of the past."""

    def past(self, since: int, limit: int) -> AsyncIterator[list[Past]]:
        """Yield messages since a time (UTC microseconds), the latest ``limit``, oldest first, page by page."""
        ...


@dataclass(slots=True)
class _Job:
    view: ReplayView
    began: float
    changes: list[dict[str, Any]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    ran: float = 0.0

    def update(self, **values: Any) -> None:
        self.view = self.view.model_copy(update=values)


class ReplayJobs:
    """Starts, watches and cancels replays.

    Args:
        settings: The bot's; handed to the process.
        recorded: Reads the traffic log.
        clock: Wall time.
    """

    def __init__(self, settings: Settings, recorded: Recorded, clock: Clock) -> None:
        self._settings = settings
        self._recorded = recorded
        self._clock = clock
        self._jobs: OrderedDict[str, _Job] = OrderedDict()

    def handlers(self) -> dict[type, Callable[[Any], Awaitable[Any]]]:
        """The commands that it carries out."""
        return {StartReplay: self.start, CancelReplay: self.cancel}

    async def start(self, command: StartReplay) -> ReplayView:
        """Begin a replay.

        Raises:
            Conflict: Another one is running.
            InvalidInput: A version of the rules is not there.
            RuleFileError: A version has errors.
        """
        if any(job.task is not None and not job.task.done() for job in self._jobs.values()):
            raise Conflict("Another replay is running; wait for it or cancel it.")
        view = ReplayView(
            id=new_ulid(), state="reading", before=described(command.before), after=described(command.after),
            minutes=command.minutes, started=iso(self._clock.now_us()),
        )  # fmt: skip
        job = self._jobs[view.id] = _Job(view, time.monotonic())
        job.task = asyncio.create_task(asyncio.sleep(0), name="replay")  # holds the place while the rules are read
        try:
            texts = await asyncio.to_thread(self._texts, command)
        except BaseException:
            del self._jobs[view.id]
            raise
        job.task = asyncio.create_task(self._run(job, command, *texts), name="replay")
        while len(self._jobs) > KEPT:
            self._jobs.popitem(last=False)
        return job.view

    def _texts(self, command: StartReplay) -> tuple[dict[str, str], dict[str, str]]:
        found = []
        for source in (command.before, command.after):
            texts = texts_of(self._settings.rules_dir, source)
            refuse(check(load_texts(texts), near=False))
            found.append(texts)
        return found[0], found[1]

    async def cancel(self, command: CancelReplay) -> ReplayView:
        """Stop a replay that runs; one that has ended stays as it is."""
        job = self._job(command.replay_id)
        if job.task is not None and not job.task.done():
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
            if job.view.state == "reading":  # it had not begun
                job.update(state="cancelled")
        return job.view

    def forget(self) -> None:
        """Drop what replays found: it quotes messages, and one of them was erased."""
        for name in [name for name, job in self._jobs.items() if job.task is None or job.task.done()]:
            del self._jobs[name]

    def listed(self) -> list[ReplayView]:
        """Return the last replays, the newest first."""
        return [self._timed(job) for job in reversed(self._jobs.values())]

    def get(self, replay_id: str) -> ReplayView:
        """Return one replay.

        Raises:
            NotFound: It is unknown, or was forgotten for newer ones.
        """
        return self._timed(self._job(replay_id))

    def changes(
        self,
        replay_id: str,
        *,
        kind: ChangeKind | None = None,
        rule_id: str | None = None,
        search: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[ReplayChange]:
        """Return the changes of a replay from a number on, of a kind, of a rule on either side, holding a text."""
        found: list[ReplayChange] = []
        held = self._job(replay_id).changes
        for number in range(after, len(held)):
            row = held[number]
            if (kind is not None and row["kind"] != kind) or (
                search and search.casefold() not in row["text"].casefold()
            ):
                continue
            if rule_id is not None and rule_id not in (row["before"]["rule_id"], row["after"]["rule_id"]):
                continue
            found.append(ReplayChange(number=number + 1, **{**row, "at": iso(row["at"])}))
            if len(found) == limit:
                break
        return found

    async def close(self) -> None:
        """Stop what runs."""
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _job(self, replay_id: str) -> _Job:
        found = self._jobs.get(replay_id)
        if found is None:
            raise NotFound("There is no such replay, or newer ones took its place; start it again.")
        return found

    def _timed(self, job: _Job) -> ReplayView:
        view = job.view
        if view.state not in ("reading", "running"):
            return view
        now = time.monotonic()
        eta = None
        if view.done and job.ran:
            eta = round((now - job.ran) / view.done * (view.messages - view.done), 1)
        return view.model_copy(update={"seconds": round(now - job.began, 1), "eta_s": eta})

    async def _run(self, job: _Job, command: StartReplay, before: dict[str, str], after: dict[str, str]) -> None:
        state: Any = "failed"
        try:
            since = self._clock.now_us() - int(command.minutes * 60_000_000)
            past: list[Past] = []
            async for page in self._recorded.past(since, command.limit):
                past += page
                job.update(messages=len(past))
            job.update(state="running")
            if past:
                await self._process(job, past, before, after)
            state = "done"
        except asyncio.CancelledError:
            state = "cancelled"
            raise
        except WaqtorError as error:
            job.update(error=error.message, issues=tuple(error.details.get("issues") or ()))
        except Exception as error:
            _log.exception("replay.failed")
            job.update(error=f"{type(error).__name__}: the log of the sidecar has more.")
        finally:
            job.update(state=state, seconds=round(time.monotonic() - job.began, 1), eta_s=None)

    async def _process(self, job: _Job, past: list[Past], before: dict[str, str], after: dict[str, str]) -> None:
        s = self._settings
        asked = {
            "before": before, "after": after, "encoder": s.encoder, "encoder_threads": s.encoder_threads,
            "data_dir": str(s.data_dir.resolve()), "rules_dir": str(s.rules_dir.resolve()), "shop_name": s.shop_name,
            "timezone": s.timezone, "bot_threshold": s.bot_threshold, "bot_margin": s.bot_margin,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "waqtor.smartbot.replay_worker", limit=_LINE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        feeding = asyncio.create_task(_feed(process, asked, past))
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self._heard(job, orjson.loads(line))
            await feeding
            if await process.wait():
                raise WaqtorError(f"The process of the replay ended with {process.returncode}.")
        finally:
            feeding.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await asyncio.gather(feeding, return_exceptions=True)

    def _heard(self, job: _Job, said: dict[str, Any]) -> None:
        if "error" in said:
            raise WaqtorError(said["error"], **said.get("details", {}))
        if not said["done"]:
            job.ran = time.monotonic()
        kinds = [change["kind"] for change in said["changes"]]
        job.changes += said["changes"][: LISTED - len(job.changes)]
        counts = {kind: getattr(job.view, kind) + kinds.count(kind) for kind in ("gained", "lost", "different")}
        job.update(done=said["done"], listed=len(job.changes), **counts)


async def _feed(process: asyncio.subprocess.Process, asked: dict[str, Any], past: list[Past]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it says itself why it ended
        process.stdin.write(orjson.dumps(asked) + b"\n")
        for item in past:
            process.stdin.write(orjson.dumps(asdict(item)) + b"\n")
            await process.stdin.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()
        await process.stdin.wait_closed()
