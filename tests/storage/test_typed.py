from __future__ import annotations

import asyncio

import pytest

from waqtor.contracts.commands import PauseChat
from waqtor.contracts.events import hydrate
from waqtor.contracts.messages import InboundMessage, TextContent
from waqtor.kernel.clock import FakeClock
from waqtor.messaging.ports import REPLY, Draft, Outcome, Pending, Receipt, Takeover
from waqtor.storage.archive import SqlArchive
from waqtor.storage.chatstate import ChatStates
from waqtor.storage.ledger import SqlLedger

TO = "966501234567"
OWN = "966500000000"


def typed(provider_id: str = "wamid.phone", at: int = 1_700_000_000_000_000, **more) -> InboundMessage:
    given = {
        "session": "default", "message_id": provider_id, "sender": OWN, "chat_id": TO, "from_me": True,
        "content": TextContent(body="سأهتم بالأمر"), "timestamp": at, **more,
    }  # fmt: skip
    return InboundMessage(**given)


async def reply(ledger: SqlLedger, key: str = "k1") -> Pending:
    content = {"type": "text", "body": "مرحبا"}
    row = await ledger.enqueue(Draft("default", key, TO, content, priority=REPLY, cause="reply"))
    return await ledger.pending(row.message_id)


async def test_it_is_an_outgoing_message_with_an_event_and_its_chat_is_paused(store, ledger):
    message_id, fresh = await ledger.typed(typed(), Takeover(None))
    assert fresh
    view = await SqlArchive(store).message("wamid.phone")
    assert (view.message_id, view.direction, view.status, view.cause) == (message_id, "out", "sent", "phone")
    assert (view.body, view.chat_id) == ("سأهتم بالأمر", TO)
    sent, paused = await store.journal.read(0, 10)
    assert (sent.type, paused.type) == ("message.sent", "chat.paused")
    data = hydrate(sent)
    assert (data["message_id"], data["cause"], data["to"], data["provider_id"]) == (
        message_id, "phone", TO, "wamid.phone",
    )  # fmt: skip
    assert hydrate(paused)["chat_id"] == TO
    [chat] = await SqlArchive(store).chats()
    assert (chat.bot_paused, chat.bot_paused_until, chat.last_direction, chat.unread) == (True, None, "out", 0)
    assert chat.bot_paused_reason == "answered on the phone"
    assert await ledger.receipt(Receipt("default", "wamid.phone", "read", 1_700_000_001_000_000))
    assert (await SqlArchive(store).message(message_id)).status == "read"


async def test_redelivered_it_is_one_message_and_does_not_pause_again(store, ledger):
    results = await asyncio.gather(*(ledger.typed(typed(), Takeover(None)) for _ in range(20)))
    assert len({message_id for message_id, _ in results}) == 1
    assert sum(fresh for _, fresh in results) == 1
    await ledger.resume_chat("default", TO)
    assert not (await ledger.typed(typed(), Takeover(None)))[1]
    assert not (await SqlArchive(store).chats())[0].bot_paused
    assert await store.rows("SELECT count(*) FROM messages") == [(1,)]


async def test_the_echo_of_a_known_send_is_not_a_takeover(store, ledger):
    pending = await reply(ledger)
    await ledger.grant(pending)
    await ledger.settle(Outcome(pending.message_id, "default", TO, "sent", provider_id="wamid.x", cause="reply"))
    assert await ledger.typed(typed("wamid.x"), Takeover(None)) == (pending.message_id, False)
    assert not (await SqlArchive(store).chats())[0].bot_paused
    assert (await ledger.typed(typed("wamid.x", session="other"), None))[1], "ids are of a session"


@pytest.mark.parametrize("together", [False, True])
async def test_a_reply_that_waits_is_skipped_as_taken_over(store, ledger, together: bool):
    if together:  # in one commit: the reply was decided without knowing
        pending, _ = await asyncio.gather(reply(ledger), ledger.typed(typed(), Takeover(None)))
    else:
        pending = await reply(ledger)
        await ledger.typed(typed(), Takeover(None))
    granted = await ledger.grant(pending)
    assert (granted.state, granted.reason) == ("skipped", "taken_over")
    view = await SqlArchive(store).message(pending.message_id)
    assert (view.status, view.error.code) == ("skipped", "taken_over")


async def test_without_a_takeover_nothing_is_paused(store, ledger):
    assert (await ledger.typed(typed(), None))[1]
    assert not (await SqlArchive(store).chats())[0].bot_paused


async def test_the_pause_runs_from_the_typing_and_never_shortens_another(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        ledger, archive = SqlLedger(store), SqlArchive(store)
        now = clock.now_us()
        await ledger.typed(typed("late", at=now - 600_000_000), Takeover(5))
        assert not (await archive.chats())[0].bot_paused, "told late: that pause is over"
        await ledger.typed(typed("a", at=now - 60_000_000), Takeover(5))
        await clock.advance(239)
        assert (await archive.chats())[0].bot_paused
        await clock.advance(2)
        assert not (await archive.chats())[0].bot_paused
        await ledger.pause_chat("default", TO, PauseChat(chat_id=TO))
        await ledger.typed(typed("b", at=clock.now_us()), Takeover(5))
        chat = (await archive.chats())[0]
        assert (chat.bot_paused, chat.bot_paused_until) == (True, None)


async def test_the_bot_knows_with_the_commit(store, ledger):
    states = ChatStates(store)
    store.journal.observe(states.committed)
    await ledger.typed(typed(), Takeover(None))
    assert await states.paused("default", TO) == "answered on the phone"
    await ledger.resume_chat("default", TO)
    assert await states.paused("default", TO) is None
    await ledger.typed(typed("second", at=store.clock.now_us()), Takeover(0.001))
    async with asyncio.timeout(30):
        while await states.paused("default", TO) is not None:
            await asyncio.sleep(0.01)
