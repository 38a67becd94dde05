"""API keys, tickets, and who the caller is."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.access import address_of
from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, engine_of
from waqtor.api.routing import ANY, Routes
from waqtor.api.shapes import KeyList, NewKey, Revoked
from waqtor.api.tickets import LIFETIME_S, TicketStore
from waqtor.contracts.views import KeyView, TicketView, WhoAmI
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict, InvalidInput

routes = Routes("keys")

_BODY: dict[str, Any] = {
    "requestBody": {
        "content": {"application/json": {"example": {"name": "crm", "scopes": ["messages:send", "messages:read"]}}}
    }
}


@routes.add("GET", "/keys", "admin", KeyList)
async def list_keys(request: Request) -> Response:
    """All keys, newest first, without their secrets."""
    return answer(request, KeyList(keys=tuple(await engine_of(request).keys.list())))


@routes.add("POST", "/keys", "admin", KeyView, status=201, extra=_BODY)
async def create_key(request: Request, body: NewKey) -> Response:
    """Make a key; `key` and `signing_secret` are in this answer and never again."""
    engine = engine_of(request)
    expires = round(body.expires.timestamp() * 1_000_000) if body.expires is not None else None
    if expires is not None and expires <= engine.clock.now_us():
        issue = {"in": "body", "field": "expires", "message": "is in the past", "type": "past"}
        raise InvalidInput("expires: is in the past", issues=[issue])
    return answer(request, await engine.keys.create(body.name, body.scopes, expires=expires), status=201)


@routes.add("DELETE", "/keys/{key_id}", "admin", Revoked, errors=(404, 409))
async def revoke_key(request: Request, key_id: str) -> Response:
    """End a key at once. The last admin key stays, or nobody could make another."""
    keys = engine_of(request).keys
    now = iso(engine_of(request).clock.now_us())
    admins = [
        view.id
        for view in await keys.list()
        if "admin" in view.scopes and not view.revoked and (view.expires is None or view.expires > now)
    ]
    if admins == [key_id]:
        raise Conflict("This is the last admin key; make another one first.")
    await keys.revoke(key_id)
    return answer(request, Revoked(id=key_id))


@routes.add("POST", "/ws/tickets", ANY, TicketView)
async def create_ticket(request: Request) -> Response:
    """A ticket for one WebSocket handshake, so that a browser never sees the key."""
    tickets: TicketStore = request.app.state.tickets
    ticket = tickets.issue(caller_of(request))
    return answer(request, TicketView(ticket=ticket.value, expires=iso(ticket.expires), expires_in=LIFETIME_S))


@routes.add("GET", "/ws/whoami", ANY, WhoAmI)
async def whoami(request: Request) -> Response:
    """The caller's address as the server sees it, and what its key may do."""
    caller = caller_of(request)
    scopes = tuple(sorted(caller.scopes))
    return answer(
        request, WhoAmI(address=address_of(request.scope), key_id=caller.key_id, name=caller.name, scopes=scopes)
    )
