"""Sending, and looking at what was sent and received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, chat_of, cursor_of, engine_of, idempotency_key
from waqtor.api.routing import Routes
from waqtor.api.shapes import MessagePage, MessageQuery, ResolveBody
from waqtor.contracts.commands import COMMANDS, CommandSpec, ResolveMessage
from waqtor.contracts.views import MessageView, SendReceipt
from waqtor.errors import NotFound

routes = Routes("messages")

IDEMPOTENCY = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Repeating a request with the same key sends once; another body with it is a 409.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            "example": "order-1042-shipped",
        }
    ]
}

_EXAMPLES: dict[str, dict[str, Any]] = {
    "send_text": {"to": "+966501234567", "text": "أهلاً! Your order is on its way."},
    "send_media": {"to": "+966501234567", "media_type": "image", "url": "https://example.com/a.jpg", "caption": "New"},
    "send_buttons": {
        "to": "+966501234567",
        "body": "Did it arrive?",
        "buttons": [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}],
    },
    "send_list": {
        "to": "+966501234567",
        "body": "Which branch?",
        "button": "Choose",
        "sections": [{"title": "Riyadh", "rows": [{"id": "olaya", "title": "Olaya"}]}],
    },
    "send_template": {"to": "+966501234567", "name": "order_shipped", "language": "ar", "variables": {"order": "1042"}},
    "send_location": {"to": "+966501234567", "latitude": 24.7136, "longitude": 46.6753, "name": "Our shop"},
    "send_reaction": {"to": "+966501234567", "message_id": "01JD3ZK5T0M7Q8X9Y2B4C6D8E0", "emoji": "👍"},
}


def _sender(spec: CommandSpec) -> Callable[..., Awaitable[Response]]:
    async def send(request: Request, command: Any) -> Response:
        receipt = await engine_of(request).dispatch(command, key=idempotency_key(request), principal=caller_of(request))
        return answer(request, receipt)

    send.__name__ = spec.name
    send.__doc__ = spec.model.__doc__
    send.__annotations__ = {"request": Request, "command": spec.model, "return": Response}
    return send


def _add_senders() -> None:
    for name, example in _EXAMPLES.items():
        spec = COMMANDS[name]
        method, path = spec.route.split()
        body = {"requestBody": {"content": {"application/json": {"example": example}}}}
        send = _sender(spec)
        routes.add(method, path, spec.scope, SendReceipt, errors=(404, 409), extra={**IDEMPOTENCY, **body})(send)
        if name == "send_buttons":
            routes.add(method, "/messages/send-button", spec.scope, SendReceipt, hidden=True)(send)


_add_senders()


@routes.add("GET", "/messages", "messages:read", MessagePage)
async def list_messages(request: Request, query: Annotated[MessageQuery, Query()]) -> Response:
    """Messages of either direction, newest first."""
    chat_id = chat_of(query.chat_id) if query.chat_id is not None else None
    return answer(request, await page_of_messages(request, query, chat_id))


@routes.add("POST", "/messages/{message_id:path}/resolve", "messages:send", dict[str, Any], errors=(404, 409))
async def resolve_message(request: Request, message_id: str, body: ResolveBody) -> Response:
    """Say what became of a message in doubt."""
    command = ResolveMessage(message_id=message_id, outcome=body.outcome, resend=body.resend)
    return answer(request, await engine_of(request).dispatch(command, principal=caller_of(request)))


@routes.add("GET", "/messages/{message_id:path}", "messages:read", MessageView, errors=(404,))
async def get_message(request: Request, message_id: str) -> Response:
    """One message, by our id or the provider's."""
    message = await engine_of(request).archive.message(message_id)
    if message is None:
        raise NotFound("There is no such message.")
    return answer(request, message)


async def page_of_messages(request: Request, query: MessageQuery, chat_id: str | None) -> MessagePage:
    """A page of messages and where the next one starts."""
    found = await engine_of(request).archive.messages(
        session=query.session,
        chat_id=chat_id,
        direction=query.direction,
        status=query.status,
        search=query.search or None,
        before=cursor_of(query.cursor),
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    return MessagePage(messages=tuple(page), next_cursor=page[-1].message_id if len(found) > query.limit else None)
