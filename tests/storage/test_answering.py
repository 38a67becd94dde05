from __future__ import annotations

import asyncio

import pytest

from tests.storage.test_inbound import inbound
from waqtor.contracts.commands import OptIn, OptOut, PauseChat, ResumeChat
from waqtor.contracts.events import Event, check, hydrate
from waqtor.messaging.ports import REPLY, Draft, Reply
from waqtor.storage.archive import SqlArchive
from waqtor.storage.journal import SqlJournal

CHAT = "966501234567"


def decision(message_id: str, plugin: str = "smartbot", parts: int = 1, trace: str = "T1", **more) -> Reply:
    drafts = tuple(
        Draft(
            "default", f"reply:{message_id}:{plugin}:{part}", CHAT, {"type": "text", "body": f"{plugin} {part}"},
            priority=REPLY, cause="reply", cause_id=message_id,
        )
        for part in range(parts)
    )  # fmt: skip
    given = {"events": (reply_event(message_id, trace),) if parts else (silent_event(message_id, trace),), **more}
    return Reply(
        message_id, "default", CHAT, plugin, drafts, trace_id=trace,
        trace={"decision": "answer" if parts else "silent", "rule_id": "hours", "confidence": 0.9, "language": "ar",
               "reason": "sure", "revision": "r1", "text": "متى تفتحون؟"}, **given,
    )  # fmt: skip


def reply_event(message_id: str, trace: str) -> Event:
    data = {
        "message_id": message_id, "rule_id": "hours", "confidence": 0.9, "language": "ar", "stage": "exact",
        "trace_id": trace, "revision": "r1",
    }  # fmt: skip
    return Event(
        "smartbot.reply", "default", data, correlation_id=message_id, subject=trace,
        personal={"to": CHAT, "trigger": "متى تفتحون؟", "response": "٩ صباحًا"},
    )  # fmt: skip


def silent_event(message_id: str, trace: str) -> Event:
    data = {"message_id": message_id, "reason": "unsure", "language": "ar", "trace_id": trace, "revision": "r1"}
    return Event("smartbot.unmatched", "default", data, subject=trace, personal={"from": CHAT, "trigger": "؟"})


async def names(store, after: int = 1) -> list[str]:
    return [e.type for e in await store.journal.read(after, 1000)]


@pytest.fixture
async def message_id(ledger) -> str:
    return (await ledger.accept(inbound()))[0]


async def test_a_reply_is_committed_with_its_event_and_trace(store, ledger, message_id):
    queued = await ledger.reply(decision(message_id, parts=3))
    assert [q.fresh for q in queued] == [True] * 3
    assert [p.message_id for p in await ledger.queue("default", "", 9)] == [q.message_id for q in queued]
    assert await names(store) == ["smartbot.reply"]
    archive = SqlArchive(store)
    assert (await archive.trace("T1"))["text"] == "متى تفتحون؟"
    [entry] = await archive.history()
    assert (entry.trigger, entry.response, entry.rule_id) == ("متى تفتحون؟", "٩ صباحًا", "hours")
    near = hydrate((await store.journal.read(1, 9))[0])
    far = hydrate((await SqlJournal(store).read(1, 9))[0])
    assert near == far
    [chat] = await archive.chats()
    assert (chat.last_direction, chat.unread) == ("out", 0)


async def test_the_first_plugin_wins_and_the_second_is_journaled_as_suppressed(store, ledger, message_id):
    first = await ledger.reply(decision(message_id, "a", trace="T1"))
    second = await ledger.reply(decision(message_id, "b", trace="T2"))
    assert first is not None
    assert second is None
    assert await ledger.reply(decision(message_id, "b", trace="T3")) is None
    assert await names(store) == ["smartbot.reply", "plugin.suppressed"]
    data = (await store.journal.read(1, 9))[1].data
    assert data == {"message_id": message_id, "plugin": "b", "winner": "a"}
    assert len(await ledger.queue("default", "", 9)) == 1
    assert await SqlArchive(store).trace("T2") is None


async def test_ten_plugins_at_once_send_one_reply(store, ledger, message_id):
    answers = await asyncio.gather(*(ledger.reply(decision(message_id, f"p{i}", trace=f"T{i}")) for i in range(10)))
    assert sum(answer is not None for answer in answers) == 1
    assert len(await ledger.queue("default", "", 9)) == 1
    assert sorted(await names(store)) == ["plugin.suppressed"] * 9 + ["smartbot.reply"]


async def test_a_decision_that_comes_again_is_not_taken_again(store, ledger, message_id):
    """After a crash the plugin is asked again and may decide anew, or the very same decision is handed in twice."""
    given = decision(message_id, parts=2)
    assert await ledger.reply(given) is not None
    assert await ledger.reply(given) is None
    assert await ledger.reply(decision(message_id, parts=1, trace="T9")) is None
    assert await ledger.reply(decision(message_id, parts=0, trace="T9")) is None
    assert len(await ledger.queue("default", "", 9)) == 2
    assert await names(store) == ["smartbot.reply"]


async def test_the_same_decision_twice_in_one_group_is_taken_once(store, ledger, message_id):
    answers = await asyncio.gather(*(ledger.reply(decision(message_id)) for _ in range(5)))
    assert sum(answer is not None for answer in answers) == 1
    assert len(await ledger.queue("default", "", 9)) == 1
    assert await names(store) == ["smartbot.reply"]


async def test_a_silent_decision_is_journaled_once_and_leaves_room_for_another_plugin(store, ledger, message_id):
    assert await ledger.reply(decision(message_id, "quiet", parts=0, trace="T1")) == []
    assert await ledger.reply(decision(message_id, "quiet", parts=0, trace="T2")) is None
    assert await ledger.reply(decision(message_id, "quiet", parts=1, trace="T3")) is None, "the first decision stands"
    assert await ledger.reply(decision(message_id, "other", parts=1, trace="T4")) is not None
    assert await names(store) == ["smartbot.unmatched", "smartbot.reply"]
    history = await SqlArchive(store).history()
    assert {(h.trace_id, h.decision) for h in history} == {("T1", "silent"), ("T4", "answer")}


async def test_controls_are_carried_out_with_the_reply(store, ledger, message_id):
    controls = (PauseChat(chat_id=CHAT, reason="wants a \0person"), OptOut(contact=CHAT))
    [queued] = await ledger.reply(decision(message_id, controls=controls))
    assert await names(store) == ["smartbot.reply", "chat.paused", "contact.opted-out"]
    [chat] = await SqlArchive(store).chats()
    assert (chat.bot_paused, chat.bot_paused_reason) == (True, "wants a \ufffdperson")
    [pending] = await ledger.queue("default", "", 9)
    assert pending.message_id == queued.message_id
    assert (await ledger.grant(pending)).state == "go", "the pause does not stop the words that announce it"
    assert await store.rows("SELECT contact FROM opt_outs") == [(CHAT,)]


async def test_controls_of_a_loser_are_not_carried_out(store, ledger, message_id):
    await ledger.reply(decision(message_id, "a"))
    await ledger.reply(decision(message_id, "b", trace="T2", controls=(OptOut(contact=CHAT),)))
    assert await store.rows("SELECT contact FROM opt_outs") == []


async def test_an_impossible_control_undoes_the_whole_decision_and_harms_no_other(store, ledger, message_id):
    other_id, _ = await ledger.accept(inbound("p2"))
    results = await asyncio.gather(
        ledger.reply(decision(message_id, controls=(ResumeChat(chat_id=CHAT),))),
        ledger.reply(decision(other_id, trace="T2", controls=(OptIn(contact=CHAT),))),
        return_exceptions=True,
    )
    assert isinstance(results[0], TypeError)
    assert len(results[1]) == 1
    assert [p.cause_id for p in await ledger.queue("default", "", 9)] == [other_id]
    assert await names(store, after=2) == ["smartbot.reply"]
    assert len(await ledger.reply(decision(message_id))) == 1, "it may be tried again"


async def test_personal_fields_of_a_plugins_own_event_are_kept(store, ledger, message_id):
    event = Event("contact.opted-in", "default", {"source": "plugin"}, subject="own", personal={"contact": CHAT})
    await ledger.reply(decision(message_id, events=(event,)))
    [stored] = await SqlJournal(store).read(1, 9)
    assert hydrate(stored) == {"source": "plugin", "contact": CHAT}


async def test_every_event_of_a_busy_day_fits_its_model(store, ledger, message_id):
    from tests.storage.test_outbound import draft, outcome
    from waqtor.contracts.event_data import ClientInfo
    from waqtor.messaging.ports import Receipt, SessionReport

    await ledger.reply(decision(message_id, controls=(PauseChat(chat_id=CHAT, minutes=5), OptOut(contact=CHAT))))
    await ledger.resume_chat("default", CHAT)
    await ledger.consent("default", OptIn(contact=CHAT))
    for i, state in enumerate(("sent", "failed", "in_doubt")):
        await ledger.enqueue(draft(f"k{i}"))
        [pending] = [p for p in await ledger.queue("default", "", 99) if p.cause == "api"]
        await ledger.grant(pending)
        await ledger.settle(outcome(pending, state, error_code="1", error_reason="r"))
        if state == "sent":
            for status in ("delivered", "failed", "read"):
                await ledger.receipt(Receipt("default", f"wamid.{pending.message_id}", status, 1))
    await ledger.enqueue(draft("late", not_after=1))
    [late] = [p for p in await ledger.queue("default", "", 99) if p.not_after == 1]
    assert (await ledger.grant(late)).state == "skipped"
    info = ClientInfo(platform="android", phone_number="966500000000", name="Shop")
    await ledger.session_changed(SessionReport("default", "ready", client_info=info), "simulator")
    await ledger.session_changed(SessionReport("default", "disconnected", reason="\0gone", qr="secret"))
    events = await SqlJournal(store).read(0, 1000)
    for event in events:
        check(event)
    assert {e.type for e in events} >= {
        "message.received", "smartbot.reply", "chat.paused", "chat.resumed", "contact.opted-out", "contact.opted-in",
        "message.sent", "message.delivered", "message.read", "message.failed", "message.in_doubt", "session.status",
    }  # fmt: skip
    dump = str(await store.rows("SELECT data FROM journal"))
    assert CHAT not in dump, "journal rows hold no address"
    assert "secret" not in dump
