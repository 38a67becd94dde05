"""Privacy: what is known of a person, export, erasure, consents, opt-outs, retention, and the audit log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query as QueryParameters
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from waqtor.api.answers import answer
from waqtor.api.deps import asked_by, caller_of, cursor_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import Cursor, Limit, Moment, Query
from waqtor.contracts import privacy as p
from waqtor.contracts.base import Model
from waqtor.contracts.commands import OptIn, OptOut
from waqtor.errors import InvalidInput
from waqtor.privacy.ports import AuditQuery

routes = Routes("privacy")
SCOPE = "privacy"
_ZIP: dict[str, Any] = {
    "requestBody": {"content": {"application/json": {"example": {"contact": "+966501234567"}}}},
    "responses": {
        "200": {
            "description": "A ZIP of JSON lines and files, sent while it is made.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
}
_LIST = {"schema": {"type": "string"}, "example": "phone,at\n+966501234567,2026-01-31T08:00:00Z"}
_CSV: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": _LIST, "application/octet-stream": _LIST}}
}


def _example(body: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


class PersonQuery(Query):
    """Which person."""

    contact: p.Contact


class ConsentQuery(Query):
    """Which consents."""

    contact: p.Contact | None = None
    purpose: p.Purpose | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class WithdrawQuery(Query):
    """Which consent ends, and how it is known."""

    contact: p.Contact
    purpose: p.Purpose = "marketing"
    source: p.Source = "api"


class ImportQuery(Query):
    """What holds for lines that do not say it themselves."""

    purpose: p.Purpose = "marketing"
    source: p.Source = "import"


class OptOutBody(Model):
    """Who gets no more campaigns, and how it is known."""

    contact: p.Contact
    source: Annotated[p.Source, Field(max_length=100)] = "api"


class AuditFilter(Query):
    """Which entries of the audit log."""

    action: Annotated[str, Field(max_length=64, examples=["webhook.rotated"])] | None = None
    subject: Annotated[str, Field(max_length=200, description="Id of a thing, or a pseudonym.")] | None = None
    contact: Annotated[p.Contact, Field(description="Entries about this person, found by the pseudonym.")] | None = None
    key_id: Annotated[str, Field(max_length=64)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


@routes.add("GET", "/privacy/person", SCOPE, p.PersonView)
async def get_person(request: Request, query: Annotated[PersonQuery, QueryParameters()]) -> Response:
    """How much is known of a person, by kind; no texts."""
    return answer(request, await engine_of(request).privacy.summary(query.contact))


@routes.add("POST", "/privacy/export", SCOPE, None, extra=_ZIP)
async def export_person(request: Request, body: p.ExportPerson) -> Response:
    """Everything that is known of a person, as one ZIP, sent while it is made."""
    pieces = await engine_of(request).privacy.export(body.contact, asked_by(request))
    # The name says nothing of the person: it ends up in download folders and proxy logs.
    headers = {"content-disposition": 'attachment; filename="waqtor-export.zip"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@routes.add("POST", "/privacy/erase", SCOPE, p.ErasureView, status=202, extra=_example({"contact": "+966501234567"}))
async def erase_person(request: Request, body: p.ErasePerson) -> Response:
    """Begin to erase a person everywhere; `GET /privacy/erasures/{id}` tells how far it is."""
    return answer(request, await engine_of(request).privacy.erase(body.contact, asked_by(request)), status=202)


@routes.add("GET", "/privacy/erasures", SCOPE, p.ErasureList)
async def list_erasures(request: Request) -> Response:
    """The latest 50 erasures, by pseudonym."""
    return answer(request, p.ErasureList(erasures=tuple(await engine_of(request).privacy.erasures())))


@routes.add("GET", "/privacy/erasures/{erasure_id}", SCOPE, p.ErasureView, errors=(404,))
async def get_erasure(request: Request, erasure_id: str) -> Response:
    """How far an erasure is."""
    return answer(request, await engine_of(request).privacy.erasure(erasure_id))


@routes.add("GET", "/privacy/consents", SCOPE, p.ConsentPage)
async def list_consents(request: Request, query: Annotated[ConsentQuery, QueryParameters()]) -> Response:
    """Consents that are valid now, by contact and purpose."""
    before = None
    if (cursor := cursor_of(query.cursor)) is not None:
        contact, _, purpose = cursor.rpartition("|")
        before = (contact, purpose)
    found = await engine_of(request).privacy.consents(query.contact, query.purpose, before, query.limit + 1)
    page = found[: query.limit]
    more = f"{page[-1].contact}|{page[-1].purpose}" if len(found) > query.limit else None
    return answer(request, p.ConsentPage(consents=tuple(page), next_cursor=more))


@routes.add("GET", "/privacy/consents/history", SCOPE, p.ConsentHistory)
async def consent_history(request: Request, query: Annotated[PersonQuery, QueryParameters()]) -> Response:
    """What became of a person's consents: given, withdrawn, from where and when."""
    return answer(request, p.ConsentHistory(changes=tuple(await engine_of(request).privacy.history(query.contact))))


@routes.add(
    "POST",
    "/privacy/consents",
    SCOPE,
    p.ConsentSet,
    extra=_example({"contact": "+966501234567", "purpose": "marketing", "source": "web form"}),
)
async def give_consent(request: Request, body: p.GiveConsent) -> Response:
    """Record a consent; one that is valid already stays as it is."""
    return answer(request, await engine_of(request).privacy.give(body, asked_by(request)))


@routes.add("DELETE", "/privacy/consents", SCOPE, p.ConsentSet)
async def withdraw_consent(request: Request, query: Annotated[WithdrawQuery, QueryParameters()]) -> Response:
    """Record that a consent no longer holds; queued campaign messages that need it are not sent."""
    command = p.WithdrawConsent(**query.model_dump())
    return answer(request, await engine_of(request).privacy.withdraw(command, asked_by(request)))


@routes.add("POST", "/privacy/consents/import", SCOPE, p.ConsentsImported, extra=_CSV)
async def import_consents(request: Request, query: Annotated[ImportQuery, QueryParameters()]) -> Response:
    """Record a list of consents, given as CSV in the raw body: a column `phone`, perhaps `purpose`, `source`, `at`."""
    try:
        text = (await request.body()).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("The list is not UTF-8.") from None
    privacy = engine_of(request).privacy
    return answer(request, await privacy.import_consents(text, query.purpose, query.source, asked_by(request)))


@routes.add("POST", "/privacy/opt-outs", SCOPE, p.OptOutSet, extra=_example({"contact": "+966501234567"}))
async def opt_out(request: Request, body: OptOutBody) -> Response:
    """Take a person out of all campaigns."""
    return await _opt(request, OptOut(contact=body.contact, source=body.source), "contact.opted-out")


@routes.add("DELETE", "/privacy/opt-outs", SCOPE, p.OptOutSet)
async def opt_in(request: Request, query: Annotated[PersonQuery, QueryParameters()]) -> Response:
    """End an opt-out, also one that was kept over an erasure."""
    return await _opt(request, OptIn(contact=query.contact, source="api"), "contact.opted-in")


async def _opt(request: Request, command: OptOut | OptIn, action: str) -> Response:
    engine = engine_of(request)
    done: Any = await engine.dispatch(command, principal=caller_of(request))
    if done["changed"]:
        await engine.privacy.audit.record(action, engine.privacy.pseudonym(done["contact"]), asked_by(request))
    return answer(request, p.OptOutSet(**done))


@routes.add("GET", "/privacy/retention", SCOPE, p.RetentionList)
async def get_retention(request: Request) -> Response:
    """How long each kind of data is kept, how old its oldest row is, and what the journal waits for."""
    return answer(request, p.RetentionList(kinds=tuple(await engine_of(request).privacy.retention())))


@routes.add("GET", "/audit", "admin", p.AuditPage)
async def list_audit(request: Request, query: Annotated[AuditFilter, QueryParameters()]) -> Response:
    """Sensitive actions, the latest first: who, when, what, to what. Contacts are pseudonyms."""
    since, until = (round(m.timestamp() * 1_000_000) if m is not None else None for m in (query.since, query.until))
    asked = AuditQuery(
        query.action, query.subject, query.key_id, since, until, cursor_of(query.cursor), query.limit + 1
    )
    found = await engine_of(request).privacy.entries(asked, query.contact)
    page = found[: query.limit]
    cursor = page[-1].id if len(found) > query.limit else None
    return answer(request, p.AuditPage(entries=tuple(page), next_cursor=cursor))
