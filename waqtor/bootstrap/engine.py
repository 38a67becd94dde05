"""The engine: everything wired, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from waqtor import __version__
from waqtor.analytics.saved import SavedQueries
from waqtor.bootstrap.campaigning import COMMANDS as CAMPAIGN_COMMANDS
from waqtor.bootstrap.campaigning import carry_out, make_campaigns
from waqtor.bootstrap.commands import SENDS, Commands
from waqtor.bootstrap.context import EngineContext
from waqtor.bootstrap.firststart import ensure_admin_key
from waqtor.bootstrap.media import settle_campaign
from waqtor.bootstrap.monitoring import Monitoring
from waqtor.bootstrap.notifications import make_notifications
from waqtor.bootstrap.privacy import make_privacy
from waqtor.bootstrap.session import SessionRuntime
from waqtor.bootstrap.webhooks import make_webhooks
from waqtor.contracts import commands as c
from waqtor.contracts.campaigns import CreateCampaign
from waqtor.contracts.media import DeleteMedia
from waqtor.contracts.views import SendReceipt, SessionView
from waqtor.errors import InvalidInput, NotFound, StorageFailed, Unavailable
from waqtor.kernel.access import Principal
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import Clock, SystemClock
from waqtor.kernel.farewell import Farewell
from waqtor.kernel.plugins import Loaded, PluginManager
from waqtor.kernel.readers import CursorBroken, JournalReader
from waqtor.kernel.tasks import Supervisor
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.answering import Answerer
from waqtor.messaging.ports import CalledBack, Pending
from waqtor.notifications.rules import TYPES as NOTIFYING
from waqtor.realtime.hub import Hub
from waqtor.settings import Settings
from waqtor.smartbot.plugin import SmartBotPlugin
from waqtor.smartbot.replay_jobs import ReplayJobs
from waqtor.smartbot.service import BotService
from waqtor.smartbot.suggestion_desk import SuggestionDesk
from waqtor.smartbot.suggestion_rounds import SuggestionRounds
from waqtor.storage.archive import SqlArchive
from waqtor.storage.chatstate import CHANGES, ChatStates
from waqtor.storage.cursors import SqlCursors
from waqtor.storage.duck_log import DuckLog
from waqtor.storage.keys import SqlKeys
from waqtor.storage.learning import SqlSuggestions
from waqtor.storage.lease import SqlLease
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.media import MediaStore
from waqtor.storage.media_retention import MediaRetention
from waqtor.storage.past_messages import PAGE as PAST_PAGE
from waqtor.storage.past_messages import DuckPast
from waqtor.storage.profiles import SqlProfiles
from waqtor.storage.queries import SqlQueries
from waqtor.storage.requests import SqlRequests
from waqtor.storage.store import SqlStore
from waqtor.transports import make_transport

_log = structlog.get_logger(__name__)


class Engine:
    """One engine node.

    Attributes:
        fatal: Set when the engine cannot go on (``fatal_error`` says why): whoever runs it must stop it.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.telemetry = Telemetry(__version__)
        self.bus = Bus()
        self.fatal = asyncio.Event()
        self.fatal_error: BaseException | None = None
        self.store = SqlStore.at(
            settings.database_url, settings.sqlite_path, clock=self.clock, telemetry=self.telemetry,
            on_failure=self._storage_failed,
        )  # fmt: skip
        self.journal = self.store.journal
        self.cursors = SqlCursors(self.store)
        self.ledger = SqlLedger(self.store)
        self.archive = SqlArchive(self.store)
        self.keys = SqlKeys(self.store)
        self.chat_states = ChatStates(self.store)
        self.bot = BotService(
            settings, clock=self.clock, telemetry=self.telemetry, publish=EngineContext(self).publish,
            controls=self.chat_states,
        )  # fmt: skip
        self.suggestions = SuggestionDesk(
            SqlSuggestions(self.store), settings, self.bot.trial, self.clock, self.bot.reload
        )
        self._suggestion_rounds = SuggestionRounds(
            self.suggestions.refresh, settings.suggestions_every_hours, SqlLease(self.store, "@suggestions").acquire
        )
        self.plugins = PluginManager(self.telemetry, disabled=settings.plugins_disabled, trace=settings.trace_plugins)
        self.log = DuckLog(
            settings.duckdb_file, self.journal, memory=settings.duckdb_memory, flush_ms=settings.log_flush_ms,
            flush_rows=settings.log_flush_rows, query_timeout=settings.query_timeout_s,
            query_max_rows=settings.query_max_rows,
        )  # fmt: skip
        self.replays = ReplayJobs(settings, DuckPast(self.log, min(PAST_PAGE, settings.query_max_rows)), self.clock)
        for part in (self.suggestions, self.bot.files, self.replays):
            for command, handler in part.handlers().items():
                self.bus.handle(command, handler)
        self.hub = Hub(
            self.journal, self.telemetry, settings, keys=self.keys, bus=self.bus, clock=self.clock,
            sessions=self.sessions, server=f"waqtor/{__version__}", note=self.log.tally.frame,
        )  # fmt: skip
        self.monitoring = Monitoring(self)
        self.notifications = make_notifications(settings, self.store, self.clock)
        self.profiles = SqlProfiles(self.store)
        self.queries = SavedQueries(SqlQueries(self.store))
        self.webhooks = make_webhooks(settings, self.store, self.cursors, self.clock)
        self._supervisor = Supervisor(self._fail)
        self._runtimes: dict[str, SessionRuntime] = {}
        self.media = MediaStore(self.store, settings.media_folder)
        self.media_retention = MediaRetention(
            self.store, self.media, settings.data_dir / "uploads", self.clock, days=settings.media_days,
            upload_hours=settings.upload_hours,
        )  # fmt: skip
        self._commands = Commands(self.ledger, self.archive, self.media, self._session_of)
        self.campaigns, self._campaign_runner = make_campaigns(self)
        self._requests = SqlRequests(self.store)
        self.privacy, self.retention = make_privacy(self)
        self._readers: list[JournalReader] = []
        self._broken: dict[str, str] = {}
        self._state = "new"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._farewell: Farewell | None = None

    # --- life

    async def start(self) -> None:
        """Open the store, then start the parts that feed on it, sessions last.

        Raises:
            ConfigurationError: The data folder is taken, or a setting cannot work.
        """
        self._loop = asyncio.get_running_loop()
        self._state = "starting"
        await self.store.open()
        try:
            await ensure_admin_key(self.keys, self.settings)
            await self.chat_states.load()
            await asyncio.to_thread(self.media.sweep)
            await self.bot.start()
            self.plugins.register(SmartBotPlugin(self.bot))
            self.plugins.discover()
            await self.plugins.load(EngineContext(self))
            self._start_readers()
            await self.webhooks.start()
            for kind in ("session.qr", "campaign.progress"):
                self.bus.subscribe(kind, self.webhooks.on_event)
            self._supervise("webhooks", self.webhooks.run)
            self._read("notifications", self.notifications.on_event, NOTIFYING, start="head")
            self._supervise("notification-retention", self.notifications.run)
            self._supervise("media-retention", self.media_retention.run)
            self._supervise("suggestions", self._suggestion_rounds.run)
            await self.hub.start()
            await self.campaigns.audiences.store.forget_unfinished()
            self._start_session(self.settings.session)
            self._supervisor.start("campaigns", self._campaign_runner.run)
            self._supervisor.start("erasures", self.privacy.runner.run)
            self._supervisor.start("retention", self.retention.run)
            await self.log.settled(2.0)
        except BaseException:
            await self.stop()
            raise
        self._state = "running"
        _log.info("engine.started", sessions=list(self._runtimes), head=self.journal.head, epoch=self.journal.epoch)

    def _start_readers(self) -> None:
        answerer = Answerer(
            self.plugins, self.ledger, self.clock, expiry=self.settings.reply_expiry_s, offer=self._offer
        )
        self.journal.observe(self.chat_states.committed)
        self._read("plugins:messages", answerer, {"message.received"}, start="beginning")
        self._read("chat-states", self.chat_states.apply, CHANGES, start="head")
        for entry in self.plugins.listeners():
            self._read(f"plugin:{entry.name}", _listener(self.plugins, entry), entry.events, start="head")
        self._supervisor.start("traffic-log", self.log.run)
        for name, body in self.monitoring.tasks().items():
            self._supervisor.start(name, body)
        if not self.store.exclusive:
            self._supervisor.start("journal-tail", self._follow_shared_journal)

    def _read(self, name: str, handle: Callable[[Any], Awaitable[None]], types: Any, *, start: Any) -> None:
        reader = JournalReader(
            name, self.journal, self.cursors, handle, types=types, start=start, telemetry=self.telemetry
        )
        self._readers.append(reader)
        self._supervise(name, reader.run)

    def _supervise(self, name: str, body: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            try:
                await body()
            except CursorBroken as error:
                # Guessing where to go on would lose or repeat: the reader stays stopped and says so.
                self._broken[name] = str(error)
                _log.critical("reader.stopped", reader=name, reason=str(error))

        self._supervisor.start(f"reader:{name}", run)

    def _start_session(self, name: str) -> None:
        runtime = SessionRuntime(
            name, make_transport(self.settings, name, self.media), self.store, self.ledger, self.bus, self.plugins,
            self.clock, self.telemetry, self.settings, on_hold=lambda error: self._campaign_runner.hold(name, error),
        )  # fmt: skip
        self._runtimes[name] = runtime
        self._supervisor.start(f"session:{name}", runtime.run)

    async def _follow_shared_journal(self) -> None:
        """Other engines write to the same journal: look for their events."""
        while True:
            await asyncio.sleep(0.25)
            await self.journal.refresh()

    def farewell(self) -> Farewell:
        """The time until the end, which begins with the first call: from here on the engine is stopping."""
        if self._farewell is None:
            self._farewell = Farewell(self.settings.stop_grace_s)
        return self._farewell

    async def stop(self) -> None:
        """Finish what is under way and stop everything, within ``stop_grace_s``; safe to call twice.

        Deliveries and calls that do not end in time are abandoned: the next start takes them up under the same ids.
        What the traffic log has not written by then it reads from the journal later.
        """
        if self._state == "stopped":
            return
        self._state = "stopping"
        end = self.farewell()
        await end.part("audiences", self.campaigns.audiences.close(), 0.2)
        drained = asyncio.gather(*(runtime.drain(end.share(0.4)) for runtime in self._runtimes.values()))
        await end.part("sessions", drained, 0.5)
        await end.part("hub", self.hub.stop(), 0.4)
        await end.part("tasks", self._supervisor.stop(end.share(0.4)), 0.5)
        await end.part("webhooks", self.webhooks.stop(), 0.2)
        for runtime in self._runtimes.values():
            await end.part("lease", runtime.lease.release(), 0.2)
        await end.part("plugins", self.plugins.unload(), 0.3)
        await end.part("replays", self.replays.close(), 0.2)
        await end.part("bot", self.bot.stop(), 0.2)
        self.monitoring.last()
        await end.part("log", self.log.stop(end.share(0.4)), 0.7)
        await end.part("store", self.store.close(end.share(0.8)))
        self._state = "stopped"
        _log.info(
            "engine.stopped", seconds=round(end.taken, 2), slow=end.slow or None, left_behind=end.left_behind or None
        )

    # --- work

    async def dispatch(
        self, command: Any, *, key: str | None = None, principal: Principal | None = None
    ) -> SendReceipt | dict[str, Any]:
        """Carry out a command; ``key`` makes a send idempotent.

        Raises:
            NotFound: Nobody handles it, or what it is about does not exist.
            Unavailable: The engine is not running.
        """
        if self._state not in ("running", "starting"):
            raise Unavailable("The engine is not running.")
        if type(command) in SENDS:
            return await self._commands.send(command, key)
        if isinstance(command, c.PauseChat):
            return await self._commands.pause_chat(command)
        if isinstance(command, c.ResumeChat):
            return await self._commands.resume_chat(command)
        if isinstance(command, c.OptOut | c.OptIn):
            return await self._commands.consent(command)
        if isinstance(command, c.ResolveMessage):
            return await self._commands.resolve(command)
        if isinstance(command, c.SessionAction):
            return await self._commands.session_action(command)
        if isinstance(command, c.TestMessage):
            trace = await self.bot.test(command.text, session=command.session, contact=dict(command.contact))
            return trace.model_dump(mode="json")
        if isinstance(command, DeleteMedia):
            await self.media.delete(command.media_id)
            return {"id": command.media_id, "deleted": True}
        if isinstance(command, CreateCampaign):
            command = await settle_campaign(self.media, command)
        if isinstance(command, CAMPAIGN_COMMANDS):
            return await carry_out(self.campaigns, command, key=key, requests=self._requests)
        result: dict[str, Any] = await self.bus.dispatch(command)
        return result

    def _session_of(self, name: str | None) -> SessionRuntime:
        if name is None:
            if self.settings.session in self._runtimes:
                return self._runtimes[self.settings.session]
            raise InvalidInput("Several sessions exist and none is the default: name one.")
        if name not in self._runtimes:
            raise NotFound(f"There is no session {name!r}.", session=name)
        return self._runtimes[name]

    def runtime(self, name: str) -> SessionRuntime | None:
        """A session's parts; ``None`` when this engine does not know it."""
        return self._runtimes.get(name)

    def called_back(self) -> CalledBack:
        """The transport whose provider calls us.

        Raises:
            NotFound: No session has such a transport.
        """
        for runtime in self._runtimes.values():
            if isinstance(runtime.transport, CalledBack):
                return runtime.transport
        raise NotFound("No session here takes callbacks; set WAQTOR_TRANSPORT=cloud_api.")

    def _offer(self, pending: Pending) -> None:
        runtime = self._runtimes.get(pending.session)
        if runtime is not None:
            runtime.sender.offer(pending)

    # --- state

    @property
    def readers(self) -> tuple[JournalReader, ...]:
        """The durable readers of the journal."""
        return tuple(self._readers)

    def sessions(self) -> list[SessionView]:
        """All sessions."""
        return [runtime.view for runtime in self._runtimes.values()]

    def session_state(self, name: str | None = None) -> SessionView:
        """One session, the default one when unnamed."""
        return self._session_of(name).view

    def ready(self) -> list[str]:
        """Why the engine is not ready; empty when it is."""
        reasons = [] if self._state == "running" else [f"the engine is {self._state}"]
        if self.fatal_error is not None:
            reasons.append(f"stopped by an error: {self.fatal_error}")
        reasons.extend(f"reader {name}: {reason}" for name, reason in self._broken.items())
        return reasons

    def warnings(self) -> list[str]:
        """What does not keep the engine from working but should be looked at."""
        found: list[str] = []
        status = self.log.status()
        if not status.ok:
            found.append(f"traffic log: {status.state}, {status.reason or 'no reason given'}")
        found += [f"session {v.session} is {v.status}" for v in self.sessions() if v.status != "ready"]
        found += [f"plugin {p.name} is off: {p.last_error}" for p in self.plugins.loaded if not p.enabled]
        found += [f"reader {r.name} set {r.set_aside} events aside" for r in self._readers if r.set_aside]
        return found

    def health(self) -> dict[str, Any]:
        """How the parts are."""
        return {
            "state": self._state,
            "journal": {"head": self.journal.head, "epoch": self.journal.epoch},
            "store": self.store.driver.dialect,
            "sessions": {v.session: v.status for v in self.sessions()},
            "readers": {
                r.name: {"position": r.position, "lag": r.lag, "set_aside": r.set_aside} for r in self._readers
            },
            "log": self.log.status().as_dict(),
            "bot": self.bot.status(),
            "plugins": [
                {"name": p.name, "version": p.version, "enabled": p.enabled, "failures": p.failures}
                for p in self.plugins.loaded
            ],
            "tasks": {name: state.restarts for name, state in self._supervisor.states.items()},
            "warnings": self.warnings(),
        }

    def _storage_failed(self, error: StorageFailed) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        if self.fatal_error is None:
            self.fatal_error = error
            _log.critical("engine.fatal", error=str(error))
        self.fatal.set()


def _listener(plugins: PluginManager, entry: Loaded) -> Callable[[Any], Awaitable[None]]:
    async def handle(event: Any) -> None:
        await plugins.event(entry, event)

    return handle
