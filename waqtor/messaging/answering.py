"""From a received message to a committed reply: plugins are asked in order, the first answer wins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from waqtor.contracts.addresses import parse_address
from waqtor.contracts.commands import OptIn, OptOut, PauseChat
from waqtor.contracts.events import EVENTS, Event, check, hydrate
from waqtor.kernel.clock import Clock
from waqtor.kernel.hooks import Answer, Incoming
from waqtor.kernel.plugins import Loaded, PluginManager
from waqtor.messaging.ports import REPLY, Draft, Ledger, Pending, Queued, Reply

_log = structlog.get_logger(__name__)


class Answerer:
    """The journal reader's handler for ``message.received``.

    Args:
        expiry: Seconds after which an unsent reply is skipped.
        offer: Takes the queued parts to the sender of their session.
    """

    def __init__(
        self, plugins: PluginManager, ledger: Ledger, clock: Clock, *, expiry: float, offer: Callable[[Pending], None]
    ) -> None:
        self._plugins = plugins
        self._ledger = ledger
        self._clock = clock
        self._expiry = expiry
        self._offer = offer

    async def __call__(self, event: Event) -> None:
        """Ask the plugins about one message and commit what they decided."""
        message = incoming(event)
        if message is None:
            return  # erased before anybody answered
        async for plugin, answer in self._plugins.answers(message):
            try:
                reply = self._reply(message, plugin, answer)
            except Exception as error:  # an answer that cannot be used is the plugin's failure, nobody else's
                self._plugins.failed(plugin, error)
                continue
            queued = await self._ledger.reply(reply)
            for draft, row in zip(reply.drafts, queued or (), strict=False):
                if row.fresh:
                    self._offer(pending_of(draft, row))

    def _reply(self, message: Incoming, plugin: Loaded, answer: Answer) -> Reply:
        for event in answer.events:
            if not EVENTS[event.type].journaled:
                raise ValueError(f"{event.type} is ephemeral and cannot be part of an answer")
            check(event)
        for control in answer.controls:
            if not isinstance(control, PauseChat | OptOut | OptIn):
                raise TypeError(f"{type(control).__name__} cannot be part of an answer")
        not_after = self._clock.now_us() + int(self._expiry * 1_000_000)
        drafts = [
            Draft(
                session=send.session or message.session,
                key=f"reply:{message.message_id}:{plugin.name}:{part}",
                to=parse_address(send.to).canonical,
                content=send.content.model_dump(mode="json", exclude_none=True),
                priority=REPLY,
                quoted_id=send.quoted_message_id,
                not_after=not_after,
                cause="reply",
                cause_id=message.message_id,
                correlation_id=message.message_id,
            )
            for part, send in enumerate(answer.sends)
        ]
        return Reply(
            message.message_id, message.session, message.chat_id, plugin.name, drafts, answer.events,
            answer.trace_id, answer.trace, answer.controls,
        )  # fmt: skip


def pending_of(draft: Draft, row: Queued) -> Pending:
    """The send that a freshly queued draft has become."""
    return Pending(
        row.message_id, draft.session, draft.to, draft.content, draft.priority, not_after=draft.not_after,
        due_at=draft.due_at, quoted_id=draft.quoted_id, cause=draft.cause, cause_id=draft.cause_id,
        correlation_id=draft.correlation_id, quoted_provider_id=row.quoted_provider_id,
    )  # fmt: skip


def incoming(event: Event) -> Incoming | None:
    """The plugin's view of a ``message.received`` event; ``None`` when its texts were erased."""
    data = hydrate(event)
    if data.get("erased") or data.get("content") is None:
        return None
    return Incoming(
        message_id=data["message_id"], session=event.session, chat_id=data["chat_id"], sender=data["from"],
        body=data.get("body") or "", content=data["content"], timestamp=_microseconds(data["timestamp"]),
        is_group=bool(data.get("is_group")), mentioned=bool(data.get("mentioned")),
        push_name=data.get("push_name") or "", offset=event.offset,
    )  # fmt: skip


def _microseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)
