"""What the learning loop says and takes: suggestions, labels, and the commands about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from waqtor.contracts.base import Model
from waqtor.contracts.event_data import Candidate
from waqtor.contracts.rules import Language, Phrase, RuleIdText
from waqtor.contracts.views import View

SuggestionKind = Literal["extend", "new_rule"]
SuggestionStatus = Literal["open", "snoozed", "accepted", "rejected"]
Reason = Annotated[str, Field(max_length=500)]


class SuggestionEvidence(View):
    """A message of the cluster; ``text`` is null once erased, ``times`` counts equal texts."""

    message_id: str
    text: str | None = None
    times: int = 1
    decision: str = ""
    nearest: str | None = None
    confidence: float = 0.0


class SuggestionEffect(View):
    """What accepting would change, by cross-validation; shares of the messages that were looked at.

    Attributes:
        before: Share of those messages whose best rule is the right one now.
        after: The same, expected with the suggestion.
        answered: Share of the cluster that would be answered, and rightly.
        lost: Examples of other rules that would go to this one.
        messages: How many messages the shares are of.
    """

    before: float
    after: float
    answered: float
    lost: int
    messages: int

    @property
    def change(self) -> float:
        """Expected gain."""
        return self.after - self.before


class SuggestionView(View):
    """A group of messages that the bot did not answer, and what to do about them."""

    id: str
    kind: SuggestionKind
    status: SuggestionStatus
    title: str
    language: str
    words: tuple[str, ...] = ()
    rule_id: str
    description: str = ""
    action: Literal["reply", "handoff", "ignore"] = "reply"
    examples: dict[Language, tuple[str, ...]] = Field(default_factory=dict)
    replies: dict[Language, str] = Field(default_factory=dict)
    messages: int
    customers: int
    corrected: int = 0
    evidence: tuple[SuggestionEvidence, ...] = ()
    nearest: tuple[Candidate, ...] = ()
    effect: SuggestionEffect | None = None
    edited: StrictBool = False
    reason: str = ""
    snoozed_until: str | None = None
    created: str
    updated: str
    commit: str | None = None


class SuggestionDiff(View):
    """What accepting writes: the file, the change as a unified diff, and the revision it is based on."""

    suggestion_id: str
    file: str
    diff: str
    revision: str
    issues: tuple[dict[str, Any], ...] = ()


class CheckReport(View):
    """What became of an accepted suggestion: the diff, the tests beside the rules, a quick evaluation, the commit."""

    suggestion_id: str
    rule_id: str
    file: str
    diff: str
    revision: str
    tests_passed: int = 0
    tests_failed: int = 0
    failures: tuple[str, ...] = ()
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    commit: str | None = None


class LabelView(View):
    """A decision that a person judged; ``rule_id`` is the right rule, null for none. Texts are null once erased."""

    trace_id: str
    message_id: str
    session: str
    text: str | None = None
    language: str = ""
    right: StrictBool
    rule_id: str | None = None
    decided: str | None = None
    note: str = ""
    by: str = ""
    created: str


class RefreshSuggestions(Model):
    """Look at the messages of the last days again and make suggestions of them."""

    days: Annotated[float, Field(gt=0, le=366)] = 30.0
    least: Annotated[int, Field(ge=2, le=1000, description="Messages that make a suggestion, at least.")] = 5


class EditSuggestion(Model):
    """Change a suggestion before it is accepted; the id of an existing rule makes it one that adds examples there."""

    suggestion_id: str
    rule_id: RuleIdText | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    action: Literal["reply", "handoff", "ignore"] | None = None
    examples: dict[Language, tuple[Phrase, ...]] | None = None
    replies: dict[Language, Annotated[str, Field(max_length=4096)]] | None = None


class AcceptSuggestion(Model):
    """Write a suggestion into the rules, after checks, tests and a quick evaluation.

    ``revision`` is that of the diff that was looked at: when the file changed since, nothing is done. ``force`` accepts
    although tests fail that passed before. ``commit`` commits the file to git with ``message``.
    """

    suggestion_id: str
    revision: Annotated[str, Field(max_length=128)] | None = None
    commit: StrictBool = False
    message: Annotated[str, Field(max_length=2000)] = ""
    force: StrictBool = False
    evaluate: StrictBool = True


class RejectSuggestion(Model):
    """Reject a suggestion; neither it nor a group of like messages comes back."""

    suggestion_id: str
    reason: Reason = ""


class SnoozeSuggestion(Model):
    """Put a suggestion aside for some days."""

    suggestion_id: str
    days: Annotated[float, Field(gt=0, le=366)] = 7.0
    reason: Reason = ""


class ReopenSuggestion(Model):
    """Take back a rejection or a snooze."""

    suggestion_id: str


class LabelDecision(Model):
    """Say whether a past decision was right, and which rule would have been (null: none should have answered)."""

    trace_id: Annotated[str, Field(max_length=64)]
    right: StrictBool
    rule_id: RuleIdText | None = None
    note: Reason = ""


class UnlabelDecision(Model):
    """Take back a judgement."""

    trace_id: Annotated[str, Field(max_length=64)]


class SuggestionUpdated(Model):
    """A suggestion was accepted, edited, rejected, snoozed or reopened (event)."""

    suggestion_id: str
    change: Literal["accepted", "edited", "rejected", "snoozed", "reopened"]
    rule_id: str
    reason: str = ""
    commit: str | None = None


class DecisionLabelled(Model):
    """A person judged a decision (event)."""

    trace_id: str
    message_id: str
    right: StrictBool
    rule_id: str | None = None
