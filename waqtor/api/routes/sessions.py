"""Sessions: the numbers that the engine runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import SessionBody, SessionList, SessionQuery
from waqtor.contracts.commands import SessionAction
from waqtor.contracts.views import SessionView

routes = Routes("session")


@routes.add("GET", "/session/state", "messages:read", SessionView, errors=(404, 409))
async def session_state(request: Request, query: Annotated[SessionQuery, Query()]) -> Response:
    """The state of a session; without a name, of the default one."""
    view = engine_of(request).session_state(query.session)
    return answer(request, _seen_by(request, view))


@routes.add("GET", "/sessions", "messages:read", SessionList)
async def list_sessions(request: Request) -> Response:
    """All sessions and their states."""
    views = engine_of(request).sessions()
    return answer(request, SessionList(sessions=tuple(_seen_by(request, view) for view in views)))


@routes.add("POST", "/session/logout", "admin", dict[str, Any], errors=(404, 409, 504))
async def logout(request: Request, body: SessionBody | None = None) -> Response:
    """End the login of a session; it needs a new one afterwards."""
    return await _act(request, "logout", body)


@routes.add("POST", "/session/restart", "admin", dict[str, Any], errors=(404, 409, 504))
async def restart(request: Request, body: SessionBody | None = None) -> Response:
    """Disconnect a session and connect it again."""
    return await _act(request, "restart", body)


async def _act(request: Request, action: Literal["logout", "restart"], body: SessionBody | None) -> Response:
    command = SessionAction(action=action, session=body.session if body else None)
    return answer(request, await engine_of(request).dispatch(command, principal=caller_of(request)))


def _seen_by(request: Request, view: SessionView) -> SessionView:
    # Whoever scans the QR owns the number: only those who may log it out may see it.
    if view.qr is None or caller_of(request).may("admin"):
        return view
    return view.model_copy(update={"qr": None})
