"""The WebSocket endpoints: the handshake before the upgrade, then the socket is the hub's."""

from __future__ import annotations

import contextlib
import logging
import math
from typing import Any, cast

import orjson
from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from waqtor.api.access import address_of, token_of
from waqtor.api.hubsocket import EXTENSION, HubSocket, hub_socket
from waqtor.contracts.ids import new_ulid
from waqtor.errors import Forbidden, RateLimited, Unauthorized, Unavailable, WaqtorError
from waqtor.kernel.access import Principal
from waqtor.realtime.connection import Connection
from waqtor.realtime.handshake import Hello
from waqtor.realtime.hub import Hub
from waqtor.realtime.topics import PRESETS
from waqtor.settings import Settings

router = APIRouter()

_STATUSES: dict[type[WaqtorError], int] = {Unauthorized: 401, Forbidden: 403, RateLimited: 429, Unavailable: 503}


def attach(app: FastAPI, engine: Any) -> None:
    """Add the endpoints to an application, and keep query strings (they may hold secrets) out of uvicorn's log."""
    app.state.engine = engine
    app.include_router(router)
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(found, _WithoutQuery) for found in logger.filters):
        logger.addFilter(_WithoutQuery())


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """What uvicorn has to be started with for the WebSocket limits and the heartbeat to hold."""
    return {
        "ws": hub_socket(settings),
        "ws_max_size": settings.ws_max_frame_bytes - 1,
        "ws_ping_interval": settings.ws_heartbeat_ms / 1000,
        "ws_ping_timeout": settings.ws_heartbeat_ms / 1000,
        "ws_per_message_deflate": False,  # the socket brings its own, with the level of the settings
    }


@router.websocket("/ws")
async def everything(websocket: WebSocket) -> None:
    """A socket that subscribes to nothing by itself."""
    await _serve(websocket, ())


@router.websocket("/status")
@router.websocket("/ws/status")
async def status(websocket: WebSocket) -> None:
    """A socket with ``session.*``."""
    await _serve(websocket, PRESETS["status"])


@router.websocket("/campaigns")
@router.websocket("/ws/campaigns")
async def campaigns(websocket: WebSocket) -> None:
    """A socket with ``campaign.*``."""
    await _serve(websocket, PRESETS["campaigns"])


@router.websocket("/smartbot")
@router.websocket("/ws/smartbot")
async def smartbot(websocket: WebSocket) -> None:
    """A socket with ``message.received`` and ``smartbot.*``."""
    await _serve(websocket, PRESETS["smartbot"])


class _Bridge:
    """Passes what the socket tells on to the hub."""

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self._connection = connection
        self.stalled = connection.stalled
        self.resumed = connection.resumed
        self.lost = connection.lost

    def received(self, message: str | bytes) -> None:
        self._hub.receive(self._connection, message)


async def _serve(websocket: WebSocket, names: tuple[str, ...]) -> None:
    hub = cast(Hub, websocket.app.state.engine.hub)
    address = address_of(websocket.scope)
    try:
        hub.room()
        principal = await _admit(websocket, hub, address)
        socket = websocket.scope.get("extensions", {}).get(EXTENSION)
        if not isinstance(socket, HubSocket):
            raise Unavailable("WebSockets need the server that WaQtor starts: waqtor serve.")
    except WaqtorError as error:
        door = getattr(websocket.app.state, "door", None)
        if door is not None and not isinstance(error, Unavailable):
            door.refused(address)
        await _refuse(websocket, error)
        return
    await websocket.accept()
    batch = websocket.query_params.get("batch") in {"1", "true"}
    connection = await hub.connect(socket, principal, address, names=names, batch=batch)
    socket.attach(_Bridge(hub, connection))
    try:
        await connection.gone.wait()
    finally:
        await connection.closed()
        await hub.disconnect(connection)


async def _admit(websocket: WebSocket, hub: Hub, address: str) -> Principal:
    query, state = websocket.query_params, websocket.app.state
    hello = Hello(
        address=address,
        host=websocket.headers.get("host", ""),
        origin=websocket.headers.get("origin"),
        api_key=token_of(websocket.headers) or query.get("apiKey") or query.get("api_key"),
        ts=query.get("ts"),
        sig=query.get("sig"),
        ticket=query.get("ticket"),
    )
    authenticator: Any = getattr(state, "authenticator", None)
    tickets: Any = getattr(state, "tickets", None)

    async def verify(token: str) -> Principal:
        return cast(Principal, await authenticator.principal(token, address))

    return await hub.handshake.admit(
        hello,
        verify=verify if authenticator is not None else None,
        redeem=tickets.redeem if tickets is not None else None,
    )


async def _refuse(websocket: WebSocket, error: WaqtorError) -> None:
    """Answer the upgrade request with a status and the one shape of errors."""
    status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), 500)
    request_id = new_ulid()
    detail = {"code": error.code, "message": error.message, "details": error.details, "request_id": request_id}
    headers = {"x-request-id": request_id}
    wait = error.details.get("retry_after")
    if isinstance(wait, int | float) and math.isfinite(wait):
        headers["retry-after"] = str(max(1, math.ceil(wait)))
    body = orjson.dumps({"ok": False, "error": detail}, default=str)
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        await websocket.send_denial_response(Response(body, status, headers, "application/json"))


class _WithoutQuery(logging.Filter):
    """Cuts query strings from uvicorn's lines about WebSockets, and drops its complaint about every refusal."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg == "ASGI callable returned without completing handshake.":
            return False  # uvicorn says so after each denial response, although the handshake was answered
        if isinstance(record.args, tuple) and isinstance(record.msg, str) and "WebSocket" in record.msg:
            record.args = tuple(arg.split("?", 1)[0] if isinstance(arg, str) else arg for arg in record.args)
        return True
