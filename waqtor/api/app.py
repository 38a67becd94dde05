"""The application: routes, gate and error shape around an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

import waqtor
from waqtor.api import ws
from waqtor.api.access import Authenticator
from waqtor.api.door import Door
from waqtor.api.errors import HttpProblem, error_response
from waqtor.api.gate import Gate
from waqtor.api.openapi import document_of, schema_of
from waqtor.api.ports import EngineLike
from waqtor.api.routes import (
    analytics,
    audiences,
    callback,
    campaigns,
    chats,
    keys,
    media,
    messages,
    notifications,
    privacy,
    profile,
    sessions,
    smartbot,
    suggestions,
    system,
    webhooks,
    workbench,
)
from waqtor.api.routing import RouteSpec, install
from waqtor.api.tickets import TicketStore
from waqtor.errors import WaqtorError

SPECS: tuple[RouteSpec, ...] = (
    *messages.routes.specs,
    *media.routes.specs,
    *chats.routes.specs,
    *sessions.routes.specs,
    *smartbot.routes.specs,
    *campaigns.routes.specs,
    *audiences.routes.specs,
    *suggestions.routes.specs,
    *workbench.routes.specs,
    *analytics.routes.specs,
    *webhooks.routes.specs,
    *notifications.routes.specs,
    *profile.routes.specs,
    *privacy.routes.specs,
    *keys.routes.specs,
    *callback.routes.specs,
    *system.versioned.specs,
    *system.routes.specs,
)
"""All REST routes, in the order in which they are tried."""


class Api(FastAPI):
    """A FastAPI application behind the gate."""

    gate: Gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let HTTP through the gate; WebSockets have their own handshake."""
        if scope["type"] == "http":
            await self.gate(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return schema_of(self)


def create_app(engine: EngineLike, *, manage_engine: bool = True) -> Api:
    """Build the application of an engine.

    Args:
        engine: What carries out the requests.
        manage_engine: Start the engine with the application and stop it with it.

    Raises:
        ConfigurationError: Settings that cannot work.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not manage_engine:
            yield
            return
        try:
            await engine.start()
            yield
        finally:
            await engine.stop()

    app = Api(
        title="WaQtor",
        version=waqtor.__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.document = document_of(app)
    for kind in (HTTPException, RequestValidationError, WaqtorError):
        app.add_exception_handler(kind, _handle)
    install(app, SPECS)
    ws.attach(app, engine)
    bind(app, engine)
    return app


def bind(app: Api, engine: EngineLike) -> None:
    """Put an engine behind an application.

    Raises:
        ConfigurationError: Settings that cannot work.
    """
    app.state.engine = engine
    app.state.authenticator = Authenticator(engine.keys, engine.clock, engine.telemetry)
    app.state.tickets = TicketStore(engine.clock)
    app.state.door = Door(
        engine.clock,
        app.state.authenticator,
        app.state.tickets,
        engine.settings.trusted_proxies,
        engine.hub.refused,
    )
    app.gate = Gate(super(Api, app).__call__, engine)


async def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        methods = allowed_methods(request.app, request.scope)
        headers = {"Allow": ", ".join(methods)}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        error = HttpProblem(405, f"This path takes {', '.join(methods)}.", headers=headers)
    return error_response(request.scope, error)


def allowed_methods(app: FastAPI, scope: Scope) -> list[str]:
    """The methods that the path of the request takes, over all routes that match it."""
    methods = {"OPTIONS"}
    for route in app.routes:
        if isinstance(route, Route) and route.methods and route.matches(dict(scope))[0] is not Match.NONE:
            methods |= route.methods
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)
