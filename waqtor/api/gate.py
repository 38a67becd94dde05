"""The gate in front of every HTTP request: ids, limits, aliases, origins, measuring and the access log."""

from __future__ import annotations

import re
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waqtor.api import aliases
from waqtor.api.access import AllowList, address_of
from waqtor.api.errors import HttpProblem, error_response, route_of
from waqtor.api.origins import Origins
from waqtor.api.ports import EngineLike
from waqtor.contracts.ids import new_ulid
from waqtor.errors import Forbidden, TooLarge

_log = structlog.get_logger("waqtor.http")

CALLBACK_PATH = "/webhooks/whatsapp"
"""Where Meta delivers; it is no alias and needs no key: deliveries are signed."""

CALLBACK_BYTES = 4_194_304
"""Largest delivery: Meta's own limit is 3 MB."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Gate:
    """ASGI wrapper around the application; nothing passes it unmeasured, and no failure leaves it unshaped.

    Args:
        app: The application behind it.
        engine: Its settings give the limits; its telemetry and traffic log count the requests.

    Raises:
        ConfigurationError: ``allowed_ips`` holds what is no address.
    """

    def __init__(self, app: ASGIApp, engine: EngineLike) -> None:
        settings = engine.settings
        self._app = app
        self._engine = engine
        self._limit = settings.max_body_bytes
        self._limits = {
            "/audiences/upload": settings.max_upload_bytes,
            CALLBACK_PATH: max(settings.max_body_bytes, CALLBACK_BYTES),
            "/v1/media": settings.max_media_bytes,
            "/messages/send-media": max(settings.max_base64_bytes, settings.max_body_bytes),
        }
        self._telemetry = engine.telemetry
        self._timers: dict[tuple[str, str, int], Any] = {}
        self.addresses = AllowList(settings.allowed_ips)
        self.origins = Origins(settings.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        began = perf_counter()
        found = _headers(scope)
        given = found.get(b"x-request-id", b"")
        request_id = given.decode("ascii") if _REQUEST_ID.fullmatch(given) else new_ulid()
        method = scope["method"]
        scope = {**scope, "waqtor.request_id": request_id}
        limit = self._limit_of(scope["path"])
        exchange = _Exchange(send, receive, request_id, self.origins.headers(found.get(b"origin")), method, limit)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._pass(scope, found, exchange)
            except Exception as error:
                if exchange.status:
                    # The answer is under way: only breaking the connection tells the caller that it is not whole.
                    _log.exception("http.broken_off", route=route_of(scope))
                    raise
                await error_response(scope, error)(scope, receive, exchange.send)
            finally:
                self._note(scope, method, exchange, perf_counter() - began)

    def _limit_of(self, path: str) -> int:
        path = aliases.target(path) or path
        return next((size for end, size in self._limits.items() if path.endswith(end)), self._limit)

    async def _pass(self, scope: Scope, found: dict[bytes, bytes], exchange: _Exchange) -> None:
        if not self.addresses.allows(address_of(scope)):
            self._telemetry.security.labels("address").inc()
            raise Forbidden("This address may not connect.")
        _check_target(scope)
        target = aliases.target(scope["path"])
        if target is not None:
            scope["path"] = target
            scope["raw_path"] = target.encode()
            scope["waqtor.alias"] = True
            if scope["query_string"]:
                scope["query_string"] = aliases.snake_query(scope["query_string"])
        self._check_length(found, exchange.limit)
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in found:
            await self._preflight(scope, found, exchange)
            return
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        await self._app(scope, exchange.receive, exchange.send)

    async def _preflight(self, scope: Scope, found: dict[bytes, bytes], exchange: _Exchange) -> None:
        headers = self.origins.preflight(found.get(b"origin"))
        if headers is None:
            self._telemetry.security.labels("origin").inc()
            raise Forbidden("This origin may not call the API; see the setting ALLOWED_ORIGINS.")
        await Response(status_code=204, headers=headers)(scope, exchange.receive, exchange.send)

    def _check_length(self, found: dict[bytes, bytes], limit: int) -> None:
        length = found.get(b"content-length")
        if length is None:
            return
        if not length.isdigit():
            raise HttpProblem(400, "Content-Length is not a number.")
        if len(length) > 18 or int(length) > limit:
            raise _too_large(limit)

    def _note(self, scope: Scope, method: str, exchange: _Exchange, seconds: float) -> None:
        route, status = route_of(scope), exchange.status
        label = (method if method in _METHODS else "OTHER", route, status)
        timer = self._timers.get(label)
        if timer is None:
            timer = self._timers[label] = self._telemetry.http.labels(label[0], route, str(status))
        timer.observe(seconds)
        write = _log.debug if route in _QUIET else _log.info
        principal = scope.get("waqtor.principal")
        key_id = principal.key_id if principal else ""
        ms = round(seconds * 1000, 2)
        now = self._engine.clock.now_us()
        self._engine.log.tally.request(now, "", label[0], route, status, key_id, ms, exchange.size)
        write(
            "http.request",
            method=label[0],
            route=route,
            status=status,
            ms=ms,
            address=address_of(scope),
            key=key_id or None,
        )


class _Exchange:
    """One request and its answer, watched: bytes in are limited, headers out are completed."""

    __slots__ = ("_extra", "_headless", "_left", "_receive", "_send", "limit", "size", "status")

    def __init__(
        self,
        send: Send,
        receive: Receive,
        request_id: str,
        extra: list[tuple[bytes, bytes]],
        method: str,
        limit: int,
    ) -> None:
        self._send = send
        self._receive = receive
        self.limit = self._left = limit
        self._headless = method == "HEAD"
        self._extra = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff"), *extra]
        self.status = 0
        self.size = 0

    async def receive(self) -> Message:
        """The next part of the body, as long as it is within the limit."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _too_large(self.limit)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), *self._extra]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            if self._headless:
                message = {**message, "body": b""}
            self.size += len(message.get("body", b""))
        await self._send(message)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return dict(reversed(scope["headers"]))


def _check_target(scope: Scope) -> None:
    """Refuse paths and queries that are not UTF-8 or hold NUL: nobody could store or compare them.

    Raises:
        HttpProblem: 400.
    """
    query: bytes = scope["query_string"]
    raw: bytes = scope.get("raw_path") or b""
    for part, word in ((raw, "path"), (query, "query")):
        if part.isascii() and b"%" not in part:
            continue
        plain = unquote_to_bytes(part)
        if b"\x00" in plain:
            raise HttpProblem(400, f"The {word} must not hold NUL characters.")
        try:
            plain.decode("utf-8")
        except UnicodeDecodeError:
            raise HttpProblem(400, f"The {word} is not UTF-8.") from None
    if "\x00" in scope["path"]:
        raise HttpProblem(400, "The path must not hold NUL characters.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.", limit=limit)
