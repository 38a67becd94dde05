from __future__ import annotations

from collections import Counter
from typing import Any

from tests.realtime.fakes import Bench, message, rule, session, settle, status
from waqtor.kernel.clock import SystemClock
from waqtor.kernel.telemetry import Telemetry
from waqtor.realtime.outgoing import Frame
from waqtor.realtime.traffic import Traffic, Written


class Notes:
    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, int, int]] = []

    def __call__(self, now: int, session: str, direction: str, kind: str, size: int, count: int) -> None:
        self.rows.append((session, direction, kind, size, count))

    def counts(self, direction: str = "out") -> Counter[str]:
        found: Counter[str] = Counter()
        for _, way, kind, _, count in self.rows:
            if way == direction:
                found[kind] += count
        return found


def bench() -> tuple[Bench, Notes]:
    notes = Notes()
    made = Bench(sessions=[session()])
    made.hub._stats.traffic._note = notes
    return made, notes


def prometheus(made: Bench, direction: str) -> float:
    line = f'waqtor_ws_bytes_total{{direction="{direction}"}} '
    return next(float(row[len(line) :]) for row in made.telemetry.text().decode().splitlines() if row.startswith(line))


async def test_bytes_are_counted_per_client_in_total_and_for_prometheus():
    made, _ = bench()
    async with made:
        one, socket = await made.join(names=["message.*"])
        other, _ = await made.join(names=["message.*"])
        assert one.sent_bytes == socket.written > 0
        said: dict[str, Any] = {"type": "ping"}
        made.say(one, said)
        for number in range(3):  # the first puts them in step, the others go the short way
            made.journal.append_now(message(number))
            await settle()
        short = one.sent_bytes - socket.written
        assert short > 0
        socket.flowing.clear()  # falls out of step: nothing is lost or counted twice
        assert one.sent_bytes - socket.written == short
        told = made.hub.monitor()
        assert [client["sent_bytes"] for client in told["clients"]] == [one.sent_bytes, other.sent_bytes]
        total = one.sent_bytes + other.sent_bytes
        assert told["messages"]["bytes_sent"] == made.hub.metrics()["metrics"]["bytes_sent"] == total
        assert told["messages"]["bytes_received"] == len('{"type": "ping"}')
        assert prometheus(made, "out") == total
        assert prometheus(made, "in") == len('{"type": "ping"}')
        await made.hub.disconnect(other)
        assert made.hub.monitor()["messages"]["bytes_sent"] == total
        assert prometheus(made, "out") == total


async def test_every_frame_is_noted_by_its_type():
    made, notes = bench()
    async with made:
        one, socket = await made.join(names=["message.*"])
        await made.join(names=["message.*", "smartbot.*"])
        made.say(one, {"type": "ping"})
        made.say(one, {"type": "what"})
        made.hub.receive(one, "no json")
        made.journal.append_now(message(1), rule(), status())
        await settle()
        assert notes.counts() == {"control": 9, "message.received": 2, "smartbot.rule-updated": 1}
        assert notes.counts("in") == {"ping": 1, "other": 2}
        sizes = {kind: size / count for _, _, kind, size, count in notes.rows if kind == "message.received"}
        (frame,) = socket.of("message.received")
        assert frame["offset"] == 1
        assert 100 < sizes["message.received"] < 1000
        assert {row[0] for row in notes.rows if row[2] == "message.received"} == {"default"}


async def test_missed_events_are_noted_too():
    made, notes = bench()
    async with made:
        await made.join()
        made.journal.append_now(message(1), message(2))
        await settle()
        assert notes.counts()["message.received"] == 0
        one, _ = await made.join()
        made.say(one, {"type": "subscribe", "topics": ["messages"], "since": {"epoch": "epoch-1", "offset": 0}})
        await settle()
        assert notes.counts()["message.received"] == 2


def test_events_that_left_together_are_summed_and_the_sum_is_exact():
    notes = Notes()
    traffic = Traffic(Telemetry(), SystemClock(), notes)
    events = [Written(kind, "shop", Frame(b"x" * 10)) for kind in ("a", "b", "a")]
    traffic.outgoing(events, 9)
    traffic.outgoing(events, 8)  # one client had the first already
    traffic.outgoing(events[:1], 5)
    traffic.outgoing(events, 0)
    assert notes.rows == [
        ("shop", "out", "a", 60, 6), ("shop", "out", "b", 30, 3),
        ("shop", "out", "a", 50, 5), ("shop", "out", "b", 30, 3),
        ("shop", "out", "a", 50, 5),
    ]  # fmt: skip
