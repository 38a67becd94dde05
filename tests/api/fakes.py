"""An engine in memory, with real behaviour where the API depends on it: ids, paging, idempotency, scopes, revisions."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from tests.analytics.memory import MemoryQueries
from tests.api.fake_workbench import FakeFiles, FakeReplays, FakeTries
from tests.notifications.memory import memory_notifications
from tests.privacy.memory import memory_privacy
from tests.webhooks.memory import memory_webhooks
from waqtor.analytics.saved import SavedQueries
from waqtor.contracts import commands as c
from waqtor.contracts import learning, workbench
from waqtor.contracts.addresses import parse_address
from waqtor.contracts.campaigns import (
    AudienceView,
    CampaignAction,
    CampaignView,
    CreateAudience,
    CreateCampaign,
    DeleteAudience,
    TestSend,
    UploadView,
)
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.media import DeleteMedia, MediaView, kind_of
from waqtor.contracts.profile import Profile, UpdateProfile
from waqtor.contracts.rules import Rule
from waqtor.contracts.views import (
    ChatView,
    HistoryView,
    KeyView,
    MessageView,
    QueryResult,
    RuleView,
    SendReceipt,
    SessionView,
    Trace,
    TraceStep,
)
from waqtor.contracts.wire import iso
from waqtor.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    QueryRefused,
    RevisionConflict,
    WaqtorError,
)
from waqtor.kernel.access import SCOPES, Principal
from waqtor.kernel.clock import FakeClock
from waqtor.kernel.farewell import Farewell
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.filetypes import HEAD, check_size, settle_type
from waqtor.settings import Settings

ADMIN = "wq_admin_0123456789abcdef0123456789"


class FakeKeys:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.rows: dict[str, dict[str, Any]] = {}
        self.verified = 0
        self.add(ADMIN, "admin", "admin")

    def add(self, token: str, name: str, *scopes: str, expires: int | None = None) -> str:
        key_id = new_ulid()
        self.rows[key_id] = {
            "token": token, "name": name, "scopes": frozenset(scopes), "expires": expires, "revoked": False,
        }  # fmt: skip
        return key_id

    async def verify(self, token: str) -> Principal | None:
        self.verified += 1
        for key_id, row in self.rows.items():
            if row["token"] == token and not row["revoked"]:
                if row["expires"] is not None and row["expires"] <= self.clock.now_us():
                    return None
                return Principal(key_id, row["name"], row["scopes"])
        return None

    def view(self, key_id: str, **more: Any) -> KeyView:
        row = self.rows[key_id]
        return KeyView(
            id=key_id, name=row["name"], prefix=row["token"][:8], scopes=tuple(sorted(row["scopes"])),
            created=iso(self.clock.now_us()), expires=iso(row["expires"]) if row["expires"] else None,
            revoked=row["revoked"], **more,
        )  # fmt: skip

    async def create(self, name: str, scopes: Any, *, expires: int | None = None, token: str | None = None) -> KeyView:
        if unknown := sorted(set(scopes) - set(SCOPES)):
            raise InvalidInput(f"Unknown scope {unknown}.", scopes=unknown)
        value = token or f"wq_{new_ulid()}"
        return self.view(self.add(value, name, *scopes, expires=expires), key=value, signing_secret="s" * 43)

    async def list(self) -> list[KeyView]:
        return [self.view(key_id) for key_id in sorted(self.rows, reverse=True)]

    async def revoke(self, key_id: str) -> None:
        if key_id not in self.rows:
            raise NotFound("There is no such key.")
        self.rows[key_id]["revoked"] = True


class FakeArchive:
    def __init__(self) -> None:
        self.all_messages: list[MessageView] = []
        self.all_chats: list[ChatView] = []
        self.all_history: list[HistoryView] = []
        self.traces: dict[str, dict[str, Any]] = {}

    async def messages(self, *, session=None, chat_id=None, direction=None, status=None, search=None, before=None,
                       limit=50) -> list[MessageView]:  # fmt: skip
        wanted = {"session": session, "chat_id": chat_id, "direction": direction, "status": status}
        found = [
            m for m in sorted(self.all_messages, key=lambda m: m.message_id, reverse=True)
            if all(value is None or getattr(m, name) == value for name, value in wanted.items())
            and (search is None or search in (m.body or "")) and (before is None or m.message_id < before)
        ]  # fmt: skip
        return found[:limit]

    async def message(self, message_id: str) -> MessageView | None:
        return next((m for m in self.all_messages if message_id in {m.message_id, m.provider_id}), None)

    async def chats(self, *, session=None, search=None, before=None, limit=50) -> list[ChatView]:
        place = before.split("|") if before else None
        ordered = sorted(self.all_chats, key=lambda v: (v.last_timestamp, v.chat_id), reverse=True)
        found = [
            v for v in ordered
            if (session is None or v.session == session) and (search is None or search in v.chat_id)
            and (place is None or [v.last_timestamp, v.chat_id] < place)
        ]  # fmt: skip
        return found[:limit]

    async def history(self, *, session=None, decision=None, rule_id=None, chat_id=None, before=None, limit=50):
        wanted = {"session": session, "decision": decision, "rule_id": rule_id, "chat_id": chat_id}
        found = [
            h for h in sorted(self.all_history, key=lambda h: h.trace_id, reverse=True)
            if all(value is None or getattr(h, name) == value for name, value in wanted.items())
            and (before is None or h.trace_id < before)
        ]  # fmt: skip
        return found[:limit]

    async def history_page(self, which, before=None, limit=50):
        found = await self.history(
            session=which.session, decision=which.decision, rule_id=which.rule_id, chat_id=which.chat_id, before=before,
            limit=limit + 1,
        )  # fmt: skip
        return found[:limit], found[limit - 1].trace_id if len(found) > limit else None

    async def trace(self, trace_id: str) -> dict[str, Any] | None:
        return self.traces.get(trace_id)

    async def counts(self, session: str | None = None) -> dict[str, int]:
        return {"in:received": len(self.all_messages), "journal": 0}


class FakeBot:
    def __init__(self) -> None:
        self.held: dict[str, Rule] = {}
        self.failing: Exception | None = None

    def _view(self, rule: Rule) -> RuleView:
        body = rule.model_dump(mode="json", exclude_defaults=True)
        revision = hashlib.sha256(repr(sorted(body.items())).encode()).hexdigest()[:12]
        return RuleView(
            id=rule.id, file="custom.yaml", line=3, revision=revision, enabled=rule.enabled, action=rule.action,
            description=rule.description, rule=body,
        )  # fmt: skip

    async def test(self, text: str, *, session: str | None = None, contact: dict[str, str] | None = None) -> Trace:
        if self.failing is not None:
            raise self.failing
        step = TraceStep(step="normalise", ms=0.1, summary="folded", details={"folded_text": text})
        return Trace(
            trace_id=new_ulid(), text=text, language="ar", decision="silent", reason="nothing matches", steps=(step,)
        )

    revision = "r1"
    workbench = FakeTries()
    files = FakeFiles()

    def list_rules(self) -> list[RuleView]:
        return [self._view(rule) for rule in self.held.values()]

    def get_rule(self, rule_id: str) -> RuleView:
        if rule_id not in self.held:
            raise NotFound("There is no such rule.")
        return self._view(self.held[rule_id])

    async def create_rule(self, rule: Rule) -> RuleView:
        if rule.id in self.held:
            raise Conflict("This id is taken.")
        self.held[rule.id] = rule
        return self._view(rule)

    async def update_rule(self, rule_id: str, rule: Rule, *, revision: str | None = None) -> RuleView:
        self._check(rule_id, revision)
        self.held[rule_id] = rule
        return self._view(rule)

    async def delete_rule(self, rule_id: str, *, revision: str | None = None) -> None:
        self._check(rule_id, revision)
        del self.held[rule_id]

    def _check(self, rule_id: str, revision: str | None) -> None:
        if revision is not None and self.get_rule(rule_id).revision != revision:
            raise RevisionConflict("The rule changed.", revision=self.get_rule(rule_id).revision)
        self.get_rule(rule_id)

    def status(self) -> dict[str, Any]:
        return {"rules": len(self.held), "revision": "r1", "encoder": "hashing"}

    async def rebuild(self) -> dict[str, Any]:
        return self.status()


class FakeSuggestions:
    """Reads of a desk with nothing on it."""

    async def listed(self, status: str | None = None) -> list[Any]:
        return []

    async def get(self, suggestion_id: str) -> Any:
        raise NotFound("There is no such suggestion.")

    diff = get

    async def labels(self, before: str | None = None, limit: int = 50) -> list[Any]:
        return []


class FakeTally:
    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def request(self, *row: Any) -> None:
        self.rows.append(row)


class FakeHub:
    async def stop(self) -> None:
        pass

    def refused(self, reason: str) -> None:
        raise AssertionError("nobody knocks here")

    def metrics(self) -> dict[str, Any]:
        return {
            "metrics": {"connections": 3, "last_qr": None, "uptime_formatted": "0h 0m 1s"},
            "websocket": {"clients": 1}, "topics": {"message.received": 2},
            "buffer": {"total_buffered": 0}, "timestamp": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip

    def monitor(self) -> dict[str, Any]:
        return {"connections": {"current": 1}, "clients": [{"ip": "127.0.0.1", "last_ping": None, "is_alive": True}]}


class FakeLog:
    def __init__(self) -> None:
        self.tally = FakeTally()
        self.asked: list[tuple[Any, ...]] = []

    async def query(self, sql: str, params: Any = (), *, texts: bool = False, session: Any = None) -> QueryResult:
        self.asked.append((sql, params, session))
        if not sql.lstrip().upper().startswith("SELECT"):
            raise QueryRefused("Only one SELECT.")
        rows = ((1, 2**70, float("nan"), "نص" if texts else None),)
        return QueryResult(
            columns=("n_rows", "big", "odd", "body"), types=("INTEGER", "HUGEINT", "DOUBLE", "VARCHAR"), rows=rows,
            elapsed_ms=0.5,
        )  # fmt: skip

    async def query_arrow(self, sql: str, params: Any = (), *, texts: bool = False, session: Any = None) -> Any:
        import pyarrow as pa

        await self.query(sql, params, texts=texts, session=session)
        return pa.table({"n": [1, 2], "body": ["نص" if texts else None, None]})


class FakeCampaigns:
    """No campaign and no audience; what is created is answered, and not kept."""

    def __init__(self) -> None:
        self.audiences = self
        self.store = FakeAudiences()

    async def list(self, session: Any, status: Any, before: Any, limit: int) -> list[CampaignView]:
        return []

    async def status(self, campaign_id: str) -> CampaignView:
        raise NotFound("There is no such campaign.")

    async def recipients(self, campaign_id: str, **query: Any) -> list[Any]:
        raise NotFound("There is no such campaign.")

    async def report(self, campaign_id: str) -> Any:
        raise NotFound("There is no such campaign.")

    def new_upload(self) -> tuple[str, Path]:
        return "upload", Path(tempfile.mkdtemp()) / "upload"

    async def inspect(self, upload_id: str, filename: str) -> UploadView:
        return UploadView(
            upload_id=upload_id, filename=filename, format="csv", columns=("phone",), sample=(("1",),), size=1
        )


class FakeMedia:
    """Files in memory, checked as the real ones are."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[MediaView, bytes]] = {}

    async def keep(self, parts: Any, *, mime_type: Any = None, filename: Any = None, kind: Any = None) -> MediaView:
        data = b"".join([part async for part in parts])
        if not data:
            raise InvalidInput("The file is empty.")
        found = settle_type(data[:HEAD], mime_type, filename)
        check_size(found, len(data), kind)
        sha = hashlib.sha256(data).hexdigest()
        view = MediaView(
            media_id=f"med_{sha[:32]}", mime_type=found, kind=kind_of(found), size=len(data), filename=filename,
            sha256=sha, created=iso(0),
        )  # fmt: skip
        self.files[view.media_id] = (view, data)
        return view

    async def get(self, media_id: str) -> MediaView:
        if media_id not in self.files:
            raise NotFound("There is no such file.")
        return self.files[media_id][0]

    async def file(self, media_id: str) -> tuple[MediaView, Path]:
        view = await self.get(media_id)
        path = Path(tempfile.mkdtemp()) / "file"
        path.write_bytes(self.files[media_id][1])
        return view, path


class FakeAudiences:
    async def list(self, limit: int) -> list[AudienceView]:
        return []

    async def get(self, audience_id: str) -> AudienceView:
        raise NotFound("There is no such audience.")

    async def issues(self, audience_id: str, first: int, limit: int) -> list[Any]:
        raise NotFound("There is no such audience.")


class FakeProfiles:
    def __init__(self) -> None:
        self.held: dict[str, Profile] = {}

    async def get(self, user: str) -> Profile:
        return self.held.get(user, Profile())

    async def update(self, user: str, change: UpdateProfile) -> Profile:
        given = change.model_dump(exclude_none=True)
        self.held[user] = Profile.model_validate((await self.get(user)).model_dump() | given)
        return self.held[user]


class FakeEngine:
    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(_env_file=None, **settings)
        self.clock = FakeClock()
        self.telemetry = Telemetry()
        self.keys = FakeKeys(self.clock)
        self.archive = FakeArchive()
        self.bot = FakeBot()
        self.suggestions = FakeSuggestions()
        self.log = FakeLog()
        self.replays = FakeReplays()
        self.hub = FakeHub()
        self.webhooks = memory_webhooks(self.clock)
        self.campaigns = FakeCampaigns()
        self.media = FakeMedia()
        self.notifications = memory_notifications(self.clock)
        self.callback: Any = None
        self.profiles = FakeProfiles()
        self.queries = SavedQueries(MemoryQueries())
        self.privacy = memory_privacy(self.clock)
        self.reasons: list[str] = []
        self.failing: WaqtorError | Exception | None = None
        self.commands: list[tuple[Any, str | None]] = []
        self.running = False
        self._seen: dict[str, tuple[str, SendReceipt]] = {}

    def farewell(self) -> Farewell:
        return Farewell(5.0)

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    async def dispatch(self, command: Any, *, key: str | None = None, principal: Any = None) -> Any:
        if self.failing is not None:
            raise self.failing
        if getattr(command, "session", None) not in {None, "default"}:
            raise NotFound("There is no such session.")
        self.commands.append((command, key))
        if isinstance(command, c.PauseChat | c.ResumeChat):
            return {"chat_id": command.chat_id, "session": "default", "bot_paused": isinstance(command, c.PauseChat)}
        if isinstance(command, c.OptOut | c.OptIn):
            contact = parse_address(command.contact).canonical
            return {"contact": contact, "opted_out": isinstance(command, c.OptOut), "changed": True}
        if isinstance(command, c.SessionAction):
            return {"session": "default", "action": command.action}
        if isinstance(command, DeleteMedia):
            await self.media.get(command.media_id)
            del self.media.files[command.media_id]
            return {"id": command.media_id, "deleted": True}
        if isinstance(command, c.ResolveMessage):
            if await self.archive.message(command.message_id) is None:
                raise NotFound("There is no such message.")
            return {"message_id": command.message_id, "status": "failed"}
        stamp = iso(self.clock.now_us())
        if isinstance(command, CreateCampaign):
            view = CampaignView(
                id=new_ulid(), name=command.name, session="default", status="draft", created=stamp, updated=stamp
            )
            return view.model_dump(mode="json")
        if isinstance(command, CreateAudience):
            made = AudienceView(
                id=new_ulid(), name=command.name, source="list", state="ready", created=stamp, updated=stamp
            )
            return made.model_dump(mode="json")
        if isinstance(command, CampaignAction | TestSend | DeleteAudience):
            raise NotFound("There is no such campaign or audience.")
        if isinstance(command, workbench.SaveRuleFile):
            if command.revision not in (None, "f1", "3f2a9c0b1d2e"):
                raise RevisionConflict("The file changed.", revision="f1")
            return await self.bot.files.checked(command.name, command.text)
        if isinstance(command, workbench.StartReplay):
            view = workbench.ReplayView(
                id=new_ulid(), state="running", before="git HEAD", after="files", minutes=command.minutes, started=stamp
            )
            self.replays.held = [view]
            return view
        if isinstance(command, workbench.CancelReplay):
            return self.replays.get(command.replay_id)
        if isinstance(command, learning.RefreshSuggestions):
            return {"messages": 0, "answered": 0, "unanswered": 0, "suggestions": {}}
        if isinstance(command, learning.AcceptSuggestion):
            return learning.CheckReport(
                suggestion_id=command.suggestion_id, rule_id="gifts", file="custom.yaml", diff="", revision="r2"
            )
        if isinstance(command, learning.UnlabelDecision):
            return {"trace_id": command.trace_id, "removed": False}
        if isinstance(command, learning.LabelDecision):
            return learning.LabelView(
                message_id="m", session="default", created=iso(0), **command.model_dump(include={"trace_id", "right"})
            )
        if hasattr(command, "suggestion_id"):
            return learning.SuggestionView(
                id=command.suggestion_id, kind="new_rule", status="open", title="gifts", language="en", rule_id="gifts",
                messages=1, customers=1, created=iso(0), updated=iso(0),
            )  # fmt: skip
        return self._send(command, key)

    def _send(self, command: Any, key: str | None) -> SendReceipt:
        body = command.model_dump_json()
        if key is not None and key in self._seen:
            known, receipt = self._seen[key]
            if known != body:
                raise IdempotencyConflict("This Idempotency-Key was used with another body.")
            return receipt.model_copy(update={"duplicate": True})
        chat = parse_address(command.to).canonical
        stamp = iso(self.clock.now_us())
        receipt = SendReceipt(message_id=new_ulid(), timestamp=stamp)
        if key is not None:
            self._seen[key] = (body, receipt)
        self.archive.all_messages.append(
            MessageView(
                message_id=receipt.message_id, session="default", direction="out", chat_id=chat, type="text",
                status="queued", body=getattr(command, "text", None), timestamp=stamp, updated=stamp, cause="api",
            )
        )  # fmt: skip
        if not any(view.chat_id == chat for view in self.archive.all_chats):
            view = ChatView(chat_id=chat, session="default", last_timestamp=stamp, cursor=f"{stamp}|{chat}")
            self.archive.all_chats.append(view)
        return receipt

    def sessions(self) -> list[SessionView]:
        return [self.session_state()]

    def session_state(self, name: str | None = None) -> SessionView:
        if name not in {None, "default"}:
            raise NotFound("There is no such session.")
        return SessionView(
            session="default", transport="simulator", status="qr", qr="2@secret", since=iso(self.clock.now_us())
        )

    def called_back(self) -> Any:
        if self.callback is None:
            raise NotFound("No session here takes callbacks; set WAQTOR_TRANSPORT=cloud_api.")
        return self.callback

    def ready(self) -> list[str]:
        return self.reasons

    def warnings(self) -> list[str]:
        return ["traffic log: waiting"]

    def health(self) -> dict[str, Any]:
        return {"store": "ok"}
