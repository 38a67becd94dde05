from __future__ import annotations

import asyncio

import pytest

from waqtor.contracts.commands import OptOut, PauseChat, ResumeChat, Send
from waqtor.contracts.events import Event
from waqtor.contracts.messages import ButtonsContent, InboundMessage, ReactionContent, ReplyButton, TextContent
from waqtor.contracts.wire import iso
from waqtor.kernel.clock import SystemClock
from waqtor.kernel.hooks import Answer, hookimpl
from waqtor.kernel.plugins import PluginManager
from waqtor.kernel.telemetry import Telemetry
from waqtor.messaging.answering import Answerer, incoming
from waqtor.messaging.inbox import Inbox
from waqtor.messaging.ports import Receipt
from waqtor.storage.archive import SqlArchive

CHAT = "966501234567"


class Plugin:
    """Answers with whatever it was given."""

    version = "1"

    def __init__(self, name: str, answer, priority: int = 100) -> None:
        self.name = name
        self.answer = answer
        self.priority = priority
        self.seen: list = []

    @hookimpl
    async def on_message(self, message):
        self.seen.append(message)
        return self.answer(message) if callable(self.answer) else self.answer


def says(*texts: str, to: str = CHAT, **more) -> Answer:
    return Answer(tuple(Send(to=to, content=TextContent(body=text)) for text in texts), **more)


async def asked(ledger, *plugins: Plugin):
    """Hand one message in and let the plugins answer it; returns their manager and what was offered to the sender."""
    manager = PluginManager(Telemetry())
    for plugin in plugins:
        manager.register(plugin)
    offered: list = []
    message = InboundMessage(
        session="default", message_id="p1", sender=CHAT, chat_id=CHAT, content=TextContent(body="متى تفتحون؟ 🕘"),
        timestamp=1_700_000_000_123_456, push_name="سارة", quoted_id="q", mentioned=True,
    )  # fmt: skip
    await ledger.accept(message)
    answerer = Answerer(manager, ledger, SystemClock(), expiry=600.0, offer=offered.append)
    [event] = await ledger._store.journal.read(0, 1)
    await answerer(event)
    return manager, offered, answerer, event


def bodies(offered) -> list[str]:
    return [pending.content["body"] for pending in offered]


async def test_the_first_answer_in_order_of_priority_wins(ledger):
    plugins = [Plugin("late", says("late"), 90), Plugin("early", says("one", "two"), 10), Plugin("silent", None, 1)]
    manager, offered, _, _ = await asked(ledger, *plugins)
    assert bodies(offered) == ["one", "two"]
    assert [p.cause for p in offered] == ["reply", "reply"]
    assert all(p.not_after > SystemClock().now_us() + 500_000_000 for p in offered)
    suppressed = (await ledger._store.journal.read(1, 9))[0]
    assert (suppressed.type, suppressed.data["plugin"], suppressed.data["winner"]) == (
        "plugin.suppressed",
        "late",
        "early",
    )
    assert [len(p.seen) for p in plugins] == [1, 1, 1]
    assert all(p.failures == 0 for p in manager.loaded)


async def test_a_plugin_sees_the_message_as_it_came(ledger):
    plugin = Plugin("p", None)
    await asked(ledger, plugin)
    [message] = plugin.seen
    assert (message.body, message.sender, message.chat_id, message.push_name) == ("متى تفتحون؟ 🕘", CHAT, CHAT, "سارة")
    assert message.mentioned
    assert abs(message.timestamp - 1_700_000_000_123_000) <= 1
    assert message.offset == 1


async def test_an_event_that_comes_again_is_not_answered_again(ledger):
    _, offered, answerer, event = await asked(ledger, Plugin("p", lambda m: says("hi")))
    await asyncio.gather(*(answerer(event) for _ in range(5)))
    assert bodies(offered) == ["hi"]


@pytest.mark.parametrize(
    "bad",
    [
        "not an answer",
        says("x", to="nobody"),
        Answer(sends=("text",)),
        Answer(sends=None),
        says("x", events=(Event("no.such", "default", {}),)),
        says("x", events=(Event("session.qr", "default", {"qr": "q", "timestamp": ""}),)),
        says("x", events=(Event("chat.paused", "default", {"wrong": 1}),)),
        says("x", controls=(ResumeChat(chat_id=CHAT),)),
        lambda m: 1 / 0,
    ],
    ids=["type", "address", "sends", "none", "unknown event", "ephemeral event", "wrong event", "control", "raises"],
)
async def test_a_bad_answer_is_its_plugins_failure_and_the_next_one_answers(ledger, bad):
    manager, offered, _, _ = await asked(ledger, Plugin("bad", bad, 1), Plugin("good", says("fine"), 2))
    assert bodies(offered) == ["fine"]
    assert {p.name: p.failures for p in manager.loaded} == {"bad": 1, "good": 0}
    assert [e.type for e in await ledger._store.journal.read(1, 9)] == []


async def test_addresses_are_made_canonical_and_any_content_goes(ledger):
    content = ButtonsContent(body="?", buttons=(ReplyButton(id="y", title="نعم"),))
    answer = Answer((Send(to="+966 50-123-4567", content=content),))
    _, [pending], _, _ = await asked(ledger, Plugin("p", answer))
    assert pending.to == CHAT
    assert pending.content["buttons"] == [{"id": "y", "title": "نعم"}]


async def test_a_quoting_reply_names_the_providers_id(ledger):
    def quoting(message):
        return Answer((Send(to=CHAT, content=TextContent(body="x"), quoted_message_id=message.message_id),))

    _, [pending], _, _ = await asked(ledger, Plugin("p", quoting))
    assert pending.quoted_provider_id == "p1"


async def test_controls_alone_are_a_silent_decision(ledger):
    controls = (PauseChat(chat_id=CHAT), OptOut(contact=CHAT))
    _, offered, _, _ = await asked(ledger, Plugin("p", Answer(controls=controls)))
    assert offered == []
    assert [e.type for e in await ledger._store.journal.read(1, 9)] == ["chat.paused", "contact.opted-out"]


async def test_an_erased_message_is_not_shown_to_plugins(ledger):
    plugin = Plugin("p", says("x"))
    _, _, answerer, event = await asked(ledger, plugin)
    event.personal = None
    await answerer(event)
    assert len(plugin.seen) == 1
    assert incoming(event) is None


async def test_the_inbox_counts_and_stores(ledger):
    telemetry = Telemetry()
    reports: list = []

    async def report(given) -> None:
        reports.append(given)

    inbox = Inbox(ledger, telemetry, report)
    message = InboundMessage(
        session="default", message_id="p1", sender=CHAT, chat_id=CHAT, content=TextContent(body="x"), timestamp=1
    )
    for _ in range(3):
        await inbox.message(message)
    await inbox.receipts([Receipt("default", "unknown", "read", 1)])
    await inbox.report("ready")
    values = telemetry.values()
    assert values["waqtor_messages_received_total{session=default}"] == 1
    assert values["waqtor_messages_duplicate_total{session=default}"] == 2
    assert reports == ["ready"]


async def test_what_is_typed_on_the_phone_takes_the_chat_over_but_a_reaction_does_not(ledger):
    async def report(given) -> None:
        raise AssertionError(given)

    telemetry = Telemetry()
    inbox = Inbox(ledger, telemetry, report, handoff_minutes=30.0)
    archive = SqlArchive(ledger._store)
    typed = {"session": "default", "sender": "966500000000", "chat_id": CHAT, "from_me": True}
    now = SystemClock().now_us()
    thumb = ReactionContent(message_id="p1", emoji="👍")
    await inbox.message(InboundMessage(**typed, message_id="r", content=thumb, timestamp=now))
    assert not (await archive.chats())[0].bot_paused
    for _ in range(2):
        message = InboundMessage(**typed, message_id="t", content=TextContent(body="I'll take this"), timestamp=now)
        await inbox.message(message)
    chat = (await archive.chats())[0]
    assert chat.bot_paused
    assert chat.bot_paused_until == iso(now + 30 * 60_000_000)
    assert telemetry.values()["waqtor_messages_duplicate_total{session=default}"] == 1
    assert [e.type for e in await ledger._store.journal.read(0, 9)] == ["message.sent", "message.sent", "chat.paused"]
