"""Privacy on memory, for tests of the API and the SDK."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from waqtor.contracts.ids import new_ulid
from waqtor.contracts.privacy import AuditEntry, ConsentChange, ConsentView, ErasureView, PersonView, RetentionView
from waqtor.contracts.wire import iso
from waqtor.errors import NotFound
from waqtor.privacy.erasing import ErasureRunner
from waqtor.privacy.ports import Asked, AuditQuery, Section
from waqtor.privacy.service import PrivacyService


def veil(text: str) -> str:
    return "p:" + hashlib.sha256(text.encode()).hexdigest()[:40]


class MemoryPrivacy:
    """Person, Erasures, Consents and Audit in one."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.written: list[AuditEntry] = []
        self.given: dict[tuple[str, str], ConsentView] = {}
        self.changes: list[ConsentChange] = []
        self.jobs: dict[str, ErasureView] = {}

    async def record(self, action: str, subject: str, asked: Asked, **details: Any) -> None:
        self.written.append(
            AuditEntry(
                id=new_ulid(), at=iso(self.clock.now_us()), action=action, subject=subject, key_id=asked.key_id,
                key_name=asked.key_name, request_id=asked.request_id, details=details,
            )
        )  # fmt: skip

    async def entries(self, query: AuditQuery) -> list[AuditEntry]:
        found = [
            e for e in reversed(self.written)
            if (query.action is None or e.action == query.action) and (query.before is None or e.id < query.before)
            and (query.subject is None or e.subject == query.subject)
            and (query.key_id is None or e.key_id == query.key_id)
        ]  # fmt: skip
        return found[: query.limit]

    async def trim(self, before: int) -> int:
        return 0

    async def valid(self, *, contact: Any, purpose: Any, before: Any, limit: int) -> list[ConsentView]:
        found = [
            view for key, view in sorted(self.given.items())
            if contact in (None, key[0]) and purpose in (None, key[1]) and (before is None or key > before)
        ]  # fmt: skip
        return found[:limit]

    async def history(self, contact: str, limit: int = 200) -> list[ConsentChange]:
        return [change for change in reversed(self.changes) if change.contact == contact][:limit]

    def _changed(self, contact: str, purpose: str, change: Any, source: str, asked: Asked) -> None:
        self.changes.append(
            ConsentChange(
                contact=contact, purpose=purpose, change=change, source=source, at=iso(self.clock.now_us()),
                key_id=asked.key_id,
            )
        )  # fmt: skip

    async def give(self, contacts: Any, purpose: str, source: str, at: int | None, asked: Asked) -> int:
        fresh = [contact for contact in contacts if (contact, purpose) not in self.given]
        for contact in fresh:
            since = iso(at if at is not None else self.clock.now_us())
            self.given[contact, purpose] = ConsentView(contact=contact, purpose=purpose, source=source, since=since)
            self._changed(contact, purpose, "given", source, asked)
        return len(fresh)

    async def withdraw(self, contact: str, purpose: str, source: str, asked: Asked) -> bool:
        if self.given.pop((contact, purpose), None) is None:
            return False
        self._changed(contact, purpose, "withdrawn", source, asked)
        return True

    async def summary(self, contact: str) -> PersonView:
        consents = tuple(view for key, view in self.given.items() if key[0] == contact)
        return PersonView(contact=contact, known=bool(consents), counts={"messages": 0}, consents=consents)

    def sections(self, contact: str) -> list[Section]:
        async def rows() -> AsyncIterator[dict[str, Any]]:
            for change in await self.history(contact):
                yield change.model_dump()

        return [Section("consent-history", rows())]

    async def media(self, contact: str) -> list[str]:
        return []

    async def begin(self, contact: str, asked: Asked) -> ErasureView:
        stamp, name = iso(self.clock.now_us()), veil(contact)
        known = next((job for job in self.jobs.values() if job.pseudonym == name and job.state == "running"), None)
        if known is not None:
            return known
        view = ErasureView(
            id=new_ulid(), pseudonym=name, state="running", step="hold", counts={}, created=stamp, updated=stamp
        )
        self.jobs[view.id] = view
        await self.record("privacy.erase.requested", name, asked, erasure=view.id)
        return view

    async def get(self, erasure_id: str) -> ErasureView:
        if erasure_id not in self.jobs:
            raise NotFound("There is no such erasure.")
        return self.jobs[erasure_id]

    async def latest(self, limit: int = 50) -> list[ErasureView]:
        return list(reversed(self.jobs.values()))[:limit]


def memory_privacy(clock: Any) -> PrivacyService:
    """The service on memory; erasures stay at their first step."""
    held: Any = MemoryPrivacy(clock)

    async def counts(contact: str) -> dict[str, int]:
        return {"log_messages": 0}

    async def files(media: Any) -> list[Any]:
        return []

    async def retention() -> list[RetentionView]:
        return [RetentionView(kind="journal", days=30, rows=0)]

    async def lease() -> bool:
        return False

    runner = ErasureRunner(held, held, clock, patience=1.0, lease=lease)
    return PrivacyService(
        held, held, held, held, runner, clock, veil=veil, log_sections=lambda contact: [], log_counts=counts,
        files=files, retention=retention,
    )  # fmt: skip
