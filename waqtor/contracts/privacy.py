"""Privacy: what is known of a person, consents, erasures, and the log of sensitive actions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from waqtor.contracts.base import Model
from waqtor.contracts.views import Page, View

Contact = Annotated[
    str,
    Field(
        min_length=3, max_length=200, description="The person: a phone number or chat id in any usual spelling.",
        examples=["+966501234567"],
    ),
]  # fmt: skip
Purpose = Annotated[
    str,
    Field(
        min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_.-]*$", examples=["marketing"],
        description="What the consent is for; campaigns that require one ask for `marketing`.",
    ),
]  # fmt: skip
Source = Annotated[str, Field(min_length=1, max_length=200, description="How it is known: a form, a message, a paper.")]
ERASED_ADDRESS = "erased:"
"""Begins the address that stands for a person who was erased; the id of the erasure follows."""
ErasureState = Literal["running", "done"]
ErasureStep = Literal["hold", "collect", "store", "memory", "log", "scrub", "done"]
"""The steps of an erasure in their order; ``done`` follows the last."""


# --- requests


class ExportPerson(Model):
    """Hand out everything that is known of a person, as one ZIP."""

    contact: Contact


class ErasePerson(Model):
    """Erase everything that is known of a person; what stays is without them: counts, offsets, a pseudonym."""

    contact: Contact


class GiveConsent(Model):
    """Record that a person agreed to a purpose; ``at`` is when, if that was earlier."""

    contact: Contact
    purpose: Purpose = "marketing"
    source: Source
    at: Annotated[str | None, Field(max_length=40, description="ISO-8601 with zone; default: now.")] = None


class WithdrawConsent(Model):
    """Record that a person no longer agrees."""

    contact: Contact
    purpose: Purpose = "marketing"
    source: Source = "api"


# --- answers


class ConsentView(View):
    """A consent that is valid now."""

    contact: str
    purpose: str
    source: str
    since: str


class ConsentChange(View):
    """A step in the history of a consent; ``key_id`` says who recorded it (empty: the engine itself)."""

    contact: str
    purpose: str
    change: Literal["given", "withdrawn"]
    source: str
    at: str
    key_id: str


class ConsentPage(Page):
    """Consents that are valid, by contact and purpose."""

    consents: tuple[ConsentView, ...]


class ConsentHistory(View):
    """What became of a person's consents, the latest first."""

    changes: tuple[ConsentChange, ...]


class ConsentSet(View):
    """What a change of a consent did."""

    contact: str
    purpose: str
    consents: bool
    changed: bool


class ConsentsImported(View):
    """What came of a list; ``issues`` names the first lines that were not taken, without their content."""

    given: int
    unchanged: int
    bad: int
    issues: tuple[str, ...] = ()


class OptOutSet(View):
    """Whether a person gets campaigns."""

    contact: str
    opted_out: bool
    changed: bool


class PersonView(View):
    """How much is known of a person, by kind. Nothing of it is text."""

    contact: str
    known: bool
    names: tuple[str, ...] = Field(default=(), description="Names the person shows in WhatsApp.")
    sessions: tuple[str, ...] = ()
    first: str | None = None
    last: str | None = None
    counts: dict[str, int] = Field(description="Rows by kind: messages, decisions, events, log_messages, …")
    consents: tuple[ConsentView, ...] = ()
    opted_out: bool = False
    erasure: str | None = Field(default=None, description="Id of the erasure that is under way.")


class ErasureView(View):
    """An erasure: how far it is, and how much it took. The contact is never in it."""

    id: str
    pseudonym: str
    state: ErasureState
    step: ErasureStep
    counts: dict[str, int]
    error: str | None = Field(default=None, description="Why the step waits; it is tried again by itself.")
    created: str
    updated: str
    finished: str | None = None


class ErasureList(View):
    """The latest erasures."""

    erasures: tuple[ErasureView, ...]


class RetentionView(View):
    """How long one kind of data is kept, and how old the oldest of it is."""

    kind: Literal["journal", "log", "webhook_log", "notifications", "audit", "metrics", "forgotten"]
    days: int
    rows: int | None = None
    oldest: str | None = None
    held_by: str | None = Field(default=None, description="The reader that older rows wait for.")


class RetentionList(View):
    """Retention by kind."""

    kinds: tuple[RetentionView, ...]


class AuditEntry(View):
    """A sensitive action; contacts are pseudonyms, and there is no text in it."""

    id: str
    at: str
    action: str
    subject: str = Field(description="Id of what it was done to, or the pseudonym of a contact.")
    key_id: str
    key_name: str
    request_id: str
    details: dict[str, Any] = Field(default_factory=dict)


class AuditPage(Page):
    """Sensitive actions, the latest first."""

    entries: tuple[AuditEntry, ...]


AUDITED: dict[str, str] = {
    "key.created": "An API key was made.",
    "key.revoked": "An API key was ended.",
    "privacy.exported": "What is known of a person was handed out.",
    "privacy.erase.requested": "The erasure of a person was asked for.",
    "privacy.erased": "An erasure was completed.",
    "consent.given": "A consent was recorded.",
    "consent.withdrawn": "A consent was withdrawn.",
    "consent.imported": "A list of consents was recorded.",
    "contact.opted-out": "A person was taken out of campaigns through the API.",
    "contact.opted-in": "A person's opt-out was ended through the API.",
    "rule.created": "A rule was added.",
    "rule.updated": "A rule was changed.",
    "rule.deleted": "A rule was removed.",
    "rules.saved": "A rule file was saved.",
    "suggestion.accepted": "A suggestion was written into the rules.",
    "webhook.created": "A webhook was registered.",
    "webhook.updated": "A webhook was changed.",
    "webhook.deleted": "A webhook was removed.",
    "webhook.rotated": "A webhook got a new secret.",
    "webhook.replayed": "Deliveries of a webhook were repeated.",
    "campaign.executed": "A campaign was started.",
    "campaign.paused": "A campaign was paused.",
    "campaign.resumed": "A campaign went on.",
    "campaign.cancelled": "A campaign was cancelled.",
    "campaign.retried": "A campaign's failed recipients were tried again.",
    "audience.created": "A list of recipients was made.",
    "audience.deleted": "A list of recipients was removed.",
    "chat.paused": "A person took a chat over.",
    "chat.resumed": "A chat was given back to the bot.",
    "message.resolved": "A person said what became of a send in doubt.",
    "media.deleted": "A file was removed.",
    "session.logged-out": "A number was logged out of WhatsApp.",
    "session.restarted": "A session was restarted.",
    "settings.changed": "Settings of the dashboard were changed.",
}
"""All actions of the audit log and their meaning."""
