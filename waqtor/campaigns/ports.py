"""What campaigns need from storage and from the numbers that send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from waqtor.contracts.campaigns import (
    AudienceIssue,
    AudienceView,
    CampaignCounts,
    CampaignReport,
    CampaignView,
    RecipientView,
)
from waqtor.contracts.event_data import CampaignStatus
from waqtor.messaging.ports import Draft, Pending

Hold = Literal["quiet", "warm_up", "offline", "provider"]


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign's row. Times are UTC microseconds; ``spec`` is the command that created it, as JSON."""

    id: str
    name: str
    session: str
    status: CampaignStatus
    audience_id: str
    spec: Mapping[str, Any]
    total: int
    planned: int
    fed: int
    counts: CampaignCounts
    created: int
    updated: int
    reason: str | None = None
    hold: Hold | None = None
    due_at: int | None = None
    held_until: int | None = None
    started: int | None = None
    finished: int | None = None


class Member(NamedTuple):
    """Somebody in an audience; there are a million of them at times."""

    place: int
    contact: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A row of a campaign's plan; with ``skip`` (code, reason) nothing is sent to it."""

    place: int
    contact: str
    variant: str
    variables: Mapping[str, str]
    attempt: int = 1
    skip: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A new status of a campaign, from one of ``allowed``; ``event`` names what is journaled, if anything."""

    status: CampaignStatus
    allowed: tuple[CampaignStatus, ...]
    event: str | None = None
    reason: str | None = None
    hold: Hold | None = None
    held_until: int | None = None
    counts: CampaignCounts | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """A campaign's sends that are not over: to be sent (with when they may be), under way, and in doubt."""

    queued: frozenset[str] = frozenset()
    doubts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """An Idempotency-Key that was taken: the id for what the request makes, and whether it was carried out before."""

    subject: str
    fresh: bool
    done: bool


class Requests(Protocol):
    """The keys of requests. Every method returns after its commit."""

    async def claim(self, key: str, body: Any) -> Claim:
        """Take a key for a body, or learn what an earlier request took it for.

        Raises:
            IdempotencyConflict: It was taken for another body.
        """
        ...

    async def done(self, key: str) -> None:
        """Note that the request was carried out."""
        ...


class CampaignStore(Protocol):
    """The durable side. Every method returns after its commit."""

    async def create(self, campaign: Campaign) -> bool:
        """Add a campaign; false when there is one with its id."""
        ...

    async def get(self, campaign_id: str) -> Campaign:
        """One campaign.

        Raises:
            NotFound: No such campaign.
        """
        ...

    async def list(self, session: str | None, status: str | None, before: str | None, limit: int) -> Sequence[Campaign]:
        """Campaigns, newest first; ``before`` is the id to go on from."""
        ...

    async def live(self) -> Sequence[Campaign]:
        """Campaigns that are scheduled, running or held."""
        ...

    async def change(self, campaign_id: str, change: Change) -> Campaign:
        """Change the status and journal it in one commit.

        Raises:
            Conflict: Its present status does not allow it; ``details`` name it.
        """
        ...

    async def remember(self, campaign_id: str, counts: CampaignCounts) -> None:
        """Keep counts, for lists and for the next start."""
        ...

    async def plan(self, campaign_id: str, recipients: Sequence[Recipient]) -> bool:
        """Append to the plan, whose rows so far must end right before these; false if they do not."""
        ...

    async def feed(self, campaign: Campaign, first: int, drafts: Sequence[Draft | None], day: str) -> Sequence[Pending]:
        """Queue the rows of the plan from place ``first`` on (``None``: skipped), all or nothing, once.

        Returns what was queued; nothing when the campaign is not running or those rows had their turn.
        """
        ...

    async def waiting(self, campaign_id: str, first: int, limit: int) -> Sequence[Recipient]:
        """Rows of the plan from place ``first`` on."""
        ...

    async def open(self, campaign_id: str, session: str) -> Open:
        """Sends of the campaign that are not over."""
        ...

    async def pendings(self, campaign_id: str, session: str, limit: int) -> Sequence[Pending]:
        """Its queued sends, as the sender wants them."""
        ...

    async def skip_queued(self, campaign_id: str, session: str, limit: int) -> int:
        """Skip up to ``limit`` queued sends of a cancelled campaign; returns how many there were."""
        ...

    async def retry(self, campaign_id: str) -> int:
        """Plan another attempt for each recipient whose last one failed; returns how many."""
        ...

    async def counts(self, campaign: Campaign) -> CampaignCounts:
        """Count in the ledger."""
        ...

    async def recipients(
        self, campaign: Campaign, *, status: str | None, search: str | None, after: int, limit: int
    ) -> Sequence[RecipientView]:
        """Recipients in order, after place ``after``."""
        ...

    async def report(self, campaign: Campaign, view: CampaignView, timezone: str) -> CampaignReport:
        """Its figures."""
        ...

    async def refusals(self, contacts: Sequence[str], *, consent: bool) -> dict[str, str]:
        """Which of the contacts may not get a campaign now, and why (``opted_out``, ``no_consent``)."""
        ...

    async def note_skips(self, campaign: Campaign, recipients: Sequence[Recipient]) -> None:
        """Journal whom a part of the plan leaves out, once per part."""
        ...

    async def skip(self, campaign: Campaign, recipients: Sequence[Recipient]) -> None:
        """Leave planned recipients out (each says why), and journal it in the same commit."""
        ...

    async def silent_since(self, session: str, contacts: Sequence[str], since: int) -> set[str]:
        """Who has certainly not written to the number since ``since`` (UTC µs)."""
        ...

    async def warmed(self, session: str, day: str) -> tuple[int, int]:
        """How many earlier days the number sent campaigns on, and how many it had queued on ``day``."""
        ...


class AudienceStore(Protocol):
    """Lists of recipients."""

    async def begin(self, audience: AudienceView, created: int) -> bool:
        """Add an audience that is being filled (nobody can use it yet); false when there is one with its id."""
        ...

    async def add(
        self, audience_id: str, members: Sequence[Member], issues: Sequence[tuple[int, AudienceIssue]], seen: int,
        expected: int | None = None,
    ) -> None:  # fmt: skip
        """Add members and issues (each with its place), and note how many rows were read, of how many likely."""
        ...

    async def finish(self, audience: AudienceView, *, tags: Sequence[str], consent: str) -> AudienceView:
        """Make it usable (``ready``) or say why it is not (``failed``, without members)."""
        ...

    async def get(self, audience_id: str) -> AudienceView:
        """One audience.

        Raises:
            NotFound: No such audience.
        """
        ...

    async def list(self, limit: int) -> Sequence[AudienceView]:
        """Audiences, newest first."""
        ...

    async def members(self, audience_id: str, first: int, limit: int) -> Sequence[Member]:
        """Members in order, from place ``first`` on."""
        ...

    async def issues(self, audience_id: str, after: int, limit: int) -> Sequence[AudienceIssue]:
        """Rows that are not in it, in order of their lines, after ``after`` of them."""
        ...

    async def tagged(self, tags: Sequence[str], after: str, limit: int) -> Sequence[str]:
        """Contacts with any of the tags, in order, after a contact."""
        ...

    async def delete(self, audience_id: str) -> None:
        """Forget an audience.

        Raises:
            NotFound: No such audience.
            Conflict: A campaign that has not planned its recipients yet uses it.
        """
        ...

    async def forget_unfinished(self) -> int:
        """Fail the audiences that were being filled when the engine died; returns how many."""
        ...


class Numbers(Protocol):
    """The numbers (sessions) that this engine sends from."""

    def known(self, session: str | None) -> str:
        """The session's name (the default one's for ``None``).

        Raises:
            NotFound: No such session.
        """
        ...

    def holds(self, session: str) -> bool:
        """Whether this engine sends for the session now."""
        ...

    def connected(self, session: str) -> bool:
        """Whether the session's transport is ready."""
        ...

    def offer(self, pending: Pending) -> None:
        """Hand a queued send to the session's sender."""
        ...

    def has(self, session: str, message_id: str) -> bool:
        """Whether the sender holds the send."""
        ...

    def rate(self, session: str) -> float:
        """Messages per second of the number; 0 means unlimited."""
        ...

    def window_s(self, session: str) -> float:
        """Seconds after a person's last message in which more than templates may be sent; 0: always."""
        ...
