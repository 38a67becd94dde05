"""Privacy as the API meets it: looking a person up, export, erasure, consents, the audit log."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from waqtor.contracts.addresses import parse_address
from waqtor.contracts.privacy import (
    AuditEntry,
    ConsentChange,
    ConsentSet,
    ConsentsImported,
    ConsentView,
    ErasureView,
    GiveConsent,
    PersonView,
    RetentionView,
    WithdrawConsent,
)
from waqtor.contracts.wire import iso
from waqtor.errors import InvalidAddress, InvalidInput
from waqtor.kernel.clock import Clock
from waqtor.privacy.erasing import ErasureRunner
from waqtor.privacy.export import archive
from waqtor.privacy.ports import Asked, Audit, AuditQuery, Consents, Erasures, Person, Section

_IMPORT_CHUNK: Final = 500
_ISSUES: Final = 20
_PHONES: Final = ("contact", "phone", "mobile", "number", "whatsapp", "جوال", "هاتف", "رقم")


class PrivacyService:
    """What is known of people, and their rights.

    Args:
        veil: Makes pseudonyms.
        log_sections: The parts of an export that come from the traffic log.
        files: Names and places of files by media id.
        retention: How long each kind of data is kept.
    """

    def __init__(
        self,
        person: Person,
        erasures: Erasures,
        consents: Consents,
        audit: Audit,
        runner: ErasureRunner,
        clock: Clock,
        *,
        veil: Callable[[str], str],
        log_sections: Callable[[str], Sequence[Section]],
        log_counts: Callable[[str], Awaitable[dict[str, int]]],
        files: Callable[[Sequence[str]], Awaitable[list[tuple[str, Path]]]],
        retention: Callable[[], Awaitable[list[RetentionView]]],
    ) -> None:
        self._person = person
        self._erasures = erasures
        self._consents = consents
        self.audit = audit
        self.runner = runner
        self._clock = clock
        self._veil = veil
        self._log_sections = log_sections
        self._log_counts = log_counts
        self._files = files
        self._retention = retention

    # --- a person

    async def summary(self, contact: str) -> PersonView:
        """How much is known of a person.

        Raises:
            InvalidInput: It is no person's address.
        """
        canonical = person_of(contact)
        found = await self._person.summary(canonical)
        log = await self._log_counts(canonical)
        return found.model_copy(
            update={"counts": {**found.counts, **log}, "known": found.known or any(log.values())}
        )  # fmt: skip

    async def export(self, contact: str, asked: Asked) -> AsyncIterator[bytes]:
        """The ZIP of everything, in pieces; the audit entry is written before the first.

        Raises:
            InvalidInput: It is no person's address.
        """
        canonical = person_of(contact)
        await self.audit.record("privacy.exported", self._veil(canonical), asked)
        sections = (*self._person.sections(canonical), *self._log_sections(canonical))
        files = await self._files(await self._person.media(canonical))
        return archive(canonical, iso(self._clock.now_us()), sections, files)

    async def erase(self, contact: str, asked: Asked) -> ErasureView:
        """Begin to erase a person; one that is under way for them is returned.

        Raises:
            InvalidInput: It is no person's address.
        """
        view = await self._erasures.begin(person_of(contact), asked)
        self.runner.poke()
        return view

    async def erasure(self, erasure_id: str) -> ErasureView:
        """How far an erasure is.

        Raises:
            NotFound: There is none.
        """
        return await self._erasures.get(erasure_id)

    async def erasures(self) -> list[ErasureView]:
        """The latest erasures."""
        return await self._erasures.latest()

    # --- consents

    async def consents(
        self, contact: str | None, purpose: str | None, before: tuple[str, str] | None, limit: int
    ) -> list[ConsentView]:
        """Consents valid now."""
        canonical = person_of(contact) if contact is not None else None
        return await self._consents.valid(contact=canonical, purpose=purpose, before=before, limit=limit)

    async def history(self, contact: str) -> list[ConsentChange]:
        """What became of a person's consents."""
        return await self._consents.history(person_of(contact))

    async def give(self, command: GiveConsent, asked: Asked) -> ConsentSet:
        """Record a consent.

        Raises:
            InvalidInput: No person's address, or no moment of the past.
        """
        contact, at = person_of(command.contact), self._moment(command.at)
        given = await self._consents.give([contact], command.purpose, command.source, at, asked)
        return ConsentSet(contact=contact, purpose=command.purpose, consents=True, changed=bool(given))

    async def withdraw(self, command: WithdrawConsent, asked: Asked) -> ConsentSet:
        """End a consent."""
        contact = person_of(command.contact)
        ended = await self._consents.withdraw(contact, command.purpose, command.source, asked)
        return ConsentSet(contact=contact, purpose=command.purpose, consents=False, changed=ended)

    async def import_consents(self, text: str, purpose: str, source: str, asked: Asked) -> ConsentsImported:
        """Record a list of consents: CSV with a column of numbers, and perhaps ``purpose``, ``source`` and ``at``.

        Raises:
            InvalidInput: There is no column of numbers.
        """
        rows = _table(text)
        groups: dict[tuple[str, str, int | None], list[str]] = {}
        bad, issues = 0, list[str]()
        for line, row in rows:
            try:
                contact = person_of(row["contact"])
                command = GiveConsent(
                    contact=contact, purpose=row.get("purpose") or purpose, source=row.get("source") or source,
                    at=row.get("at") or None,
                )  # fmt: skip
                key = (command.purpose, command.source, self._moment(command.at))
            except ValueError:
                bad, words = bad + 1, "purpose, source or time cannot be read"
            except InvalidInput as error:
                bad, words = bad + 1, error.message if not isinstance(error, InvalidAddress) else "not a number"
            else:
                groups.setdefault(key, []).append(contact)
                continue
            if len(issues) < _ISSUES:
                issues.append(f"line {line}: {words}")
        given = total = 0
        for (kind, words, at), contacts in groups.items():
            fresh = list(dict.fromkeys(contacts))
            total += len(contacts)
            for start in range(0, len(fresh), _IMPORT_CHUNK):
                part = fresh[start : start + _IMPORT_CHUNK]
                given += await self._consents.give(part, kind, words, at, asked)
        await self.audit.record("consent.imported", purpose, asked, given=given, bad=bad)
        return ConsentsImported(given=given, unchanged=total - given, bad=bad, issues=tuple(issues))

    def _moment(self, text: str | None) -> int | None:
        if text is None:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            raise _refused("at", "write the time as in 2026-01-31T08:00:00Z")
        moment = int(found.astimezone(UTC).timestamp() * 1_000_000)
        if moment > self._clock.now_us():
            raise _refused("at", "is in the future")
        return moment

    # --- the audit log and retention

    async def entries(self, query: AuditQuery, contact: str | None = None) -> list[AuditEntry]:
        """Sensitive actions, the latest first; of one contact by their pseudonym."""
        if contact is not None:
            query = _about(query, self._veil(person_of(contact)))
        return await self.audit.entries(query)

    def pseudonym(self, contact: str) -> str:
        """What stands for a contact in the audit log."""
        return self._veil(parse_address(contact).canonical)

    async def retention(self) -> list[RetentionView]:
        """How long each kind of data is kept."""
        return await self._retention()


def person_of(text: str) -> str:
    """The canonical address of a person.

    Raises:
        InvalidInput: No address, or a group's.
    """
    address = parse_address(text)
    if address.is_group:
        raise _refused("contact", "is a group, not a person")
    return address.canonical


def _about(query: AuditQuery, subject: str) -> AuditQuery:
    return AuditQuery(query.action, subject, query.key_id, query.since, query.until, query.before, query.limit)


def _table(text: str) -> list[tuple[int, dict[str, str]]]:
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    names = {name: name.strip().lower() for name in reader.fieldnames or () if name}
    phone = next((name for name, low in names.items() if low in _PHONES), None)
    if phone is None:
        raise _refused("body", "needs a column named contact or phone in its first line")
    rows = []
    for row in reader:
        cells = {names[name]: (value or "").strip() for name, value in row.items() if name in names}
        rows.append((reader.line_num, {**cells, "contact": (row[phone] or "").strip()}))
    return rows


def _refused(field: str, words: str) -> InvalidInput:
    issue = {"in": "body", "field": field, "message": words, "type": field}
    return InvalidInput(f"{field}: {words}", issues=[issue])
