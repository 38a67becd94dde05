"""The journal's reader: each event becomes a delivery for every webhook that wants it, once.

Deliveries and cursor are stored in one commit, and a delivery's id is made of the event's: a restart neither loses
nor repeats one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from waqtor.contracts.addresses import parse_address
from waqtor.contracts.events import EVENTS, Event, hydrate
from waqtor.contracts.webhooks import NAMES
from waqtor.errors import InvalidAddress
from waqtor.kernel.ports import Cursors, Journal, Position
from waqtor.kernel.readers import CursorBroken
from waqtor.webhooks.body import body_of
from waqtor.webhooks.dispatcher import Dispatcher
from waqtor.webhooks.ports import Delivery, Hook, Outbox

READER = "webhooks"
_PAGE = 512
_IDLE_SAVE_S = 2.0
_BY_TYPE: dict[str, list[str]] = {}
for _name, _type in NAMES.items():
    _BY_TYPE.setdefault(_type, []).append(_name)


def name_for(hook: Hook, event: Event) -> str | None:
    """The public name under which a webhook gets an event; ``None`` when it does not want it."""
    wanted = hook.events
    every = "*" in wanted and EVENTS[event.type].journaled
    if event.type == "session.status":
        status = event.data.get("status")
        old = {"ready": "client_connected", "disconnected": "client_disconnected"}.get(str(status))
        if old is not None and (every or old in wanted):
            return old
        return "session_status" if every or "session_status" in wanted else None
    for name in _BY_TYPE.get(event.type, ()):
        if every or name in wanted:
            return name
    return None


def passes(hook: Hook, event: Event) -> bool:
    """Whether an event passes a webhook's filters."""
    filters = hook.filters
    if filters.sessions and event.session not in filters.sessions:
        return False
    if not filters.chats and not filters.rules:
        return True
    data = hydrate(event)
    if filters.rules and data.get("rule_id") not in filters.rules:
        return False
    if filters.chats:
        chat = data.get("chat_id") or data.get("to") or data.get("from")
        return chat is not None and _canonical(str(chat)) in {_canonical(text) for text in filters.chats}
    return True


def _canonical(text: str) -> str:
    try:
        return parse_address(text).canonical
    except InvalidAddress:
        return text


def delivery_of(hook: Hook, event: Event, seq: int | None = None) -> Delivery | None:
    """The delivery of an event to a webhook, if it wants it; events outside the journal get a body of their own."""
    name = name_for(hook, event)
    if name is None or not passes(hook, event):
        return None
    body = None if event.offset else body_of(name, event)
    key = None
    if event.type == "campaign.progress":
        key = f"progress:{event.data.get('campaign_id', '')}"
    elif event.type == "session.qr":
        key = f"qr:{event.session}"
    return Delivery(
        f"{event.id}-{hook.tag}", hook.id, name, event.type, event.offset or seq or 0, event.lane, event.session,
        event.created, body=body, replace_key=key, source=event,
    )  # fmt: skip


class Feed:
    """Turns the journal into deliveries.

    Args:
        hooks: The webhooks there are (mutable: the service keeps it up to date).
    """

    def __init__(
        self, journal: Journal, cursors: Cursors, outbox: Outbox, dispatcher: Dispatcher, hooks: dict[str, Hook]
    ) -> None:
        self._journal = journal
        self._cursors = cursors
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._hooks = hooks
        self._news = asyncio.Event()
        self.position = 0

    @property
    def lag(self) -> int:
        """Events between the cursor and the head."""
        return max(0, self._journal.head - self.position)

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            CursorBroken: The cursor is of another epoch or ahead of the journal.
        """
        await self._begin()
        stop = self._journal.watch(self._news.set)
        saved, saved_at = self.position, 0.0
        try:
            while True:
                self._news.clear()
                events = await self._journal.read(self.position, _PAGE)
                if not events:
                    await self._news.wait()
                    continue
                found = self._deliveries(events)
                last = events[-1].offset
                if found or (last > saved and time.monotonic() - saved_at > _IDLE_SAVE_S):
                    await self._outbox.enqueue(found, Position(self._journal.epoch, last))
                    saved, saved_at = last, time.monotonic()
                self.position = last
                if found:
                    self._dispatcher.offer(found)
        finally:
            stop()

    async def _begin(self) -> None:
        stored = await self._cursors.load(READER)
        if stored is None:  # the first start: whoever registered before it misses nothing
            self.position = min([self._journal.head, *(hook.since for hook in self._hooks.values())])
            await self._cursors.save(READER, Position(self._journal.epoch, self.position))
            return
        if stored.epoch != self._journal.epoch:
            raise CursorBroken("The cursor of the webhooks belongs to another history of the store (a restore?).")
        if stored.offset > self._journal.head and not await self._journal.read(stored.offset - 1, 1):
            raise CursorBroken("The cursor of the webhooks is ahead of the journal: events were lost.")
        self.position = stored.offset

    def _deliveries(self, events: Sequence[Event]) -> list[Delivery]:
        hooks = [hook for hook in self._hooks.values() if hook.enabled]
        if not hooks:
            return []
        found: list[Delivery] = []
        for event in events:
            if event.type == "webhook.delivery" or event.type not in EVENTS:
                continue
            for hook in hooks:
                if event.offset > hook.since:
                    delivery = delivery_of(hook, event)
                    if delivery is not None:
                        found.append(delivery)
                    found.extend(_last_tick(hook, event))
        return found


_ENDS = frozenset({"campaign.completed", "campaign.failed", "campaign.cancelled"})


def _last_tick(hook: Hook, event: Event) -> list[Delivery]:
    """The end of a campaign is also its last progress tick; it replaces one that still waits."""
    if event.type not in _ENDS or "campaign_executed" not in hook.events:
        return []
    if not passes(hook, event):
        return []
    data: dict[str, Any] = event.data
    return [
        Delivery(
            f"{event.id}-{hook.tag}-tick", hook.id, "campaign_executed", event.type, event.offset, event.lane,
            event.session, event.created, replace_key=f"progress:{data.get('campaign_id', '')}", source=event,
        )
    ]  # fmt: skip
