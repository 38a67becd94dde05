from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from waqtor.contracts.events import Event
from waqtor.errors import NotFound
from waqtor.kernel.bus import Bus


@dataclass
class Greet:
    name: str


async def test_subscribers_get_their_type_their_prefix_or_all():
    bus, heard = Bus(), []
    for pattern in ("message.sent", "message.*", "*", "session.*", "message"):
        bus.subscribe(pattern, lambda event, pattern=pattern: heard.append((pattern, event.type)))
    await bus.publish(Event("message.sent", "s", {}))
    await bus.publish(Event("metrics", "", {}))
    assert heard == [
        ("message.sent", "message.sent"), ("message.*", "message.sent"), ("*", "message.sent"), ("*", "metrics"),
    ]  # fmt: skip


async def test_a_failing_handler_harms_nobody_and_is_counted():
    bus, heard = Bus(), []

    async def late(event) -> None:
        await asyncio.sleep(0)
        heard.append("late")

    async def broken(event) -> None:
        raise ValueError("broken")

    bus.subscribe("*", lambda event: 1 / 0)
    bus.subscribe("*", broken)
    bus.subscribe("*", late)
    await bus.publish(Event("metrics", "", {}))
    assert heard == ["late"]
    assert bus.failures == 2


async def test_a_cancelled_publication_is_cancelled():
    bus = Bus()
    bus.subscribe("*", lambda event: asyncio.sleep(30))
    task = asyncio.create_task(bus.publish(Event("metrics", "", {})))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_subscriptions_end_also_while_an_event_is_told():
    bus, heard = Bus(), []

    def once(event) -> None:
        heard.append("once")
        stop()
        stop()

    stop = bus.subscribe("*", once)
    bus.subscribe("*", lambda event: heard.append("always"))
    await bus.publish(Event("metrics", "", {}))
    await bus.publish(Event("metrics", "", {}))
    assert heard == ["once", "always", "always"]


async def test_a_command_has_one_handler_whose_errors_are_raised():
    bus = Bus()

    async def greet(command: Greet) -> str:
        if not command.name:
            raise ValueError("nobody")
        return f"hello {command.name}"

    bus.handle(Greet, greet)
    assert await bus.dispatch(Greet("Sara")) == "hello Sara"
    with pytest.raises(ValueError, match="nobody"):
        await bus.dispatch(Greet(""))
    with pytest.raises(ValueError, match="already"):
        bus.handle(Greet, greet)
    with pytest.raises(NotFound):
        await bus.dispatch("unknown")
