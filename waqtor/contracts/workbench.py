"""What the workbench says and takes: rule files as text, tries of many messages, explanations, replays."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from waqtor.contracts.base import Model
from waqtor.contracts.event_data import Candidate
from waqtor.contracts.views import Neighbour, Page, Trace, View

FileName = Annotated[
    str,
    Field(
        min_length=5,
        max_length=200,
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*\.ya?ml$",
        description="Path of a rule file inside the rules folder.",
        examples=["orders.yaml"],
    ),
]
FileText = Annotated[str, Field(max_length=900_000)]
Text = Annotated[str, Field(max_length=4096)]
GitRef = Annotated[str, Field(max_length=200, pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./~^@{}-]*)?$")]
ChangeKind = Literal["gained", "lost", "different"]
MAX_TEXTS = 500
"""Messages tried in one call."""


class RuleSource(Model):
    """Which rules: those in the files now, at a git revision, in a folder beside them, or the files with other texts.

    ``texts`` holds whole files by name and is laid over the files as they are; an empty text leaves a file out.
    """

    kind: Literal["files", "git", "folder", "texts"] = "files"
    ref: GitRef = ""
    folder: Annotated[str, Field(max_length=200)] = ""
    texts: Annotated[dict[FileName, FileText], Field(max_length=200)] = Field(default_factory=dict)


class StartReplay(Model):
    """Run recorded messages through two versions of the rules, and list the answers that would change."""

    before: RuleSource = RuleSource(kind="git", ref="HEAD")
    after: RuleSource = RuleSource()
    minutes: Annotated[float, Field(gt=0, le=527_040, description="How far to look back.")] = 10_080.0
    limit: Annotated[int, Field(ge=1, le=1_000_000, description="Most messages; the latest are taken.")] = 100_000


class CancelReplay(Model):
    """Stop a replay; what it found so far stays."""

    replay_id: Annotated[str, Field(max_length=64)]


class SaveRuleFile(Model):
    """Replace the text of a rule file, after all files together have passed the checks.

    ``revision`` is that of the text that was edited: when the file changed since, nothing is written. ``commit``
    commits the file, and nothing else, to git with ``message``.
    """

    name: FileName
    text: FileText
    revision: Annotated[str, Field(max_length=128)] | None = None
    commit: StrictBool = False
    message: Annotated[str, Field(max_length=2000)] = ""


class RuleIssue(View):
    """What is wrong in a rule file, and where; a warning stops nothing."""

    file: str
    line: int
    column: int
    message: str
    warning: StrictBool = False


class RuleSpan(View):
    """Where a rule stands: its first and last line."""

    id: str
    line: int
    end_line: int
    enabled: StrictBool = True


class RuleFileInfo(View):
    """A file of the rules folder; ``revision`` is the hash of its text."""

    name: str
    revision: str
    rules: int = 0
    cases: int = 0
    errors: int = 0


class RuleFileView(View):
    """A rule file as text; ``live`` is the revision of the rules that serve."""

    name: str
    text: str
    revision: str
    rules: tuple[RuleSpan, ...] = ()
    issues: tuple[RuleIssue, ...] = ()
    live: str = ""
    commit: str | None = None


class RuleCommit(View):
    """A commit that touched a rule file."""

    commit: str
    author: str
    created: str
    subject: str


class CaseOutcome(View):
    """A test case that failed: where it stands, what was said, and what was wrong."""

    file: str
    line: int
    say: str
    fault: str


class CasesReport(View):
    """How the test cases beside the rules went."""

    total: int
    failed: int
    failures: tuple[CaseOutcome, ...] = ()
    revision: str = ""
    ms: float = 0.0


class TriedMessage(View):
    """What the bot would do with one of many messages; ``next`` is the rule that came second."""

    text: str
    language: str
    decision: str
    rule_id: str | None = None
    confidence: float = 0.0
    threshold: float | None = None
    stage: str = ""
    top: Candidate | None = None
    next: Candidate | None = None
    reply: str | None = None
    ms: float = 0.0


class GramShare(View):
    """An n-gram that message and example share, and what it adds to their cosine."""

    gram: str
    share: float


class WordEffect(View):
    """By how much the confidence of the best rule falls when a word is left out (negative: it rises)."""

    word: str
    effect: float


class NearExample(Neighbour):
    """An example near the message: how alike by characters and by meaning, and by which n-grams."""

    characters: float = 0.0
    meaning: float | None = None
    grams: tuple[GramShare, ...] = ()


class Explanation(View):
    """A decision, and what it rests on; ``before`` is the decision of other rules, when they were asked for."""

    trace: Trace
    examples: tuple[NearExample, ...] = ()
    words: tuple[WordEffect, ...] = ()
    before: Trace | None = None


class ReplaySide(View):
    """The answer of one version of the rules."""

    decision: str
    rule_id: str | None = None
    confidence: float = 0.0
    reply: str | None = None


class ReplayChange(View):
    """A message whose answer would change; ``number`` is its place in the list."""

    number: int
    message_id: str
    at: str
    text: str
    language: str
    kind: ChangeKind
    before: ReplaySide
    after: ReplaySide


class ReplayView(View):
    """A replay: how far it is, and how many answers would change. ``listed`` of them can be read."""

    id: str
    state: Literal["reading", "running", "done", "cancelled", "failed"]
    before: str
    after: str
    minutes: float
    messages: int = 0
    done: int = 0
    gained: int = 0
    lost: int = 0
    different: int = 0
    listed: int = 0
    started: str
    seconds: float = 0.0
    eta_s: float | None = None
    error: str = ""
    issues: tuple[dict[str, Any], ...] = ()


class ReplayPage(Page):
    """Changes in the order of the messages."""

    changes: tuple[ReplayChange, ...]
