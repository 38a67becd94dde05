"""The address that WhatsApp's Cloud API calls: its handshake and its deliveries."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import engine_of
from waqtor.api.gate import CALLBACK_PATH
from waqtor.api.routing import OPEN, Routes
from waqtor.api.shapes import Taken

routes = Routes("callback", prefix="")

_TEXT = {"responses": {"200": {"content": {"text/plain": {"schema": {"type": "string"}}}}}}


@routes.add("GET", CALLBACK_PATH, OPEN, None, errors=(403, 404), extra=_TEXT)
async def challenge(
    request: Request,
    mode: Annotated[str, Query(alias="hub.mode", max_length=32)] = "",
    token: Annotated[str, Query(alias="hub.verify_token", max_length=512)] = "",
    challenge: Annotated[str, Query(alias="hub.challenge", max_length=512)] = "",
) -> Response:
    """Meta's handshake: answers the challenge when the verify token is ours."""
    text = engine_of(request).called_back().challenge(mode, token, challenge)
    return Response(text, media_type="text/plain")


@routes.add("POST", CALLBACK_PATH, OPEN, Taken, errors=(403, 404, 413, 503))
async def deliver(request: Request) -> Response:
    """One signed delivery of Meta's; answered after everything in it is durable, so that nothing is lost."""
    body = await request.body()
    await engine_of(request).called_back().deliver(body, request.headers.get("x-hub-signature-256", ""))
    return answer(request, Taken())
