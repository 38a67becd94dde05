"""Watching the hub from beside it: how fast clients answer pings, and what waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.connection import Connection

EVERY_S: Final = 1.0


class Heartbeats:
    """Notes pongs and sets the hub's gauges.

    Args:
        connections: The connected clients.
        telemetry: Where it goes.
        behind: How many journaled events the clients have not been handed yet.
    """

    def __init__(
        self,
        connections: Callable[[], Sequence[Connection]],
        telemetry: Telemetry,
        behind: Callable[[], int] = lambda: 0,
    ) -> None:
        self._connections = connections
        self._telemetry = telemetry
        self._behind = behind
        self._seen: dict[str, int] = {}
        telemetry.refresh(self.gauge)

    async def run(self) -> None:
        """Look for new pongs every second."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.look()

    def look(self) -> None:
        """Note the pongs that came since the last look; a client is pinged more rarely than we look."""
        seen: dict[str, int] = {}
        for connection in self._connections():
            at = connection.socket.last_pong
            seen[connection.id] = at
            if at and at != self._seen.get(connection.id, 0):
                self._telemetry.ws_pong_seconds.observe(connection.socket.last_ping_rtt)
        self._seen = seen

    def gauge(self) -> None:
        """Set the gauges to what is so now."""
        total = most = dead = overloaded = 0
        for connection in self._connections():
            size = connection.buffered
            total += size
            most = max(most, size)
            dead += connection.closing is not None or not connection.socket.alive
            overloaded += connection.behind
        t = self._telemetry
        t.ws_buffered.set(total)
        t.ws_buffered_most.set(most)
        t.ws_dead.set(dead)
        t.ws_overloaded.set(overloaded)
        t.ws_behind.set(self._behind())
