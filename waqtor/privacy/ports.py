"""What privacy needs of storage, and the person that everything here is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from waqtor.contracts.privacy import (
    AuditEntry,
    ConsentChange,
    ConsentView,
    ErasureStep,
    ErasureView,
    PersonView,
)
from waqtor.kernel.access import Principal


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for something, for the audit log."""

    key_id: str = ""
    key_name: str = ""
    request_id: str = ""

    @classmethod
    def by(cls, principal: Principal | None, request_id: str = "") -> Asked:
        """The caller of a request."""
        if principal is None:
            return cls(request_id=request_id)
        return cls(principal.key_id, principal.name, request_id)


@dataclass(frozen=True, slots=True)
class Job:
    """An erasure to be done, its contact in clear (in memory only)."""

    id: str
    contact: str
    step: ErasureStep
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries: ``since`` and ``until`` are UTC microseconds."""

    action: str | None = None
    subject: str | None = None
    key_id: str | None = None
    since: int | None = None
    until: int | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an export: the name of its file, and its rows."""

    name: str
    rows: AsyncIterator[dict[str, Any]]


@dataclass(slots=True)
class Wiped:
    """What the store gave up: counts by kind, and media files that nothing names any more."""

    counts: dict[str, int] = field(default_factory=dict)
    media: list[str] = field(default_factory=list)


class Audit(Protocol):
    """The log of sensitive actions."""

    async def record(self, action: str, subject: str, asked: Asked, **details: Any) -> None:
        """Write an entry; ``subject`` is an id or a pseudonym."""
        ...

    async def entries(self, query: AuditQuery) -> list[AuditEntry]:
        """Entries, the latest first."""
        ...

    async def trim(self, before: int) -> int:
        """Drop a chunk of entries older than ``before`` (UTC microseconds); returns how many."""
        ...


class Consents(Protocol):
    """Who agreed to what. Contacts are canonical addresses."""

    async def valid(
        self, *, contact: str | None, purpose: str | None, before: tuple[str, str] | None, limit: int
    ) -> list[ConsentView]:
        """Consents valid now, by contact and purpose, after ``before``."""
        ...

    async def history(self, contact: str, limit: int = 200) -> list[ConsentChange]:
        """What became of a person's consents, the latest first."""
        ...

    async def give(self, contacts: Sequence[str], purpose: str, source: str, at: int | None, asked: Asked) -> int:
        """Record consents (with their audit entry, if it is one); returns how many are new."""
        ...

    async def withdraw(self, contact: str, purpose: str, source: str, asked: Asked) -> bool:
        """End a consent; false when there was none."""
        ...


class Person(Protocol):
    """Finding what the store knows of a person."""

    async def summary(self, contact: str) -> PersonView:
        """How much there is."""
        ...

    def sections(self, contact: str) -> Sequence[Section]:
        """Everything, in parts."""
        ...

    async def media(self, contact: str) -> list[str]:
        """Ids of the files in the person's messages."""
        ...


class Erasures(Protocol):
    """The erasure jobs, and their steps in the store. Every step may be done again."""

    async def begin(self, contact: str, asked: Asked) -> ErasureView:
        """Make a job, or return the one that is under way for this person."""
        ...

    async def get(self, erasure_id: str) -> ErasureView:
        """One.

        Raises:
            NotFound: There is none.
        """
        ...

    async def latest(self, limit: int = 50) -> list[ErasureView]:
        """The latest ones."""
        ...

    async def running(self) -> list[Job]:
        """Those under way, oldest first."""
        ...

    async def moved(self, job: Job, step: ErasureStep, counts: dict[str, int]) -> None:
        """Note that the steps before ``step`` are done."""
        ...

    async def failed(self, erasure_id: str, error: str) -> None:
        """Note why a step waits."""
        ...

    async def hold(self, job: Job, *, give_up: bool) -> int:
        """Skip what is queued for the person; returns how many calls are still under way.

        With ``give_up`` those under way are closed too: nothing is sent again, and their outcome is not kept.
        """
        ...

    async def collect(self, job: Job) -> int:
        """Find the ids of everything that is the person's, and keep them; returns how many."""
        ...

    async def wipe(self, job: Job) -> Wiped:
        """Take the person out of every table; rows that count something stay without them."""
        ...

    async def subjects(self, erasure_id: str) -> list[str]:
        """The ids that :meth:`collect` found."""
        ...

    async def unlocalised(self, known: frozenset[str]) -> list[str]:
        """Erasures whose store step is done and whose id is not in ``known``."""
        ...

    async def done(self, job: Job, counts: dict[str, int]) -> None:
        """Close the job: the contact goes, an audit entry stays."""
        ...

    async def scrub(self) -> None:
        """Rewrite what deleted rows left in the files of the database."""
        ...


class LocalTraces(Protocol):
    """What an engine keeps besides the store: the traffic log, caches, files, memory."""

    async def forget(self, contact: str, subjects: frozenset[str]) -> int:
        """Drop it from memory, caches and upload files; returns how many files went."""
        ...

    async def localised(self) -> frozenset[str]:
        """Ids of the erasures that were done in the traffic log of this engine.

        Raises:
            Unavailable: The log cannot be used now.
        """
        ...

    async def erase_log(self, erasures: Mapping[str, Sequence[str]], contact: str) -> int:
        """Take people out of the traffic log and rewrite its file; returns the number of rows.

        Args:
            erasures: Ids of what is a person's, by erasure.
            contact: The person, when it is one whose address is still known; else empty.

        Raises:
            Unavailable: The log cannot be used now.
        """
        ...

    async def drop_media(self, media: Sequence[str]) -> int:
        """Remove files that no message names any more; returns how many."""
        ...


Step = Callable[[Job], Awaitable[dict[str, int]]]
