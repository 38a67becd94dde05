"""The bot as the rest of the engine sees it: decide on messages, try texts, change rules, know how it is doing.

One immutable :class:`RuleSet` serves at a time and is swapped as a whole. A change of the rule files builds the
next one in a thread; a broken file leaves the serving set alone and is reported in :meth:`BotService.status`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from waqtor.contracts.event_data import RuleUpdated
from waqtor.contracts.events import Event
from waqtor.contracts.rules import Rule
from waqtor.contracts.views import RuleView, Trace
from waqtor.errors import ConfigurationError, RuleFileError, WaqtorError
from waqtor.kernel.clock import Clock, SystemClock
from waqtor.kernel.hooks import Incoming
from waqtor.kernel.telemetry import Telemetry
from waqtor.settings import Settings
from waqtor.smartbot.compiler import EMPTY, RuleCompiler
from waqtor.smartbot.encoders import Encoder, SentenceTransformerEncoder, make_encoder
from waqtor.smartbot.guard import ChatControls, Guard, GuardLimits, MemoryControls, MemoryGuardState, quiet_hours
from waqtor.smartbot.message_vectors import MessageVectors
from waqtor.smartbot.pipeline import Pipeline
from waqtor.smartbot.render import Shop
from waqtor.smartbot.requests import Request, encodable, request_of
from waqtor.smartbot.rule_files import RuleFiles
from waqtor.smartbot.rule_store import RuleStore
from waqtor.smartbot.rules_io import Loaded, LoadedCase, issue_details
from waqtor.smartbot.ruleset import RuleSet
from waqtor.smartbot.trial import Trial
from waqtor.smartbot.workbench import Workbench

_log = structlog.get_logger(__name__)

Publish = Callable[[Event], Awaitable[None]]


class BotService:
    """SmartBot of one engine.

    Args:
        settings: The bot's and the shop's settings are read from it.
        clock: Wall time of decisions.
        telemetry: Counts decisions when given.
        publish: Takes ``smartbot.rule-updated`` events when given.
        controls: Knows paused chats; by default what :meth:`pause_noted` was told.
        encoder: By default the one that the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        telemetry: Telemetry | None = None,
        publish: Publish | None = None,
        controls: ChatControls | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self._settings = settings
        self._clock: Clock = clock or SystemClock()
        self._telemetry = telemetry
        self.publish = publish
        self.memory_controls = MemoryControls()
        self._encoder = encoder or make_encoder(settings.encoder, settings.data_dir / "cache", settings.encoder_threads)
        self._vectors = MessageVectors(self._encoder)
        self._compiler = RuleCompiler(
            settings.rules_dir, self._encoder, settings.data_dir / "cache", settings.bot_threshold
        )
        self._seen = MemoryGuardState()
        self._pipeline = Pipeline(
            Guard(guard_limits(settings), self._seen, controls or self.memory_controls),
            self._encoder,
            self._vectors.of,
            Shop(settings.shop_name, settings.timezone),
            settings.bot_margin,
        )
        self._rules: RuleSet = EMPTY
        self._loaded = Loaded()
        self._store = RuleStore(settings.rules_dir, writable=settings.rules_writable)
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="rules")
        self._build_lock = asyncio.Lock()
        self._write_lock = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.trial = Trial(settings, self._encoder, lambda: self._rules, self._clock)
        self.workbench = Workbench(settings, self.trial)
        self.files = RuleFiles(
            settings.rules_dir, writable=settings.rules_writable, run=self._off_loop, reload=self.reload,
            live=lambda: self._rules.revision,
        )  # fmt: skip
        self._state = "stopped"
        self._errors: list[dict[str, Any]] = []
        self._last_error = ""
        self._built_at = 0
        self._build_ms = 0.0

    def forget(self, chat_id: str) -> None:
        """Drop what is remembered of a chat, and all texts of messages, from memory."""
        self._vectors.clear()
        self._seen.forget(chat_id)

    # --- life

    async def start(self, *, watch: bool = True) -> None:
        """Load the rules, begin to serve and to watch the folder. Broken rules do not stop the start.

        Args:
            watch: Take over changes of the folder, and load the model ahead of the first message.
        """
        self._stopping.clear()
        if watch and isinstance(self._encoder, SentenceTransformerEncoder) and not self._encoder.loaded:
            # Beside the rules, which seldom need it: their vectors are kept.
            self._tasks.append(asyncio.create_task(self._warm(self._encoder), name="encoder-load"))
        await self._rebuild(always=True)
        if watch:
            self._tasks.append(asyncio.create_task(self._watch(), name="rules-watch"))

    async def stop(self) -> None:
        """Stop watching and release the threads."""
        self._stopping.set()
        if isinstance(self._encoder, SentenceTransformerEncoder):
            self._encoder.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._vectors.close()
        self.trial.close()
        self._builder.shutdown(wait=False, cancel_futures=True)
        self._state = "stopped"

    async def _warm(self, encoder: SentenceTransformerEncoder) -> None:
        try:
            await self._vectors.warm(encoder.load)
        except ConfigurationError as error:
            self._last_error = error.message
            _log.error("bot.encoder_failed", encoder=encoder.name, error=error.message)

    async def _watch(self) -> None:
        from watchfiles import awatch

        while not self._stopping.is_set():
            folder = self._settings.rules_dir
            try:
                if folder.is_dir():
                    async for _ in awatch(
                        folder, stop_event=self._stopping, debounce=300, step=50, watch_filter=_is_rule
                    ):
                        await self.reload()
                else:
                    await asyncio.sleep(1.0)
            except (OSError, RuntimeError) as error:  # the folder went away, or the kernel has no watch left
                _log.warning("bot.watch_failed", error=str(error))
                await asyncio.sleep(1.0)
                await self.reload()

    # --- deciding

    async def decide(self, message: Incoming) -> Trace:
        """Decide on a received message; the guard takes note of it."""
        return await self._run(request_of(message))

    async def test(self, text: str, session: str | None = None, contact: Mapping[str, str] | None = None) -> Trace:
        """Say what the bot would answer to ``text``; nothing is remembered and nothing sent."""
        request = Request(
            encodable(text), session=session or self._settings.session, live=False, contact=dict(contact or {})
        )
        return await self._run(request)

    async def _run(self, request: Request) -> Trace:
        trace = await self._pipeline.run(request, self._rules, self._clock.now_us())
        if self._telemetry is not None and request.live:
            self._telemetry.decisions.labels(trace.decision, trace.language).inc()
            self._telemetry.decision_seconds.observe(trace.total_ms / 1000)
        return trace

    def pause_noted(self, session: str, chat_id: str, reason: str, until: int | None) -> None:
        """Remember that a chat was paused, until a time in UTC microseconds or until resumed."""
        self.memory_controls.pause(session, chat_id, reason, until, self._clock.now_us())

    def resume_noted(self, session: str, chat_id: str) -> None:
        """Remember that a chat was resumed."""
        self.memory_controls.resume(session, chat_id)

    # --- building

    @property
    def handoff_minutes(self) -> float:
        """How long the bot stays quiet in a chat that it handed over; 0: until it is resumed."""
        return self._settings.bot_handoff_minutes

    @property
    def revision(self) -> str:
        """Revision of the rules that serve now."""
        return self._rules.revision

    async def reload(self) -> bool:
        """Take over changed rule files; false when nothing changed or they are broken."""
        return await self._rebuild(always=False)

    async def rebuild(self) -> dict[str, Any]:
        """Build everything anew from the files and return the :meth:`status`.

        Raises:
            RuleFileError: The files have errors; the old rules go on serving.
        """
        await self._rebuild(always=True)
        if self._errors:
            first = self._errors[0]
            place = f"{first['file']}:{first['line']}:{first['column']}"
            raise RuleFileError(f"{place}: {first['message']}", issues=self._errors)
        return self.status()

    async def _rebuild(self, *, always: bool) -> bool:
        loop = asyncio.get_running_loop()
        async with self._build_lock:
            began = time.perf_counter()
            before = self._loaded
            serving = self._rules.revision
            self._state = "building" if serving == "" else "ready"
            try:
                loaded = await loop.run_in_executor(self._builder, self._compiler.read)
                self._errors = issue_details(loaded.refusals[:50])
                if loaded.revision == serving and not always and not loaded.refusals:
                    self._loaded, self._last_error, self._state = loaded, "", "ready"
                    return False
                rules = await loop.run_in_executor(self._builder, self._compiler.build, loaded)
            except Exception as error:
                self._last_error = (
                    error.message if isinstance(error, WaqtorError) else f"{type(error).__name__}: {error}"
                )
                self._state = "ready" if serving else "failed"
                if not isinstance(error, WaqtorError):
                    _log.exception("bot.build_failed")
                else:
                    _log.warning("bot.rules_refused", error=self._last_error, serving=serving)
                return False
            self._rules, self._loaded = rules, loaded
            self._state, self._last_error = "ready", ""
            self._built_at = self._clock.now_us()
            self._build_ms = (time.perf_counter() - began) * 1000
        _log.info("bot.rules_ready", revision=rules.revision, rules=len(rules.rules), ms=round(self._build_ms))
        if serving and serving != rules.revision:
            await self._announce(before, loaded)
        return True

    async def _announce(self, before: Loaded, after: Loaded) -> None:
        if self.publish is None:
            return
        old = {item.rule.id: item.revision for item in before.rules}
        new = {item.rule.id: item.revision for item in after.rules}
        changes = [(i, "added") for i in new.keys() - old.keys()] + [(i, "removed") for i in old.keys() - new.keys()]
        changes += [(i, "changed") for i in old.keys() & new.keys() if old[i] != new[i]]
        for rule_id, change in sorted(changes):
            data = RuleUpdated(rule_id=rule_id, change=change, revision=after.revision)
            await self.publish(Event("smartbot.rule-updated", "", data.model_dump(mode="json")))

    # --- rules

    def list_rules(self) -> list[RuleView]:
        """Return all rules, those switched off included, in the order of files."""
        return self._store.views(self._loaded)

    def get_rule(self, rule_id: str) -> RuleView:
        """Return one rule.

        Raises:
            NotFound: No such rule.
        """
        return self._store.view(self._loaded, rule_id)

    async def create_rule(self, rule: Rule | Mapping[str, Any]) -> RuleView:
        """Add a rule to ``custom.yaml``.

        Raises:
            Conflict: The id is taken.
            Forbidden: Rules are read-only.
            RuleFileError: The rule is wrong; nothing was changed.
        """
        return await self._write(lambda: self._store.create(rule))

    async def update_rule(self, rule_id: str, rule: Rule | Mapping[str, Any], revision: str | None = None) -> RuleView:
        """Replace a rule in its file.

        Args:
            rule_id: Which.
            rule: Its new content, with the same id.
            revision: The rule's or the whole set's revision that the change is based on.

        Raises:
            NotFound: No such rule.
            RevisionConflict: It changed since.
            Forbidden: Rules are read-only.
            RuleFileError: The rule is wrong; nothing was changed.
        """
        return await self._write(lambda: self._store.update(rule_id, rule, revision))

    async def delete_rule(self, rule_id: str, revision: str | None = None) -> None:
        """Remove a rule from its file; errors as in :meth:`update_rule`."""
        await self._write(lambda: self._store.delete(rule_id, revision))

    async def _off_loop(self, work: Callable[[], Any]) -> Any:
        async with self._write_lock:
            return await asyncio.get_running_loop().run_in_executor(self._builder, work)

    async def _write(self, change: Callable[[], str]) -> RuleView:
        async with self._write_lock:
            rule_id = await asyncio.get_running_loop().run_in_executor(self._builder, change)
            await self._rebuild(always=False)
            view = self._store.last_view
        assert view is not None, rule_id
        return view

    def cases(self) -> list[LoadedCase]:
        """Return the test cases that stand beside the rules."""
        return self._loaded.cases

    # --- how it is doing

    def status(self) -> dict[str, Any]:
        """Return the state of the bot: ready, building or failed, with revision, counts, encoder and errors."""
        rules = self._rules
        languages: dict[str, int] = {}
        for example in rules.examples:
            languages[example.language] = languages.get(example.language, 0) + 1
        scorer = rules.scorer
        return {
            "state": self._state,
            "revision": rules.revision,
            "rules": len(rules.rules),
            "examples": len(rules.examples),
            "languages": languages,
            "encoder": self._encoder.name,
            "encoder_loaded": getattr(self._encoder, "loaded", True),
            "index": scorer.index_kind if scorer is not None else "none",
            "built_at": self._built_at,
            "build_ms": round(self._build_ms, 1),
            "writable": self._settings.rules_writable,
            "last_error": self._last_error,
            "errors": self._errors,
        }

    def ready(self) -> str:
        """Return why the bot cannot serve, or an empty text."""
        if self._state in ("stopped", "building"):
            return f"the bot is {self._state}"
        return f"no rules could be loaded: {self._last_error}" if self._state == "failed" else ""


def guard_limits(settings: Settings) -> GuardLimits:
    """Return the guard's limits from the settings."""
    return GuardLimits(
        enabled=settings.bot_enabled,
        groups=settings.bot_groups,
        stale_us=int(settings.stale_message_s * 1_000_000),
        rate=settings.bot_rate_per_chat,
        loop=settings.bot_loop_limit,
        quiet=quiet_hours(settings.quiet_hours, settings.timezone),
    )


def _is_rule(_change: Any, path: str) -> bool:
    name = Path(path).name
    return name.endswith((".yaml", ".yml")) and not name.startswith(".")
