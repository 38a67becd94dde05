"""Routes as data, and the route class that guards each: key and scope first, then query, body, endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from waqtor.api.access import LOOPBACK, Authenticator, address_of, is_local, token_of
from waqtor.api.aliases import PREFIX
from waqtor.api.auditing import ACTIONS, write_down
from waqtor.api.bodies import JsonRequest, check_media_type
from waqtor.api.errors import error_response, printable
from waqtor.errors import InvalidInput, Unauthorized
from waqtor.kernel.access import Principal

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Response]])

OPEN: Final = "open"
"""Access: nobody needs a key."""
ANY: Final = "any"
"""Access: any good key."""
LOCAL: Final = "local"
"""Access: any good key, a ticket, or a caller on this machine."""

SECURITY_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}

ERROR_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}

_ERRORS = {
    400: "Not parseable: bad JSON, bad UTF-8, NUL characters.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key lacks the scope, or the address may not connect.",
    404: "There is no such thing.",
    409: "The present state, an earlier use of the key, or a newer revision forbids it.",
    413: "The body is over its limit.",
    415: "The body is not JSON.",
    422: "Well-formed, but not valid; `details.issues` names each field.",
    429: "Too many wrong keys, or too many requests; see `Retry-After`.",
    500: "A fault inside; the log has it under the request id.",
    503: "A part is down, not ready or stopping; try again later.",
    504: "No answer in time.",
}


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """One route: where it is, who may use it, what it answers."""

    method: str
    path: str
    endpoint: Callable[..., Awaitable[Response]]
    access: str
    answer: Any
    tag: str
    status: int = 200
    errors: tuple[int, ...] = ()
    hidden: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


class Routes:
    """The routes of one resource, collected by a decorator.

    Args:
        tag: Heading in the document.
        prefix: Put before every path.
    """

    def __init__(self, tag: str, prefix: str = PREFIX) -> None:
        self.tag = tag
        self.prefix = prefix
        self.specs: list[RouteSpec] = []

    def add(
        self, method: str, path: str, access: str, answer: Any = None, **more: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Register the decorated endpoint; ``access`` is a scope or one of OPEN, ANY, LOCAL."""

        def register(endpoint: Endpoint) -> Endpoint:
            spec = RouteSpec(method, self.prefix + path, endpoint, access, answer, self.tag, **more)
            self.specs.append(spec)
            return endpoint

        return register


class GuardedRoute(APIRoute):
    """A route that lets nobody in without its access, and reads no body before that."""

    access: str = ""
    audit: str = ""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler: guard, then FastAPI's own."""
        inner = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)
        takes_body = self.body_field is not None
        sole = _sole_body(self.dependant)
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            scope = request.scope
            try:
                if self.access != OPEN:
                    scope["waqtor.principal"] = await admit(scope, self.access)
                if not takes_query and scope["query_string"]:
                    _refuse_query(request, self.access)
                if takes_body:
                    request = JsonRequest(scope, request.receive)
                    if await request.body():
                        check_media_type(request)
                        # Parsed here: FastAPI would turn what is raised inside into a plain 400.
                        await request.json()
                    if sole is not None:
                        # Sends come this way: nothing to resolve but the body, which is validated here, once.
                        given = await request.json() if await request.body() else None
                        response = cast(Response, await endpoint(request, sole.model_validate(given)))
                        return await self._noted(request, response)
                return await self._noted(request, await inner(request))
            except ClientDisconnect:
                return Response(status_code=499)  # to nobody; it is what the log shows
            except Exception as error:
                return error_response(scope, error)

        return handle

    async def _noted(self, request: Request, response: Response) -> Response:
        """The response, once the audit log has what it did: nothing sensitive is acknowledged unwritten."""
        if self.audit and response.status_code < 400:
            await write_down(request, self.audit, response)
        return response


def install(app: FastAPI, specs: Sequence[RouteSpec]) -> None:
    """Add the routes to the application."""
    for spec in specs:
        app.router.add_api_route(
            spec.path,
            spec.endpoint,
            methods=[spec.method],
            response_model=spec.answer,
            status_code=spec.status,
            tags=[spec.tag],
            include_in_schema=not spec.hidden,
            operation_id=spec.endpoint.__name__,
            responses=_responses(spec),
            openapi_extra=_extra(spec),
            route_class_override=GuardedRoute,
        )
        route = app.router.routes[-1]
        assert isinstance(route, GuardedRoute)
        route.access, route.audit = spec.access, ACTIONS.get(spec.endpoint.__name__, "")


async def admit(scope: Scope, access: str) -> Principal:
    """Return who is calling, when that one may.

    Raises:
        Unauthorized: No good key.
        Forbidden: A good key without the scope.
        RateLimited: Too many wrong keys from the address.
    """
    state = scope["app"].state
    token = token_of(Headers(scope=scope))
    if access == LOCAL and token is None:
        ticket = Request(scope).query_params.get("ticket")
        if ticket:
            principal: Principal | None = state.tickets.redeem(ticket)
            if principal is None:
                raise Unauthorized("This ticket is unknown, used or expired.")
            return principal
        if is_local(scope):
            return LOOPBACK
    authenticator: Authenticator = state.authenticator
    found = await authenticator.principal(token, address_of(scope))
    if access not in {ANY, LOCAL}:
        found.require(access)
    return found


def _sole_body(dependant: Dependant) -> type[BaseModel] | None:
    """The model of the body when an endpoint takes ``(request, body)`` and nothing else."""
    others = (dependant.path_params, dependant.query_params, dependant.header_params, dependant.cookie_params)
    if any(others) or dependant.dependencies or len(dependant.body_params) != 1:
        return None
    model = dependant.body_params[0].field_info.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _refuse_query(request: Request, access: str) -> None:
    names = [name for name in request.query_params if not (access == LOCAL and name == "ticket")]
    if names:
        issues = [
            {"in": "query", "field": printable(name, 100), "message": "is not a parameter here", "type": "extra"}
            for name in names[:20]
        ]
        raise InvalidInput(f"{issues[0]['field']}: is not a parameter here", issues=issues)


def _responses(spec: RouteSpec) -> dict[int | str, dict[str, Any]]:
    statuses = {400, 422, 500, *spec.errors}
    if spec.access != OPEN:
        statuses |= {401, 403, 429, 503}
    if spec.method in {"POST", "PUT", "PATCH"}:
        statuses |= {413, 415}
    # By reference and not by model: FastAPI would build a validator per route and status.
    return {status: {"description": _ERRORS[status], "content": ERROR_CONTENT} for status in sorted(statuses)}


def _extra(spec: RouteSpec) -> dict[str, Any]:
    extra = dict(spec.extra)
    if spec.access != OPEN:
        scopes = [] if spec.access in {ANY, LOCAL} else [spec.access]
        security: list[dict[str, list[str]]] = [{name: scopes} for name in SECURITY_SCHEMES]
        extra["security"] = [*security, {}] if spec.access == LOCAL else security
        extra["x-scope"] = spec.access
    return extra
