from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from waqtor.contracts.commands import OptOut, PauseChat
from waqtor.contracts.events import Event, check, hydrate
from waqtor.errors import ConfigurationError
from waqtor.kernel.clock import FakeClock
from waqtor.kernel.hooks import Answer, Incoming
from waqtor.settings import Settings
from waqtor.smartbot.guard import MemoryGuardState, quiet_hours
from waqtor.smartbot.plugin import SmartBotPlugin
from waqtor.smartbot.service import BotService


class Bench:
    """A bot with a clock of its own, fed with messages of one chat."""

    def __init__(self, settings: Settings) -> None:
        self.clock = FakeClock()
        self.service = BotService(settings, self.clock)
        self.plugin = SmartBotPlugin(self.service, 30)
        self.count = 0

    async def say(self, text: str, **changes: object) -> Answer:
        self.count += 1
        message = Incoming(
            f"m{self.count}", "default", "966500000001", "966500000001", text, {"type": "text", "body": text},
            self.clock.now_us(), push_name="Sara",
        )  # fmt: skip
        answer = await self.plugin.on_message(replace(message, **changes))  # type: ignore[arg-type]
        assert answer is not None
        for event in answer.events:
            check(event)
            assert not {"to", "from", "trigger", "response"} & event.data.keys()
        return answer


@pytest.fixture
async def bench(make_settings: Callable[..., Settings]):  # type: ignore[no-untyped-def]
    made: list[Bench] = []

    async def make(**changes: object) -> Bench:
        made.append(Bench(make_settings(**changes)))
        await made[-1].service.start(watch=False)
        return made[-1]

    yield make
    for one in made:
        await one.service.stop()


def reason(answer: Answer) -> str:
    assert answer.trace is not None
    return str(answer.trace["reason"])


async def test_an_answer_carries_all_that_is_journaled(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench()
    answer = await b.say("where is my order")
    (event,) = answer.events
    assert (event.type, event.subject, event.correlation_id) == ("smartbot.reply", answer.trace_id, "m1")
    data = hydrate(event)
    assert data["to"] == "966500000001"
    assert data["trigger"] == "where is my order"
    assert data["response"] == answer.sends[0].content.body
    assert "Sara" in data["response"]
    assert data["confidence"] == 1.0


async def test_a_handoff_pauses_the_chat_and_the_bot_keeps_to_it(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench()
    answer = await b.say("talk to a human")
    assert [e.type for e in answer.events] == ["smartbot.reply", "smartbot.handoff"]
    (pause,) = answer.controls
    assert isinstance(pause, PauseChat)
    assert pause.minutes == 30
    told = Event(
        "chat.paused", "default", {"reason": "busy", "until": None}, subject="x", personal={"chat_id": "966500000001"}
    )
    await b.plugin.on_event(told)
    silent = await b.say("where is my order")
    assert silent.sends == ()
    assert reason(silent) == "paused: busy"
    stop = await b.say("stop")
    assert stop.sends == ()
    assert isinstance(stop.controls[0], OptOut)
    await b.plugin.on_event(Event("chat.resumed", "default", {}, subject="x", personal={"chat_id": "966500000001"}))
    assert (await b.say("where is my order")).sends


async def test_stale_messages_are_listed_not_answered(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench()
    answer = await b.say("where is my order", timestamp=b.clock.now_us() - 901_000_000)
    assert (answer.sends, reason(answer)) == ((), "stale")
    assert answer.events[0].type == "smartbot.unmatched"


async def test_groups_statuses_edits_and_reactions(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench()
    assert "group" in reason(await b.say("where is my order", is_group=True, chat_id="123456@g.us", mentioned=True))
    assert "status" in reason(await b.say("where is my order", chat_id="status@broadcast"))
    assert "reaction" in reason(await b.say("👍", content={"type": "reaction", "emoji": "👍", "message_id": "x"}))
    assert "edit" in reason(await b.say("stop", content={"type": "other", "kind": "edit", "raw": {}}))
    open_ = await bench(bot_groups=True)
    assert not (await open_.say("where is my order", is_group=True, chat_id="123456@g.us")).sends
    assert (await open_.say("where is my order", is_group=True, chat_id="123456@g.us", mentioned=True)).sends


async def test_loops_end_and_a_redelivery_is_none(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench(bot_loop_limit=3)
    said = [bool((await b.say("where is my order")).sends) for _ in range(5)]
    assert said == [True, True, False, False, False]
    await b.clock.advance(61)
    assert (await b.say("where is my order")).sends
    again = await bench(bot_loop_limit=3)
    assert all([(await again.say("where is my order", message_id="same")).sends for _ in range(6)])
    echo = (await again.say("when do you open")).sends[0].content.body
    assert reason(await again.say(echo)) == "loop"


async def test_the_rate_of_a_chat_is_bounded(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench(bot_rate_per_chat=3)
    texts = ["where is my order", "when do you open", "I want a refund", "track my parcel"]
    assert [bool((await b.say(text)).sends) for text in texts] == [True, True, True, False]
    assert (await b.say("track my parcel", chat_id="966500000009", sender="966500000009")).sends
    await b.clock.advance(61)
    assert (await b.say("track my parcel")).sends


async def test_quiet_hours_and_the_switch(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench(quiet_hours="01:00-02:00", timezone="Asia/Riyadh")
    assert reason(await b.say("where is my order")) == "quiet hours"  # 22:13 UTC is 01:13 there
    await b.clock.advance(3600)
    assert (await b.say("where is my order")).sends
    off = await bench(bot_enabled=False)
    assert reason(await off.say("where is my order")) == "the bot is switched off"
    with pytest.raises(ConfigurationError):
        quiet_hours("late", "Asia/Riyadh")
    night = quiet_hours("22:00-07:00", "UTC")
    assert night is not None
    assert [night.holds(h * 3_600_000_000) for h in (21, 22, 3, 7)] == [False, True, True, False]


async def test_media_without_text_and_pressed_buttons(bench) -> None:  # type: ignore[no-untyped-def]
    b = await bench()
    assert "no text" in reason(await b.say("", content={"type": "image", "media_id": "x"}))
    pressed = await b.say("Talk to us", content={"type": "choice", "id": "human", "title": "Talk to us"})
    assert pressed.trace is not None
    assert (pressed.trace["decision"], pressed.trace["stage"]) == ("handoff", "button")
    asked = await b.say("Opening hours", content={"type": "choice", "id": "rule:hours", "title": "x"})
    assert asked.trace is not None
    assert asked.trace["rule_id"] == "hours"
    none = await b.say("Something else", content={"type": "choice", "id": "clarify:none", "title": "Something else"})
    assert none.trace is not None
    assert none.trace["decision"] == "handoff"


def test_memory_is_bounded() -> None:
    state = MemoryGuardState(capacity=100)
    for i in range(1000):
        state.repeats(("s", str(i)), "m", "x", 0)
    assert len(state) == 100
