"""How the engine carries out commands: validate once more where needed, write, hand on, answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from waqtor.bootstrap.media import settle_media
from waqtor.bootstrap.session import SessionRuntime
from waqtor.contracts import commands as c
from waqtor.contracts import messages as m
from waqtor.contracts.addresses import parse_address
from waqtor.contracts.faults import causes
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.views import MessageView, SendReceipt
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict, InvalidInput, NotFound
from waqtor.messaging.answering import pending_of
from waqtor.messaging.ports import DIRECT, Archive, Draft, Outcome
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.media import MediaStore

_RECEIPT_STATUS = {"queued": "pending", "sending": "pending"}


class Commands:
    """The handlers of all commands that the engine carries out."""

    def __init__(
        self, ledger: SqlLedger, archive: Archive, media: MediaStore,
        session_of: Callable[[str | None], SessionRuntime],
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._media = media
        self._archive = archive
        self._session_of = session_of

    async def send(self, command: Any, key: str | None) -> SendReceipt:
        """Queue a send; the same ``key`` with the same command is one send.

        Raises:
            InvalidInput: The content breaks a limit of WhatsApp's.
            NotFound: Its ``media_id`` is no upload.
            TooLarge: Its file is larger than WhatsApp takes.
            IdempotencyConflict: The key was used with another body.
            Conflict: The person wrote too long ago for anything but a template.
        """
        runtime = self._session_of(command.session)
        to = parse_address(command.to).canonical
        content = await settle_media(self._media, content_of(command))
        await self._in_window(runtime, to, content["type"], key or "")
        if mentions := content.get("mentions"):
            content["mentions"] = [parse_address(mention).canonical for mention in mentions]
        quoted = await self._quoted(command.quoted_message_id)
        if content["type"] == "reaction":
            target = await self._archive.message(content["message_id"])
            if target is not None and target.provider_id:
                content["provider_message_id"] = target.provider_id
        body = orjson.dumps([to, content, command.quoted_message_id], option=orjson.OPT_SORT_KEYS)
        draft = Draft(
            session=runtime.name, key=key or f"api:-:{new_ulid()}", to=to, content=content,
            body_hash=hashlib.sha256(body).hexdigest(), priority=DIRECT,
            quoted_id=quoted.message_id if quoted else command.quoted_message_id, cause="api",
        )  # fmt: skip
        row = await self._ledger.enqueue(draft)
        if row.fresh:
            pending = pending_of(draft, row)
            pending.quoted_provider_id = quoted.provider_id if quoted else command.quoted_message_id
            runtime.sender.offer(pending)
        status: Any = _RECEIPT_STATUS.get(row.state, row.state)
        return SendReceipt(
            message_id=row.message_id, timestamp=iso(row.created), status=status, duplicate=not row.fresh
        )

    async def _in_window(self, runtime: SessionRuntime, to: str, kind: str, key: str) -> None:
        seconds = runtime.transport.window_s
        if not seconds or kind == "template" or to.endswith("@g.us"):
            return
        since = self._ledger.now_us() - int(seconds * 1_000_000)
        if not await self._ledger.wrote_since(runtime.name, to, since, key):
            raise Conflict(
                f"This person has not written within {seconds / 3600:.0f} hours: WhatsApp takes only a template now.",
                reason="131047",
            )

    async def _quoted(self, message_id: str | None) -> MessageView | None:
        return await self._archive.message(message_id) if message_id else None

    async def pause_chat(self, command: c.PauseChat) -> dict[str, Any]:
        """Keep the bot quiet in a chat."""
        runtime = self._session_of(command.session)
        chat_id = parse_address(command.chat_id).canonical
        if not await self._ledger.pause_chat(runtime.name, chat_id, command):
            raise NotFound("There is no such chat.")
        return {"chat_id": chat_id, "paused": True}

    async def resume_chat(self, command: c.ResumeChat) -> dict[str, Any]:
        """Let the bot answer in a chat again."""
        runtime = self._session_of(command.session)
        chat_id = parse_address(command.chat_id).canonical
        resumed = await self._ledger.resume_chat(runtime.name, chat_id)
        if not resumed and not await self._archive.messages(session=runtime.name, chat_id=chat_id, limit=1):
            raise NotFound("There is no such chat.")
        return {"chat_id": chat_id, "paused": False}

    async def consent(self, command: c.OptOut | c.OptIn) -> dict[str, Any]:
        """Record an opt-out or its end."""
        contact = parse_address(command.contact).canonical
        session = self._session_of(command.session).name
        changed = await self._ledger.consent(session, command.model_copy(update={"contact": contact}))
        return {"contact": contact, "opted_out": isinstance(command, c.OptOut), "changed": changed}

    async def resolve(self, command: c.ResolveMessage) -> dict[str, Any]:
        """Say what became of a send in doubt.

        Raises:
            NotFound: No such message.
            Conflict: It is not in doubt.
        """
        view = await self._archive.message(command.message_id)
        if view is None:
            raise NotFound("There is no such message.")
        if view.direction == "out" and _settled_so(view, command):
            return {"message_id": view.message_id, "status": view.status}  # the same answer twice changes nothing
        if view.status != "in_doubt" or view.direction != "out":
            raise Conflict(f"Only a message in doubt can be resolved; this one is {view.status}.", status=view.status)
        runtime = self._session_of(view.session)
        whose, cause = (view.message_id, view.session, view.chat_id), view.cause or "api"
        row = await self._ledger.pending(view.message_id)
        origin = row.origin if row is not None else ""
        if command.outcome == "sent":
            await self._ledger.settle(Outcome(*whose, "sent", cause=cause, correlation_id=origin))
        elif command.resend:
            await self._ledger.settle(
                Outcome(
                    *whose,
                    "requeue",
                    error_code="resolved",
                    error_reason="sent again by a person",
                    cause=cause,
                    correlation_id=origin,
                )
            )
            pending = await self._ledger.pending(view.message_id)
            if pending is not None:
                runtime.sender.offer(pending)
        else:
            await self._ledger.settle(
                Outcome(
                    *whose,
                    "failed",
                    error_code="resolved",
                    error_reason="not sent, said a person",
                    cause=cause,
                    correlation_id=origin,
                )
            )
        resolved = await self._archive.message(view.message_id)
        return {"message_id": view.message_id, "status": resolved.status if resolved else "erased"}

    async def session_action(self, command: c.SessionAction) -> dict[str, Any]:
        """Log a session out or restart it."""
        runtime = self._session_of(command.session)
        if command.action == "logout":
            await runtime.transport.logout()
        else:
            await runtime.transport.restart()
        return {"session": runtime.name, "action": command.action}


def _settled_so(view: MessageView, command: c.ResolveMessage) -> bool:
    """Whether the message is already what a person says of it."""
    if command.outcome == "sent":
        return view.status in ("sent", "delivered", "read")
    code = view.error.code if view.error else ""
    return view.status == "failed" and code == "resolved" and not command.resend


def content_of(command: Any) -> dict[str, Any]:
    """The message content that a send command describes, checked against WhatsApp's limits.

    Raises:
        InvalidInput: With the first limit that it breaks.
    """
    given = command.model_dump(exclude_none=True, exclude={"to", "session", "quoted_message_id"})
    try:
        content = _CONTENT[type(command)](given)
    except ValidationError as error:
        issues = [
            {"in": "body", "field": ".".join(path), "message": message, "type": kind}
            for path, message, kind in causes(error.errors(include_url=False, include_input=False))
        ]
        raise InvalidInput(f"{issues[0]['field'] or 'body'}: {issues[0]['message']}", issues=issues) from error
    dumped: dict[str, Any] = content.model_dump(mode="json", exclude_none=True)
    return dumped


def _text(given: dict[str, Any]) -> m.TextContent:
    return m.TextContent(body=given.pop("text"), **given)


def _media(given: dict[str, Any]) -> m.OutgoingMedia:
    return m.OutgoingMedia(type=given.pop("media_type"), **given)


_CONTENT: Mapping[type, Callable[[dict[str, Any]], Any]] = {
    c.SendText: _text,
    c.SendMedia: _media,
    c.SendButtons: lambda given: m.ButtonsContent(**given),
    c.SendList: lambda given: m.ListContent(**given),
    c.SendTemplate: lambda given: m.TemplateContent(**given),
    c.SendLocation: lambda given: m.LocationContent(**given),
    c.SendReaction: lambda given: m.OutgoingReaction(**given),
    c.Send: lambda given: m.OUTGOING.validate_python(given["content"]),
}
SENDS = frozenset(_CONTENT)
"""Commands that queue a message."""
