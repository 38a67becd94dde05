"""What goes over the sockets: bytes in and out, and a note of every frame's type for whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.outgoing import Frame

CONTROL: Final = "control"
"""Type under which the server's own frames are noted (welcome, answers, notices)."""

Note = Callable[[int, str, str, str, int, int], None]
"""Takes UTC microseconds, session, direction (``in``, ``out``), type, bytes of all the texts, and how many frames."""


class Written(NamedTuple):
    """An event, written."""

    type: str
    session: str
    frame: Frame


class Counted(Protocol):
    """Somebody to whom bytes were sent."""

    @property
    def sent_bytes(self) -> int:
        """Bytes written to it, as they go over the network."""
        ...


class Traffic:
    """Counts for all clients.

    Bytes out are those on the network, after compression; bytes in, and those of the notes, are of the texts.

    Args:
        telemetry: Where the totals go for Prometheus.
        clock: Time.
        note: Keeps the notes; ``None``: nobody does.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock, note: Note | None = None) -> None:
        self._clock = clock
        self._note = note
        self._in = telemetry.ws_bytes.labels("in")
        self._out = telemetry.ws_bytes.labels("out")
        self._told = 0
        self._gone = 0
        self.received = 0

    def incoming(self, kind: str, size: int) -> None:
        """A client sent a frame of ``size`` bytes."""
        self.received += size
        self._in.inc(size)
        if self._note is not None:
            self._note(self._clock.now_us(), "", "in", kind, size, 1)

    def control(self, size: int) -> None:
        """A client was sent a frame of the server's own."""
        if self._note is not None:
            self._note(self._clock.now_us(), "", "out", CONTROL, size, 1)

    def outgoing(self, events: Sequence[Written], frames: int) -> None:
        """Events were handed out together, in so many frames altogether.

        Once for many clients, and summed by type: the cost of a note must not grow with either. Clients that got only
        some of several events are spread evenly over them.
        """
        if self._note is None or not frames:
            return
        now = self._clock.now_us()
        if len(events) == 1:
            kind, session, frame = events[0]
            self._note(now, session, "out", kind, frames * len(frame.text), frames)
            return
        each, rest = divmod(frames, len(events))
        sums: dict[tuple[str, str], list[int]] = {}
        for place, (kind, session, frame) in enumerate(events, 1):
            count = each + (place > len(events) - rest)
            found = sums.get((kind, session))
            if found is None:
                sums[kind, session] = [count * len(frame.text), count]
            else:
                found[0] += count * len(frame.text)
                found[1] += count
        for (kind, session), (size, count) in sums.items():
            if count:
                self._note(now, session, "out", kind, size, count)

    def left(self, client: Counted) -> None:
        """A client is gone; what it was sent stays counted."""
        self._gone += client.sent_bytes

    def sent(self, clients: Iterable[Counted]) -> int:
        """Bytes sent since the start, to these clients and to those who left."""
        return self._gone + sum(client.sent_bytes for client in clients)

    def tell(self, clients: Iterable[Counted]) -> None:
        """Bring the total for Prometheus up to date."""
        total = self.sent(clients)
        if total > self._told:
            self._out.inc(total - self._told)
            self._told = total
