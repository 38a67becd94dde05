"""Handing events to everybody who wants them: written once, grouped by what the clients want."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from waqtor.contracts.events import EVENTS, Event
from waqtor.realtime import frames
from waqtor.realtime.audience import Audience
from waqtor.realtime.outgoing import Chunk, Frame
from waqtor.realtime.stats import Stats
from waqtor.realtime.traffic import Written


class Audiences(Protocol):
    """Who wants what."""

    def audiences(self) -> Iterable[Audience]:
        """The connections, grouped by what they want."""
        ...

    def wanted(self, event_type: str) -> bool:
        """Whether anybody wants events of this type."""
        ...


class FanOut:
    """Fans events out.

    Args:
        audiences: Who wants what.
        stats: Where it is counted.
    """

    def __init__(self, audiences: Audiences, stats: Stats) -> None:
        self._audiences = audiences
        self._stats = stats

    def parts(self, events: Iterable[Event], size: int) -> Iterator[list[Written]]:
        """Write the events that somebody wants, and cut them into parts of about ``size`` bytes.

        Lazy: each part is made when it is asked for, from what is wanted then.
        """
        part: list[Written] = []
        weight = 0
        for event in events:
            known = event.type in EVENTS and self._audiences.wanted(event.type)
            frame = frames.event_frame_of(event) if known else Frame(b"", event.offset)
            part.append(Written(event.type, event.session, frame))
            weight += len(frame.text)
            if weight >= size:
                yield part
                part, weight = [], 0
        if part:
            yield part

    def journaled(self, part: Sequence[Written], position: int) -> int:
        """Hand journaled events past ``position`` to their audiences; returns the new position.

        Without an await, so that nobody goes live in the middle of it.
        """
        reached = 0
        for audience in self._audiences.audiences():
            fits = [one for one in part if one.type in audience.types and one.frame.offset > position]
            if fits:
                count = audience.hand(Chunk([one.frame for one in fits]))
                self._stats.traffic.outgoing(fits, count)
                reached += count
        self._stats.broadcast([one.type for one in part], reached)
        return max(position, part[-1].frame.offset)

    def ephemeral(self, event: Event) -> None:
        """Hand an event of the bus to its audiences, unless the journal brings it anyway."""
        spec = EVENTS.get(event.type)
        if spec is None or spec.journaled:
            return
        chunk: Chunk | None = None
        reached = 0
        for audience in self._audiences.audiences():
            if event.type in audience.types:
                chunk = chunk or Chunk((frames.event_frame_of(event),))
                reached += audience.hand(chunk)
        if chunk is not None:
            self._stats.traffic.outgoing((Written(event.type, event.session, chunk.frames[0]),), reached)
        self._stats.broadcast([event.type], reached)
