"""Conversations: the list, their messages, and keeping the bot quiet in one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.answers import answer
from waqtor.api.deps import caller_of, chat_of, cursor_of, engine_of
from waqtor.api.routes.messages import page_of_messages
from waqtor.api.routing import Routes
from waqtor.api.shapes import ChatPage, ChatQuery, MessagePage, MessageQuery, PageQuery, PauseBody, SessionBody
from waqtor.contracts.commands import PauseChat, ResumeChat
from waqtor.errors import NotFound

routes = Routes("chats")


@routes.add("GET", "/chats", "messages:read", ChatPage)
async def list_chats(request: Request, query: Annotated[ChatQuery, Query()]) -> Response:
    """Conversations, the last active first."""
    found = await engine_of(request).archive.chats(
        session=query.session,
        search=query.search or None,
        before=cursor_of(query.cursor),
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    cursor = page[-1].cursor if len(found) > query.limit else None
    return answer(request, ChatPage(chats=tuple(page), next_cursor=cursor))


@routes.add("GET", "/chats/{chat_id}/messages", "messages:read", MessagePage, errors=(404,))
async def list_chat_messages(request: Request, chat_id: str, query: Annotated[PageQuery, Query()]) -> Response:
    """The messages of one conversation, newest first."""
    chat = chat_of(chat_id)
    page = await page_of_messages(request, MessageQuery(**query.model_dump()), chat)
    if not page.messages and query.cursor is None and not await _exists(request, chat, query.session):
        raise NotFound("There is no such chat.")
    return answer(request, page)


@routes.add("POST", "/chats/{chat_id}/pause", "messages:send", dict[str, Any], errors=(404, 409))
async def pause_chat(request: Request, chat_id: str, body: PauseBody | None = None) -> Response:
    """Keep the bot quiet in a chat, for some minutes or until it is resumed."""
    given = body or PauseBody()
    command = PauseChat(chat_id=chat_of(chat_id), **given.model_dump())
    return answer(request, await engine_of(request).dispatch(command, principal=caller_of(request)))


@routes.add("POST", "/chats/{chat_id}/resume", "messages:send", dict[str, Any], errors=(404, 409))
async def resume_chat(request: Request, chat_id: str, body: SessionBody | None = None) -> Response:
    """Let the bot answer in a chat again."""
    command = ResumeChat(chat_id=chat_of(chat_id), session=body.session if body else None)
    return answer(request, await engine_of(request).dispatch(command, principal=caller_of(request)))


async def _exists(request: Request, chat: str, session: str | None) -> bool:
    found = await engine_of(request).archive.chats(session=session, search=chat, limit=200)
    return any(view.chat_id == chat for view in found)
