"""The erasure of a person as a durable job: steps that may each be done again, so that a kill only delays it.

``hold`` ends the sends to the person that wait, and waits for calls under way. ``collect`` finds the ids of everything.
``store`` takes the person out of the database, ``memory`` out of memory, caches and files, ``log`` out of the traffic
log, whose file is rewritten. ``scrub`` empties what deleted rows left in the database's files. Then the job forgets the
person too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, get_args

import structlog

from waqtor.contracts.privacy import ErasureStep
from waqtor.kernel.clock import Clock
from waqtor.privacy.ports import Erasures, Job, LocalTraces, Step

STEPS: Final[tuple[ErasureStep, ...]] = get_args(ErasureStep)
_POLL_S: Final = 30.0
_AGAIN_S: Final = 5.0
_LOOK_S: Final = 0.05
_log = structlog.get_logger(__name__)


class ErasureRunner:
    """Does the jobs one after the other, on one engine at a time; every engine looks after its own traces.

    Args:
        local: What this engine keeps besides the store.
        patience: Longest wait for a call to the person that is under way, seconds: longer than any call takes.
        lease: Whether this engine is the one that does the jobs.
        again_s: Wait before a step that failed is tried again, seconds.
    """

    def __init__(
        self,
        erasures: Erasures,
        local: LocalTraces,
        clock: Clock,
        *,
        patience: float,
        lease: Callable[[], Awaitable[bool]],
        again_s: float = _AGAIN_S,
    ) -> None:
        self._erasures = erasures
        self._local = local
        self._clock = clock
        self._patience = patience
        self._lease = lease
        self._again_s = again_s
        self._wake = asyncio.Event()
        self._steps: dict[ErasureStep, Step] = {
            "hold": self._hold, "collect": self._collect, "store": self._store, "memory": self._memory,
            "log": self._in_log, "scrub": self._scrub,
        }  # fmt: skip

    def poke(self) -> None:
        """There is a new job."""
        self._wake.set()

    async def run(self) -> None:
        """Do what is to be done, for ever; to be supervised."""
        while True:
            self._wake.clear()
            failed = False
            if await self._lease():
                for job in await self._erasures.running():
                    failed = not await self._do(job) or failed
            await self._others()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._again_s if failed else _POLL_S)

    async def _do(self, job: Job) -> bool:
        counts = dict(job.counts)
        try:
            for step in STEPS[STEPS.index(job.step) : -1]:
                counts.update(await self._steps[step](job))
                following = STEPS[STEPS.index(step) + 1]
                if following != "done":
                    await self._erasures.moved(job, following, counts)
            await self._erasures.done(job, counts)
            # The sealed contact itself was in the database's log until now.
            await self._erasures.scrub()
        except Exception as error:
            # The words of an error may hold what is being erased: its kind alone is told.
            name = type(error).__name__
            _log.warning("erasure.waits", erasure=job.id, error=name)
            await self._erasures.failed(job.id, _reason(error))
            return False
        _log.info("erasure.done", erasure=job.id, **counts)
        return True

    async def _hold(self, job: Job) -> dict[str, int]:
        deadline = self._clock.monotonic() + self._patience
        while await self._erasures.hold(job, give_up=False):
            if self._clock.monotonic() >= deadline:
                await self._erasures.hold(job, give_up=True)
                break
            await self._clock.sleep(_LOOK_S)
        return {}

    async def _collect(self, job: Job) -> dict[str, int]:
        return {"subjects": await self._erasures.collect(job)}

    async def _store(self, job: Job) -> dict[str, int]:
        wiped = await self._erasures.wipe(job)
        return {**wiped.counts, "media": await self._local.drop_media(wiped.media)}

    async def _memory(self, job: Job) -> dict[str, int]:
        subjects = frozenset(await self._erasures.subjects(job.id))
        return {"files": await self._local.forget(job.contact, subjects)}

    async def _in_log(self, job: Job) -> dict[str, int]:
        subjects = await self._erasures.subjects(job.id)
        return {"log_rows": await self._local.erase_log({job.id: subjects}, job.contact)}

    async def _scrub(self, job: Job) -> dict[str, int]:
        await self._erasures.scrub()
        return {}

    async def _others(self) -> None:
        """Erasures that another engine did: take the person out of what this one keeps of its own, by the ids."""
        try:
            if not await self._erasures.unlocalised(frozenset()):
                return  # most often; the traffic log need not even be there
            missing = await self._erasures.unlocalised(await self._local.localised())
            if not missing:
                return
            subjects = {name: await self._erasures.subjects(name) for name in missing}
            await self._local.forget("", frozenset(one for group in subjects.values() for one in group))
            await self._local.erase_log(subjects, "")
        except Exception as error:
            _log.warning("erasure.local_waits", error=type(error).__name__)


def _reason(error: Exception) -> str:
    code = getattr(error, "code", "")
    return f"{type(error).__name__} ({code}); tried again" if code else f"{type(error).__name__}; tried again"
