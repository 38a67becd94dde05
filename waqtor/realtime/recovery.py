"""Giving a client what it missed: from the journal, in order, and over to live without a seam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from waqtor.contracts.events import Event
from waqtor.contracts.wire import Since
from waqtor.kernel.ports import Journal
from waqtor.realtime.connection import Connection
from waqtor.realtime.frames import event_frame_of
from waqtor.realtime.outgoing import pieces
from waqtor.realtime.traffic import Written

PAGE: Final = 500
"""Events read from the journal at once."""


class JournalTrimmed(Exception):
    """Events vanished from the journal while they were being replayed."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay ended: missed events sent, the offset they reach to, and whether the cap stopped it."""

    count: int
    offset: int
    more: bool


async def unrecoverable(journal: Journal, since: Since, position: int) -> str:
    """Why the events after ``since`` cannot all be had; empty when they can.

    ``epoch_changed``: another history. ``offset_ahead``: further than anything that happened here.
    ``too_old``: the journal no longer holds all of it.
    """
    if since.epoch != journal.epoch:
        return "epoch_changed"
    if since.offset > max(journal.head, position):
        found = await journal.read(since.offset - 1, 1)  # another node may have written it a moment ago
        if not found:
            return "offset_ahead"
    first = await journal.first()
    if since.offset + 1 < first or (first == 0 and since.offset < max(journal.head, position)):
        return "too_old"
    return ""


async def replay(
    journal: Journal,
    connection: Connection,
    since: Since,
    wanted: frozenset[str],
    position: Callable[[], int],
    limit: int,
) -> Replayed:
    """Send the missed events of the ``wanted`` types, then keep going until the live position is reached.

    The caller has marked the connection as replaying, so live events pass it by. What happens meanwhile is sent
    from here too: the wanted types, and the types that were live already (those from the moment of the call on).
    When this returns — without an await since it compared itself with the live position — the caller goes live.

    Args:
        journal: What to read.
        connection: Whom to send to; it is not overfilled, however slowly it reads.
        since: Where the client had got to.
        wanted: Types of the names in this subscription.
        position: The offset up to which live events have been fanned out.
        limit: Most missed events; then the wanted types stop and the rest catches up.

    Raises:
        JournalTrimmed: The journal was trimmed underneath.
    """
    live_from = position()
    others = connection.types
    at, count, reached, capped = since.offset, 0, since.offset, False
    while connection.closing is None:
        target = position()
        events = await journal.read(at, PAGE)
        if await _trimmed(journal, at, target, events):
            raise JournalTrimmed
        missed: list[Written] = []
        for event in events:
            at = event.offset
            is_wanted = event.type in wanted and not capped
            if is_wanted or (at > live_from and event.type in others):
                missed.append(Written(event.type, event.session, event_frame_of(event)))
                count += is_wanted
            if not capped:
                reached = at
                capped = count >= limit
            if capped and not others:
                break
        for piece in pieces((one.frame for one in missed), connection.piece):
            await connection.replay(piece)
        connection.traffic.outgoing(missed, len(missed))
        if capped and not others:
            return Replayed(count, reached, True)
        if len(events) < PAGE:
            at = max(at, target)
            if not capped:
                reached = at
        if at >= position():
            return Replayed(count, reached, capped)
    return Replayed(count, reached, capped)


async def _trimmed(journal: Journal, at: int, target: int, events: Sequence[Event]) -> bool:
    if not events:
        return target > at  # an event was there when it was fanned out
    return at > 0 and events[0].offset > at + 1 and await journal.first() > at + 1
