"""What endpoints take from the request: the engine, the caller, an idempotency key, an expected revision."""

from __future__ import annotations

import re
from typing import cast

from starlette.requests import Request

from waqtor.api.ports import EngineLike
from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidInput
from waqtor.kernel.access import Principal
from waqtor.privacy.ports import Asked

_KEY = re.compile(r"[!-~]{1,255}")
_CURSOR = re.compile(r"[0-9A-Za-z|:.@_+-]{1,300}")


def engine_of(request: Request) -> EngineLike:
    """The engine behind the application."""
    return cast(EngineLike, request.app.state.engine)


def caller_of(request: Request) -> Principal:
    """Who is calling (guarded routes only)."""
    return cast(Principal, request.scope["waqtor.principal"])


def asked_by(request: Request) -> Asked:
    """Who asks, for the audit log."""
    return Asked.by(caller_of(request), str(request.scope.get("waqtor.request_id", "")))


def idempotency_key(request: Request) -> str | None:
    """The ledger key of this request: ``api:<key id>:<Idempotency-Key>``; ``None`` without the header.

    Raises:
        InvalidInput: The header is empty, too long or holds more than visible ASCII.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        raise _bad_header("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return f"api:{caller_of(request).key_id}:{given}"


def expected_revision(request: Request) -> str | None:
    """The revision of ``If-Match``; ``None`` when any will do.

    Raises:
        InvalidInput: The header is not one entity tag.
    """
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    tag = given.strip().removeprefix("W/")
    if len(tag) >= 2 and tag[0] == tag[-1] == '"':
        tag = tag[1:-1]
    if not tag or '"' in tag or not tag.isascii() or not tag.isprintable():
        raise _bad_header("If-Match", 'must be one revision, as in If-Match: "3f2a"')
    return tag


def chat_of(text: str) -> str:
    """The canonical address of a chat.

    Raises:
        InvalidAddress: The text is none.
    """
    return parse_address(text).canonical


def cursor_of(text: str | None) -> str | None:
    """A cursor that can be one of ours.

    Raises:
        InvalidInput: It cannot.
    """
    if text is not None and not _CURSOR.fullmatch(text):
        issue = {"in": "query", "field": "cursor", "message": "is not a cursor", "type": "cursor"}
        raise InvalidInput("cursor: pass next_cursor of the previous page as it is.", issues=[issue])
    return text


def _bad_header(name: str, words: str) -> InvalidInput:
    issue = {"in": "header", "field": name, "message": words, "type": "header"}
    return InvalidInput(f"{name}: {words}", issues=[issue])
