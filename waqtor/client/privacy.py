"""Builders of the calls about privacy: a person's data, consents, opt-outs, the audit log."""

from __future__ import annotations

from pathlib import Path

from waqtor.client.calls import (
    Answer,
    AsyncResource,
    BlockingResource,
    Call,
    awaiting,
    blocking,
    body_of,
    many,
    one,
    segment,
)
from waqtor.client.pages import Listing
from waqtor.contracts import privacy as p

_EXPORT_S = 600.0


def _content(answer: Answer) -> bytes:
    return answer.content


def person(contact: str) -> Call[p.PersonView]:
    """How much is known of a person, by kind."""
    return Call("GET", "/privacy/person", one(p.PersonView), params={"contact": contact})


def export(contact: str) -> Call[bytes]:
    """Everything that is known of a person: the bytes of a ZIP."""
    body = body_of(p.ExportPerson, contact=contact)
    return Call("POST", "/privacy/export", _content, json=body, safe=True, timeout=_EXPORT_S)


def erase(contact: str) -> Call[p.ErasureView]:
    """Begin to erase a person everywhere; asking again returns the erasure that is under way."""
    return Call("POST", "/privacy/erase", one(p.ErasureView), json=body_of(p.ErasePerson, contact=contact), safe=True)


def erasure(erasure_id: str) -> Call[p.ErasureView]:
    """How far an erasure is."""
    return Call("GET", f"/privacy/erasures/{segment(erasure_id)}", one(p.ErasureView))


def erasures() -> Call[Listing[p.ErasureView]]:
    """The latest erasures."""
    return Call("GET", "/privacy/erasures", many(p.ErasureView))


def consents(
    *, contact: str | None = None, purpose: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Listing[p.ConsentView]]:
    """Consents that are valid now, by contact and purpose."""
    params = {"contact": contact, "purpose": purpose, "cursor": cursor, "limit": limit}
    return Call("GET", "/privacy/consents", many(p.ConsentView), params=params)


def consent_history(contact: str) -> Call[Listing[p.ConsentChange]]:
    """What became of a person's consents, the latest first."""
    return Call("GET", "/privacy/consents/history", many(p.ConsentChange), params={"contact": contact})


def give_consent(contact: str, *, source: str, purpose: str | None = None, at: str | None = None) -> Call[p.ConsentSet]:
    """Record a consent: ``source`` says how it is known, ``at`` (ISO-8601) when it was given."""
    body = body_of(p.GiveConsent, contact=contact, purpose=purpose, source=source, at=at)
    return Call("POST", "/privacy/consents", one(p.ConsentSet), json=body, safe=True)


def withdraw_consent(contact: str, *, purpose: str | None = None, source: str | None = None) -> Call[p.ConsentSet]:
    """Record that a person no longer agrees."""
    params = {"contact": contact, "purpose": purpose, "source": source}
    return Call("DELETE", "/privacy/consents", one(p.ConsentSet), params=params)


def import_consents(
    source: str | Path | bytes, *, purpose: str | None = None, origin: str | None = None
) -> Call[p.ConsentsImported]:
    """Record a list of consents from a CSV file (a path, or its bytes) with a column ``phone``.

    Args:
        source: The file.
        purpose: For lines without a ``purpose`` of their own; default: marketing.
        origin: For lines without a ``source`` of their own; default: import.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    params = {"purpose": purpose, "source": origin}
    return Call(
        "POST", "/privacy/consents/import", one(p.ConsentsImported), content=data, params=params,
        headers={"content-type": "text/csv"}, safe=True,
    )  # fmt: skip


def opt_out(contact: str, *, source: str | None = None) -> Call[p.OptOutSet]:
    """Take a person out of all campaigns."""
    body = {"contact": contact, **({"source": source} if source else {})}
    return Call("POST", "/privacy/opt-outs", one(p.OptOutSet), json=body, safe=True)


def opt_in(contact: str) -> Call[p.OptOutSet]:
    """End an opt-out."""
    return Call("DELETE", "/privacy/opt-outs", one(p.OptOutSet), params={"contact": contact})


def retention() -> Call[Listing[p.RetentionView]]:
    """How long each kind of data is kept, and how old the oldest of it is."""
    return Call("GET", "/privacy/retention", many(p.RetentionView))


def audit(
    *,
    action: str | None = None,
    subject: str | None = None,
    contact: str | None = None,
    key_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Listing[p.AuditEntry]]:
    """Sensitive actions, the latest first; ``since`` and ``until`` are ISO-8601."""
    params = {
        "action": action, "subject": subject, "contact": contact, "key_id": key_id, "since": since, "until": until,
        "cursor": cursor, "limit": limit,
    }  # fmt: skip
    return Call("GET", "/audit", many(p.AuditEntry), params=params)


class Privacy(BlockingResource):
    """What is known of people, and their rights."""

    person = blocking(person)
    export = blocking(export)
    erase = blocking(erase)
    erasure = blocking(erasure)
    erasures = blocking(erasures)
    consents = blocking(consents)
    consent_history = blocking(consent_history)
    give_consent = blocking(give_consent)
    withdraw_consent = blocking(withdraw_consent)
    import_consents = blocking(import_consents)
    opt_out = blocking(opt_out)
    opt_in = blocking(opt_in)
    retention = blocking(retention)
    audit = blocking(audit)


class AsyncPrivacy(AsyncResource):
    """What is known of people, and their rights."""

    person = awaiting(person)
    export = awaiting(export)
    erase = awaiting(erase)
    erasure = awaiting(erasure)
    erasures = awaiting(erasures)
    consents = awaiting(consents)
    consent_history = awaiting(consent_history)
    give_consent = awaiting(give_consent)
    withdraw_consent = awaiting(withdraw_consent)
    import_consents = awaiting(import_consents)
    opt_out = awaiting(opt_out)
    opt_in = awaiting(opt_in)
    retention = awaiting(retention)
    audit = awaiting(audit)
