"""The clients that want exactly the same event types, and the short way to those of them that are in step."""

from __future__ import annotations

from collections.abc import Callable

from waqtor.realtime.connection import Connection
from waqtor.realtime.outgoing import Chunk

Write = Callable[[bytes], object]
"""Takes bytes that are ready for the network."""


class Audience:
    """Clients with the same wishes.

    A client is in step when it got everything so far, nothing waits for it, and its socket takes bytes as they are.
    Such a client costs one call per event: what the event changed is noted once, here, and is written down in the
    client when it falls out of step. The others are served one by one and fall in again as soon as they can.

    Args:
        types: The event types that they want.
        position: The offset up to which live events have been fanned out.
        most: Bytes that a socket certainly takes while it does not pause.
    """

    __slots__ = ("_most", "_others", "_position", "_step", "_writes", "bytes", "frames", "last", "types")

    def __init__(self, types: frozenset[str], position: Callable[[], int], most: int) -> None:
        self.types = types
        self.last = 0
        """Offset of the last journaled event handed out."""
        self.frames = 0
        """Frames handed out to each client in step."""
        self.bytes = 0
        """Bytes written to each client in step."""
        self._position = position
        self._most = most
        self._step: dict[Connection, Write] = {}
        self._others: dict[Connection, None] = {}
        self._writes: tuple[Write, ...] = ()

    def __len__(self) -> int:
        return len(self._step) + len(self._others)

    @property
    def in_step(self) -> int:
        """How many go the short way."""
        return len(self._step)

    def add(self, connection: Connection) -> None:
        """Take a client; it is out of step until it has been handed something."""
        self._others[connection] = None

    def remove(self, connection: Connection) -> None:
        """Let go of a client."""
        self.fall_out(connection)
        self._others.pop(connection, None)

    def fall_out(self, connection: Connection) -> None:
        """Serve a client singly from now on, because something about it is no longer ordinary."""
        if self._step.pop(connection, None) is not None:
            self._writes = ()
            self._others[connection] = None
            connection.fell_out()

    def hand(self, chunk: Chunk) -> int:
        """Give a chunk to everybody; returns how many frames that made altogether."""
        reached = 0
        if chunk.size > self._most:
            for connection in tuple(self._step):
                self.fall_out(connection)
        others = tuple(self._others)
        self.last = chunk.last or self.last
        self.frames += len(chunk.frames)
        if self._step:
            writes = self._writes = self._writes or tuple(self._step.values())
            wire = chunk.wire
            self.bytes += len(wire)
            for write in writes:
                try:
                    write(wire)
                except (RuntimeError, OSError):  # broken a moment ago: its socket is about to say so
                    continue
            reached = len(writes) * len(chunk.frames)
        for connection in others:
            reached += connection.serve(chunk)
            self._fall_in(connection)
        return reached

    def _fall_in(self, connection: Connection) -> None:
        write = connection.direct
        if write is not None and connection.delivered <= max(self.last, self._position()):
            del self._others[connection]
            self._step[connection] = write
            self._writes = ()
            connection.fell_in(self)
