"""The workbench: many messages at once, explanations, rule files as text, replays of recorded messages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query as QueryParameters
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import Query
from waqtor.contracts import workbench as c
from waqtor.contracts.base import Model
from waqtor.contracts.views import View

routes = Routes("workbench")
_FILES = "/smartbot/files"
_REPLAYS = "/smartbot/replays"


def _body(example: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": example}}}}


class TestManyBody(Model):
    """Messages to try, and by which rules; default: those that serve."""

    texts: Annotated[tuple[c.Text, ...], Field(min_length=1, max_length=c.MAX_TEXTS)]
    rules: c.RuleSource | None = None


class ExplainBody(Model):
    """A message to explain, and other rules to decide on it too."""

    text: Annotated[str, Field(max_length=65_536)]
    before: c.RuleSource | None = None


class CasesBody(Model):
    """Which rules to test; default: the files as they are."""

    rules: c.RuleSource = c.RuleSource()


class CheckBody(Model):
    """A rule file as it is being edited."""

    name: c.FileName
    text: c.FileText


class FileQuery(Query):
    """Which file."""

    name: c.FileName


class LogQuery(FileQuery):
    """Commits of which file."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ChangesQuery(FileQuery):
    """A commit; without: what is not committed yet."""

    ref: c.GitRef = ""


class ReplayQuery(Query):
    """Which changes."""

    kind: c.ChangeKind | None = None
    rule_id: Annotated[str, Field(max_length=64)] | None = None
    search: Annotated[str, Field(max_length=200)] | None = None
    cursor: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=2000)] = 50


class TriedList(View):
    """What the bot would do with each message, in their order."""

    tried: tuple[c.TriedMessage, ...]


class RuleFileList(View):
    """The files of the rules folder."""

    files: tuple[c.RuleFileInfo, ...]


class CommitList(View):
    """Commits, the latest first."""

    commits: tuple[c.RuleCommit, ...]


class Changes(View):
    """A unified diff; empty when nothing changed."""

    name: str
    diff: str


class ReplayList(View):
    """The last replays, the newest first."""

    replays: tuple[c.ReplayView, ...]


@routes.add(
    "POST",
    "/smartbot/test-many",
    "smartbot:read",
    TriedList,
    errors=(404,),
    extra=_body({"texts": ["متى تفتحون؟", "where is my order"]}),
)
async def test_many(request: Request, body: TestManyBody) -> Response:
    """What the bot would do with up to 500 messages; nothing is sent or stored."""
    found = await engine_of(request).bot.workbench.tried(body.texts, body.rules)
    return answer(request, TriedList(tried=tuple(found)))


@routes.add(
    "POST", "/smartbot/explain", "smartbot:read", c.Explanation, errors=(404,), extra=_body({"text": "متى تفتحون؟"})
)
async def explain_message(request: Request, body: ExplainBody) -> Response:
    """A decision with the examples, n-grams and words that it rests on, and that of other rules beside."""
    return answer(request, await engine_of(request).bot.workbench.explained(body.text, body.before))


@routes.add("POST", "/smartbot/cases", "smartbot:read", c.CasesReport, errors=(404,), extra=_body({"rules": {}}))
async def run_cases(request: Request, body: CasesBody | None = None) -> Response:
    """Run the test cases that stand beside the rules."""
    return answer(request, await engine_of(request).bot.workbench.cases((body or CasesBody()).rules))


@routes.add("GET", _FILES, "smartbot:read", RuleFileList)
async def list_rule_files(request: Request) -> Response:
    """The files of the rules folder."""
    return answer(request, RuleFileList(files=tuple(await engine_of(request).bot.files.listed())))


@routes.add("GET", f"{_FILES}/text", "smartbot:read", c.RuleFileView, errors=(404,))
async def get_rule_file(request: Request, query: Annotated[FileQuery, QueryParameters()]) -> Response:
    """A rule file as text; its `revision` goes into the save."""
    return answer(request, await engine_of(request).bot.files.get(query.name))


@routes.add(
    "PUT",
    _FILES,
    "smartbot:write",
    c.RuleFileView,
    errors=(403, 409),
    extra=_body({"name": "custom.yaml", "text": "version: 1\nrules: []\n", "revision": "3f2a9c0b1d2e"}),
)
async def save_rule_file(request: Request, body: c.SaveRuleFile) -> Response:
    """Replace a file after the checks, commit it when wanted; 409 when it changed underneath."""
    return answer(request, await _do(request, body))


@routes.add(
    "POST",
    f"{_FILES}/check",
    "smartbot:read",
    c.RuleFileView,
    extra=_body({"name": "custom.yaml", "text": "version: 1\nrules: []\n"}),
)
async def check_rule_file(request: Request, body: CheckBody) -> Response:
    """What is wrong with a file as it is being edited, with lines and columns; nothing is written."""
    return answer(request, await engine_of(request).bot.files.checked(body.name, body.text))


@routes.add("GET", f"{_FILES}/log", "smartbot:read", CommitList, errors=(409,))
async def rule_file_log(request: Request, query: Annotated[LogQuery, QueryParameters()]) -> Response:
    """Commits that touched a file; 409 when the rules are in no git repository."""
    found = await engine_of(request).bot.files.commits(query.name, query.limit)
    return answer(request, CommitList(commits=tuple(found)))


@routes.add("GET", f"{_FILES}/diff", "smartbot:read", Changes, errors=(409,))
async def rule_file_diff(request: Request, query: Annotated[ChangesQuery, QueryParameters()]) -> Response:
    """What a commit changed in a file; without `ref` what is not committed yet."""
    diff = await engine_of(request).bot.files.changes(query.name, query.ref)
    return answer(request, Changes(name=query.name, diff=diff))


@routes.add("GET", _REPLAYS, "smartbot:read", ReplayList)
async def list_replays(request: Request) -> Response:
    """The last replays, the newest first."""
    return answer(request, ReplayList(replays=tuple(engine_of(request).replays.listed())))


@routes.add(
    "POST",
    _REPLAYS,
    "smartbot:write",
    c.ReplayView,
    status=201,
    errors=(404, 409),
    extra=_body({"before": {"kind": "git", "ref": "HEAD~1"}, "after": {"kind": "files"}, "minutes": 10080}),
)
async def start_replay(request: Request, body: c.StartReplay | None = None) -> Response:
    """Run recorded messages through two versions of the rules; 409 while another replay runs."""
    return answer(request, await _do(request, body or c.StartReplay()), status=201)


@routes.add("GET", f"{_REPLAYS}/{{replay_id}}", "smartbot:read", c.ReplayView, errors=(404,))
async def get_replay(request: Request, replay_id: str) -> Response:
    """How far a replay is, and how many answers would change."""
    return answer(request, engine_of(request).replays.get(replay_id))


@routes.add("GET", f"{_REPLAYS}/{{replay_id}}/changes", "smartbot:read", c.ReplayPage, errors=(404,))
async def replay_changes(
    request: Request, replay_id: str, query: Annotated[ReplayQuery, QueryParameters()]
) -> Response:
    """The answers that would change, in the order of the messages."""
    found = engine_of(request).replays.changes(
        replay_id, kind=query.kind, rule_id=query.rule_id, search=query.search, after=query.cursor,
        limit=query.limit + 1,
    )  # fmt: skip
    page = found[: query.limit]
    cursor = str(page[-1].number) if len(found) > query.limit else None
    return answer(request, c.ReplayPage(changes=tuple(page), next_cursor=cursor))


@routes.add("POST", f"{_REPLAYS}/{{replay_id}}/cancel", "smartbot:write", c.ReplayView, errors=(404,))
async def cancel_replay(request: Request, replay_id: str) -> Response:
    """Stop a replay; what it found so far stays."""
    return answer(request, await _do(request, c.CancelReplay(replay_id=replay_id[:64])))


async def _do(request: Request, command: Any) -> Any:
    return await engine_of(request).dispatch(command, principal=caller_of(request))
