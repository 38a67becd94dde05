"""What the API needs of an engine; :class:`waqtor.bootstrap.Engine` fits, and so do the fakes of the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from waqtor.analytics.saved import SavedQueries
from waqtor.contracts import workbench as b
from waqtor.contracts.learning import LabelView, SuggestionDiff, SuggestionView
from waqtor.contracts.profile import Profile, UpdateProfile
from waqtor.contracts.rules import Rule
from waqtor.contracts.views import QueryResult, RuleView, SendReceipt, SessionView, Trace
from waqtor.kernel.access import Keys, Principal
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.ports import Archive, CalledBack
from waqtor.notifications.service import NotificationService
from waqtor.privacy.service import PrivacyService
from waqtor.settings import Settings
from waqtor.webhooks.service import WebhookService


class Profiles(Protocol):
    """How people like the dashboard."""

    async def get(self, user: str) -> Profile:
        """What is kept of a person; the defaults when nothing is."""
        ...

    async def update(self, user: str, change: UpdateProfile) -> Profile:
        """Take over what ``change`` names."""
        ...


class Bot(Protocol):
    """The bot as people meet it: try it, look at its rules, change them."""

    async def test(self, text: str, session: str | None = None, contact: Mapping[str, str] | None = None) -> Trace:
        """What the bot would answer; nothing is sent or stored."""
        ...

    @property
    def revision(self) -> str:
        """Revision of the rules that serve now."""
        ...

    @property
    def workbench(self) -> Tries:
        """Trying rules by hand."""
        ...

    @property
    def files(self) -> Files:
        """The rule files as text."""
        ...

    def list_rules(self) -> Sequence[RuleView]:
        """All rules in the order of their files."""
        ...

    def get_rule(self, rule_id: str) -> RuleView:
        """One rule.

        Raises:
            NotFound: No such rule.
        """
        ...

    async def create_rule(self, rule: Rule) -> RuleView:
        """Add a rule to ``custom.yaml``.

        Raises:
            Conflict: The id is taken.
        """
        ...

    async def update_rule(self, rule_id: str, rule: Rule, revision: str | None = None) -> RuleView:
        """Replace a rule in its file.

        Raises:
            RevisionConflict: It is no longer at ``revision``.
        """
        ...

    async def delete_rule(self, rule_id: str, revision: str | None = None) -> None:
        """Remove a rule from its file."""
        ...

    def status(self) -> dict[str, Any]:
        """Rules, revision, encoder and index."""
        ...

    async def rebuild(self) -> dict[str, Any]:
        """Read the rules again and rebuild the index."""
        ...


class Tries(Protocol):
    """Trying rules by hand; nothing is sent or stored."""

    async def tried(self, texts: Sequence[str], source: b.RuleSource | None = None) -> list[b.TriedMessage]:
        """What the bot would do with each message."""
        ...

    async def explained(self, text: str, before: b.RuleSource | None = None) -> b.Explanation:
        """A decision with what it rests on."""
        ...

    async def cases(self, source: b.RuleSource | None = None) -> b.CasesReport:
        """How the test cases beside the rules went."""
        ...


class Files(Protocol):
    """Reading the rule files; saving is a command."""

    async def listed(self) -> list[b.RuleFileInfo]:
        """The files in the order of their names."""
        ...

    async def get(self, name: str) -> b.RuleFileView:
        """A file with its issues.

        Raises:
            NotFound: No such file.
        """
        ...

    async def checked(self, name: str, text: str) -> b.RuleFileView:
        """What is wrong with a file as it is being edited."""
        ...

    async def commits(self, name: str, limit: int = 50) -> list[b.RuleCommit]:
        """Commits that touched a file."""
        ...

    async def changes(self, name: str, ref: str = "") -> str:
        """What a commit changed in a file."""
        ...


class Replays(Protocol):
    """Reading replays; starting and cancelling are commands."""

    def listed(self) -> list[b.ReplayView]:
        """The last replays, the newest first."""
        ...

    def get(self, replay_id: str) -> b.ReplayView:
        """One replay.

        Raises:
            NotFound: No such replay.
        """
        ...

    def changes(
        self,
        replay_id: str,
        *,
        kind: b.ChangeKind | None = None,
        rule_id: str | None = None,
        search: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[b.ReplayChange]:
        """Its changes from a number on."""
        ...


class Suggestions(Protocol):
    """Reading what the learning loop found; changes are commands."""

    async def listed(self, status: str | None = None) -> list[SuggestionView]:
        """Suggestions, those that serve most customers first."""
        ...

    async def get(self, suggestion_id: str) -> SuggestionView:
        """One suggestion with its evidence.

        Raises:
            NotFound: No such suggestion.
        """
        ...

    async def diff(self, suggestion_id: str) -> SuggestionDiff:
        """What accepting it would write."""
        ...

    async def labels(self, before: str | None = None, limit: int = 50) -> list[LabelView]:
        """Decisions that people judged, the latest first."""
        ...


class TrafficLog(Protocol):
    """Read-only SQL over the traffic log."""

    async def query(
        self, sql: str, params: Any = (), *, texts: bool = False, session: str | None = None
    ) -> QueryResult:
        """Rows of one SELECT; without ``texts`` personal columns are null.

        Raises:
            QueryRefused: It is something else, or reads what it must not.
        """
        ...

    async def query_arrow(self, sql: str, params: Any = (), *, texts: bool = False, session: str | None = None) -> Any:
        """The same as a ``pyarrow.Table``."""
        ...

    @property
    def tally(self) -> RequestTally:
        """Counts requests for the log."""
        ...


class RequestTally(Protocol):
    """Counts HTTP requests: a row each, above 1,000 a second exact sums."""

    def request(
        self, now_us: int, session: str, method: str, route: str, status: int, key_id: str, ms: float, size: int
    ) -> None:
        """Count one; ``ms`` is its duration, ``size`` the answer's bytes."""
        ...


class EngineLike(Protocol):
    """The engine behind the API."""

    settings: Settings
    clock: Clock
    telemetry: Telemetry

    @property
    def archive(self) -> Archive:
        """Reading messages, chats and decisions."""
        ...

    @property
    def keys(self) -> Keys:
        """API keys."""
        ...

    @property
    def bot(self) -> Bot:
        """The bot."""
        ...

    @property
    def suggestions(self) -> Suggestions:
        """The learning loop."""
        ...

    @property
    def replays(self) -> Replays:
        """Replays of recorded messages."""
        ...

    @property
    def log(self) -> TrafficLog:
        """The traffic log."""
        ...

    @property
    def webhooks(self) -> WebhookService:
        """Webhooks, their deliveries and logs."""
        ...

    @property
    def media(self) -> Any:
        """Files of messages (:class:`waqtor.storage.media.MediaStore`)."""
        ...

    @property
    def campaigns(self) -> Any:
        """Campaigns and audiences (:class:`waqtor.campaigns.service.Campaigns`)."""
        ...

    @property
    def notifications(self) -> NotificationService:
        """What a person should know."""
        ...

    @property
    def privacy(self) -> PrivacyService:
        """What is known of people, and the audit log."""
        ...

    @property
    def profiles(self) -> Profiles:
        """How people like the dashboard."""
        ...

    @property
    def queries(self) -> SavedQueries:
        """Saved queries over the traffic log."""
        ...

    @property
    def hub(self) -> Any:
        """The WebSocket hub."""
        ...

    async def start(self) -> None:
        """Start everything."""
        ...

    async def stop(self) -> None:
        """Stop everything gracefully."""
        ...

    async def dispatch(
        self, command: Any, *, key: str | None = None, principal: Principal | None = None
    ) -> SendReceipt | dict[str, Any]:
        """Carry out a command."""
        ...

    def sessions(self) -> list[SessionView]:
        """All sessions."""
        ...

    def session_state(self, name: str | None = None) -> SessionView:
        """One session, the default one when unnamed.

        Raises:
            NotFound: No such session.
        """
        ...

    def called_back(self) -> CalledBack:
        """The transport whose provider calls us.

        Raises:
            NotFound: No session has such a transport.
        """
        ...

    def ready(self) -> list[str]:
        """Why the engine is not ready; empty when it is."""
        ...

    def warnings(self) -> list[str]:
        """What does not keep it from working but should be looked at."""
        ...

    def health(self) -> dict[str, Any]:
        """How its parts are."""
        ...
