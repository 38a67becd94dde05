from __future__ import annotations

import asyncio
import types

import pytest
from structlog.testing import capture_logs

from waqtor.contracts.events import Event
from waqtor.errors import NotFound
from waqtor.kernel import plugins as module
from waqtor.kernel.hooks import Answer, Incoming, hookimpl
from waqtor.kernel.plugins import PluginManager
from waqtor.kernel.telemetry import Telemetry

MESSAGE = Incoming("m1", "default", "966501234567", "966501234567", "secret words", {"type": "text"}, 1)


class Plugin:
    version = "1.2"

    def __init__(self, name: str, answer=None, **attributes) -> None:
        self.name = name
        self.answer = answer
        self.heard: list[str] = []
        for key, value in attributes.items():
            setattr(self, key, value)

    @hookimpl
    async def on_load(self, context):
        self.heard.append("load")
        if self.answer == "bad load":
            raise RuntimeError("no")

    @hookimpl
    def on_unload(self):
        self.heard.append("unload")

    @hookimpl
    async def on_message(self, message):
        self.heard.append("message")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @hookimpl
    def on_session_change(self, session, status):
        self.heard.append(f"{session} {status}")

    @hookimpl
    def commands(self):
        if self.answer == "bad commands":
            raise RuntimeError("no")
        return {"hello": lambda: self.name}


def manager(*plugins, **more) -> PluginManager:
    made = PluginManager(Telemetry(), **more)
    for plugin in plugins:
        made.register(plugin)
    return made


async def answers(given: PluginManager) -> list[str]:
    return [entry.name async for entry, _ in given.answers(MESSAGE)]


async def test_they_are_asked_in_order_of_priority_then_name():
    plugins = [Plugin(n, Answer(), priority=p) for n, p in (("z", 1), ("b", 50), ("a", 50))]
    made = manager(*plugins, Plugin("default", Answer()))
    made.register(Plugin("pushed", Answer(), priority=99), priority=2)
    assert await answers(made) == ["z", "pushed", "a", "b", "default"]


async def test_a_failing_plugin_is_counted_and_the_others_are_asked():
    bad = Plugin("bad", ValueError("oops"), priority=1)
    made = manager(bad, Plugin("good", Answer(), priority=2))
    assert await answers(made) == ["good"]
    assert await answers(made) == ["good"]
    [entry] = [e for e in made.loaded if e.name == "bad"]
    assert (entry.failures, entry.last_error, entry.enabled) == (2, "ValueError: oops", True)
    assert made._telemetry.values()["waqtor_plugin_failures_total{plugin=bad}"] == 2


@pytest.mark.parametrize("wrong", ["text", 7, {"sends": ()}, [Answer()], False])
async def test_what_is_no_answer_is_a_failure(wrong):
    made = manager(Plugin("wrong", wrong), Plugin("good", Answer()))
    assert await answers(made) == ["good"]
    [entry] = [e for e in made.loaded if e.name == "wrong"]
    assert "not Answer" in entry.last_error


async def test_a_plugin_that_fails_on_load_is_switched_off():
    bad, good = Plugin("bad", "bad load"), Plugin("good", Answer())
    made = manager(bad, good)
    await made.load(context=None)
    assert {e.name: e.enabled for e in made.loaded} == {"bad": False, "good": True}
    assert await answers(made) == ["good"]
    await made.session_changed("default", "ready")
    await made.unload()
    assert good.heard == ["load", "message", "default ready", "unload"]
    assert bad.heard == ["load"]


async def test_a_plugin_can_be_switched_off_and_on():
    made = manager(Plugin("p", Answer()))
    made.switch("p", False)
    assert await answers(made) == []
    assert made.collect("commands") == []
    made.switch("p", True)
    assert await answers(made) == ["p"]
    with pytest.raises(NotFound):
        made.switch("unknown", True)


def test_a_disabled_plugin_is_not_loaded():
    assert manager(Plugin("off"), Plugin("on"), disabled=("off",)).loaded[0].name == "on"


@pytest.mark.parametrize("name", ["", None, 7, "taken"])
def test_a_plugin_needs_a_name_of_its_own(name):
    made = manager(Plugin("taken"))
    with pytest.raises(ValueError, match="name of its own"):
        made.register(Plugin(name))


async def test_the_trace_switch_shows_calls_and_is_off_by_default():
    with capture_logs() as logs:
        await answers(manager(Plugin("p", Answer())))
    assert "secret words" not in str(logs)
    with capture_logs() as logs:
        await answers(manager(Plugin("p", Answer()), trace=True))
    [call] = [entry for entry in logs if entry["event"] == "plugin.call"]
    assert (call["plugin"], call["hook"]) == ("p", "on_message")
    assert "secret words" in call["arguments"]


async def test_modules_plain_functions_and_fewer_arguments_do():
    plain = types.ModuleType("plain")
    plain.name = "plain"

    @hookimpl
    def on_message():
        return Answer()

    plain.on_message = on_message
    assert await answers(manager(plain)) == ["plain"]


async def test_listeners_get_events_and_their_failures_are_raised():
    heard = []

    class Listener(Plugin):
        @hookimpl
        async def on_event(self, event):
            heard.append(event.type)
            if event.type == "metrics":
                raise RuntimeError("cannot")

    made = manager(Listener("ear"), Plugin("deaf"))
    [entry] = made.listeners()
    await made.event(entry, Event("message.sent", "s", {}))
    with pytest.raises(RuntimeError, match="cannot"):
        await made.event(entry, Event("metrics", "", {}))
    assert heard == ["message.sent", "metrics"]
    assert entry.failures == 1


def test_a_plugin_may_name_the_events_that_it_wants():
    made = manager(Plugin("some", events=("message.sent",)), Plugin("all"))
    assert {entry.name: entry.events for entry in made.loaded} == {"some": frozenset({"message.sent"}), "all": None}
    with pytest.raises(ValueError, match=r"do not exist: message\.sendt"):
        made.register(Plugin("typo", events=("message.sendt", "message.sent")))


def test_commands_are_collected_past_a_failing_plugin():
    made = manager(Plugin("bad", "bad commands"), Plugin("good"))
    [(entry, commands)] = made.collect("commands")
    assert (entry.name, commands["hello"]()) == ("good", "good")
    assert made.collect("routes") == []


class EntryPoint:
    def __init__(self, name: str, target) -> None:
        self.name = name
        self.target = target

    def load(self):
        if isinstance(self.target, Exception):
            raise self.target
        return self.target


def test_entry_points_are_found_and_broken_ones_left_out(monkeypatch):
    class Found(Plugin):
        def __init__(self) -> None:
            super().__init__("found")

    entries = [
        EntryPoint("a", ImportError("missing")), EntryPoint("b", Found), EntryPoint("c", Plugin("object")),
        EntryPoint("d", Found), EntryPoint("e", lambda: None),
    ]  # fmt: skip
    monkeypatch.setattr(module, "entry_points", lambda group: entries if group == "waqtor.plugins" else [])
    made = PluginManager(Telemetry())
    made.discover()
    assert [entry.name for entry in made.loaded] == ["found", "object"]


async def test_a_cancelled_call_is_no_failure():
    made = manager(Plugin("slow"))

    class Slow(Plugin):
        @hookimpl
        async def on_message(self, message):
            await asyncio.sleep(30)

    made = manager(Slow("slow"))
    task = asyncio.create_task(answers(made))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert made.loaded[0].failures == 0


async def test_a_plugin_that_hangs_is_given_up_on(monkeypatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)

    class Hanging(Plugin):
        @hookimpl
        async def on_message(self, message):
            await asyncio.Event().wait()

    given = manager(Hanging("slow", priority=1), Plugin("quick", Answer(), priority=2))
    assert await answers(given) == ["quick"]
    assert given.loaded[0].failures == 1
    assert "TimeoutError" in given.loaded[0].last_error
