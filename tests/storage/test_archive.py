from __future__ import annotations

import pytest

from tests.storage.test_answering import CHAT, decision
from tests.storage.test_inbound import AT, inbound
from tests.storage.test_outbound import draft, outcome, queued
from waqtor.contracts.commands import PauseChat
from waqtor.contracts.ids import ulid_floor, ulid_ms
from waqtor.contracts.messages import ChoiceContent
from waqtor.contracts.views import HistoryFilter
from waqtor.kernel.clock import FakeClock
from waqtor.storage.archive import SqlArchive
from waqtor.storage.ledger import SqlLedger

HOUR = 3_600_000_000


@pytest.fixture
def archive(store) -> SqlArchive:
    return SqlArchive(store)


async def test_messages_come_newest_first_and_page_without_gap_or_repeat(ledger, archive):
    for i in range(25):
        await ledger.accept(inbound(f"p{i}", body=f"m{i}"))
    seen, before = [], None
    while page := await archive.messages(before=before, limit=7):
        seen += [view.body for view in page]
        before = page[-1].message_id
    assert seen == [f"m{i}" for i in reversed(range(25))]


async def test_filters_narrow_together(ledger, archive):
    await ledger.accept(inbound("p1", body="in"))
    await ledger.accept(inbound("p2", body="elsewhere", session="other"))
    await ledger.accept(inbound("p3", body="another chat", chat_id="966599999999"))
    sent = await queued(ledger, draft("k1"))
    await ledger.grant(sent)
    await ledger.settle(outcome(sent))
    await ledger.enqueue(draft("k2"))

    async def bodies(**given) -> list[str]:
        return [view.body for view in await archive.messages(**given)]

    assert await bodies(direction="in", session="default", chat_id=CHAT) == ["in"]
    assert await bodies(status="sent") == ["مرحبا"]
    assert len(await bodies(direction="out")) == 2
    assert await bodies(session="none") == []
    counts = await archive.counts("default")
    assert (counts["in:received"], counts["out:sent"], counts["out:queued"], counts["journal"]) == (2, 1, 1, 3)
    assert (await archive.counts())["event:message.received"] == 3


async def test_search_finds_what_a_person_sees_and_nothing_else(ledger, archive):
    await ledger.accept(inbound("p1", body='كم سعر "التوصيل"؟\nشكرا', push_name="Sara"))
    await ledger.accept(inbound("p2", body="100% off_now \\ back"))
    await ledger.accept(inbound("p3", content=ChoiceContent(id="size-xl", title="Extra Large")))
    for i in range(60):
        await ledger.accept(inbound(f"q{i}", body=f"filler {i}", chat_id="966599999999", sender="966599999999"))

    async def found(text: str) -> list[str]:
        return [view.provider_id for view in await archive.messages(search=text, limit=5)]

    for text in ("التوصيل", '"التوصيل"؟', "؟\nشكرا", "sara"):
        assert await found(text) == ["p1"], text
    for text in ("100%", "OFF_NOW", "\\ back"):
        assert await found(text) == ["p2"], text
    assert await found("extra large") == ["p3"]
    assert await found("0% o_f") == [], "wildcards are letters"
    for name in ("content", "push_name", "body", "chat_id", "choice"):
        assert await found(name) == [], "names of fields are nobody's words"
    assert await found("966501234567") == ["p3", "p2", "p1"]
    assert len(await found("filler")) == 5


async def test_chats_come_by_last_activity_and_page_without_gap_or_repeat(ledger, archive):
    for i in range(20):  # several within one millisecond and some at the very same time
        await ledger.accept(inbound(f"p{i}", chat_id=f"9665000000{i:02}", timestamp=AT + i // 3))
    seen, before = [], None
    while page := await archive.chats(before=before, limit=6):
        seen += [chat.chat_id for chat in page]
        before = page[-1].cursor
    assert len(seen) == len(set(seen)) == 20
    assert seen[0] == "966500000019"


async def test_a_chat_tells_where_it_stands(database):
    clock = FakeClock(AT + HOUR)
    async with database.opened(clock=clock) as store:
        ledger, archive = SqlLedger(store), SqlArchive(store)
        await ledger.accept(inbound("p1", timestamp=AT, push_name="سارة"))
        await ledger.accept(inbound("p2", timestamp=AT))
        [chat] = await archive.chats()
        assert (chat.unread, chat.window_open_until, chat.bot_paused) == (2, "2023-11-15T22:13:20.000Z", False)
        await ledger.pause_chat("default", CHAT, PauseChat(chat_id=CHAT, minutes=30, reason="busy"))
        [chat] = await archive.chats(search="سار")
        assert (chat.bot_paused, chat.bot_paused_reason) == (True, "busy")
        await clock.advance(31 * 60)
        [chat] = await archive.chats()
        assert (chat.bot_paused, chat.bot_paused_reason, chat.bot_paused_until) == (False, None, None)
        await clock.advance(24 * 3600)
        [chat] = await archive.chats()
        assert chat.window_open_until is None
        await ledger.enqueue(draft())
        [chat] = await archive.chats()
        assert (chat.unread, chat.last_direction, chat.last_message) == (0, "out", "مرحبا")
        assert await archive.chats(search="100%") == []


async def test_an_erased_message_is_there_without_its_words(store, ledger, archive):
    message_id, _ = await ledger.accept(inbound())
    await store.write(lambda tx: tx.many("DELETE FROM payloads WHERE id = ?", [(message_id,)]))
    view = await archive.message(message_id)
    assert (view.erased, view.body, view.content, view.push_name) == (True, None, None, None)
    assert await archive.messages(search="hello") == []


async def test_messages_are_found_by_either_id(ledger, archive):
    message_id, _ = await ledger.accept(inbound("wamid.1"))
    assert (await archive.message(message_id)).provider_id == "wamid.1"
    assert (await archive.message("wamid.1")).message_id == message_id
    assert await archive.message("nothing' OR '1'='1") is None


async def test_history_is_narrowed_and_looked_through_in_parts(ledger, archive, monkeypatch):
    for i in range(8):
        message_id, _ = await ledger.accept(inbound(f"p{i}"))
        await ledger.reply(decision(message_id, parts=i % 2, trace=ulid_floor(1000 * (i + 1)) + "0" * 16))

    async def ids(before=None, limit=50, **which):
        page, cursor = await archive.history_page(HistoryFilter(**which), before, limit)
        return [ulid_ms(h.trace_id) // 1000 for h in page], cursor

    assert await ids() == ([8, 7, 6, 5, 4, 3, 2, 1], None)
    page, cursor = await ids(limit=3)
    assert (page, (await ids(before=cursor, limit=3))[0]) == ([8, 7, 6], [5, 4, 3])
    assert (await ids(since=3000, until=6000))[0] == [5, 4, 3]
    assert (await ids(decision="silent", since=3000))[0] == [7, 5, 3]
    kept = (await archive.history_page(HistoryFilter()))[0][0]
    assert (await ids(language=kept.language, least=kept.confidence, most=kept.confidence))[0] == [
        8,
        7,
        6,
        5,
        4,
        3,
        2,
        1,
    ]
    assert (await ids(language="zz"))[0] == (await ids(least=1.1))[0] == []
    assert kept.trigger is not None
    assert (await ids(search=kept.trigger[:3]))[0] == [8, 6, 4, 2]
    assert (await ids(search="trace_id"))[0] == [], "names of fields in the stored JSON are no text"
    assert (await ids(search="%"))[0] == []
    monkeypatch.setattr("waqtor.storage.archive.LOOKED_THROUGH", 3)
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page, cursor = await ids(before=cursor, decision="silent")
        seen, pages = seen + page, pages + 1
        assert len(page) <= 3
    assert (seen, pages > 2) == ([7, 5, 3, 1], True)
    assert (await ids(decision="silent", since=6500))[1] is None, "older ones are not asked for"


async def test_history_filters_and_pages(ledger, archive):
    for i in range(6):
        message_id, _ = await ledger.accept(inbound(f"p{i}"))
        await ledger.reply(decision(message_id, parts=i % 2, trace=f"T{i}"))
    assert [h.trace_id for h in await archive.history(limit=4)] == ["T5", "T4", "T3", "T2"]
    assert [h.trace_id for h in await archive.history(before="T2")] == ["T1", "T0"]
    assert [h.trace_id for h in await archive.history(decision="silent")] == ["T4", "T2", "T0"]
    assert await archive.history(rule_id="none") == []
    assert len(await archive.history(session="default", chat_id=CHAT, rule_id="hours")) == 6
    assert await archive.trace("unknown") is None
