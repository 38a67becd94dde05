"""Supervised background tasks: restarted with back-off when they fail, stopped gracefully at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class TaskState:
    """How a supervised task is doing."""

    name: str
    task: asyncio.Task[None]
    restarts: int = 0
    last_error: str = ""


class Supervisor:
    """Runs named coroutines until told to stop.

    Args:
        on_fatal: Called with the error when a task marked ``critical`` fails.
    """

    def __init__(self, on_fatal: Callable[[BaseException], None] | None = None) -> None:
        self._states: dict[str, TaskState] = {}
        self._on_fatal = on_fatal
        self._stopping = False

    @property
    def states(self) -> dict[str, TaskState]:
        """The tasks by name."""
        return dict(self._states)

    def start(self, name: str, body: Callable[[], Awaitable[None]], *, critical: bool = False) -> None:
        """Run ``body`` in the background; if it raises it is started again (critical: the engine stops)."""
        if name in self._states and not self._states[name].task.done():
            raise ValueError(f"a task named {name!r} is already running")
        task = asyncio.get_running_loop().create_task(self._run(name, body, critical), name=name)
        self._states[name] = TaskState(name, task)

    async def _run(self, name: str, body: Callable[[], Awaitable[None]], critical: bool) -> None:
        delay = 0.1
        while True:
            try:
                await body()
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if self._stopping:
                    _log.exception("task.failed_at_stop", task=name)
                    return
                state = self._states[name]
                state.restarts += 1
                state.last_error = f"{type(error).__name__}: {error}"
                _log.exception("task.failed", task=name, restarts=state.restarts)
                if critical and self._on_fatal is not None:
                    self._on_fatal(error)
                    return
                await asyncio.sleep(delay * random.uniform(0.5, 1.5))
                delay = min(30.0, delay * 2)

    async def stop(self, timeout: float = 10.0) -> None:
        """Cancel every task and wait for them, newest first."""
        self._stopping = True
        tasks = [state.task for state in reversed(self._states.values())]
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=timeout)
            for task in pending:
                _log.error("task.did_not_stop", task=task.get_name())
        self._states.clear()
