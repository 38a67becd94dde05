"""The ephemeral events that tell how things go: ``session.stats`` and ``metrics``, for whoever listens now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from waqtor.contracts.events import Event
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import Clock
from waqtor.kernel.telemetry import Telemetry

RATES_S: Final = 60.0
_Counted = dict[str, float]


class Statistics:
    """Publishes the figures of each session, and all metrics.

    Args:
        telemetry: Where the figures come from.
        bus: Where they go.
        clock: Time.
        sessions: The names of the sessions.
        interval: Seconds between two tellings.
    """

    def __init__(
        self, telemetry: Telemetry, bus: Bus, clock: Clock, sessions: Callable[[], Iterable[str]], interval: float
    ) -> None:
        self._telemetry = telemetry
        self._bus = bus
        self._clock = clock
        self._sessions = sessions
        self._interval = interval
        self._past: deque[tuple[float, _Counted]] = deque([(clock.monotonic(), {})])

    async def run(self) -> None:
        """Tell at every interval, for ever."""
        while True:
            await self._clock.sleep(self._interval)
            await self.tell()

    async def tell(self) -> None:
        """Publish the present figures."""
        values, now = self._telemetry.values(), self._clock.monotonic()
        while len(self._past) > 1 and now - self._past[1][0] >= RATES_S:
            self._past.popleft()
        at, before = self._past[0]
        seconds = max(now - at, 0.001)
        for name in self._sessions():
            received = f"waqtor_messages_received_total{{session={name}}}"
            sent = f"waqtor_sends_total{{session={name},outcome=sent}}"
            data = {
                "received": int(values.get(received, 0)),
                "sent": int(values.get(sent, 0)),
                "failed": int(values.get(f"waqtor_sends_total{{session={name},outcome=failed}}", 0)),
                "queued": int(values.get(f"waqtor_send_queue{{session={name}}}", 0)),
                "received_rate": round((values.get(received, 0) - before.get(received, 0)) / seconds, 3),
                "sent_rate": round((values.get(sent, 0) - before.get(sent, 0)) / seconds, 3),
            }
            await self._bus.publish(Event("session.stats", name, data, created=self._clock.now_us()))
        self._past.append((now, values))
        told = {name: value for name, value in values.items() if not name.startswith("waqtor_http_")}
        await self._bus.publish(Event("metrics", "", {"values": told}, created=self._clock.now_us()))
