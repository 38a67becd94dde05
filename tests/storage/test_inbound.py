from __future__ import annotations

import asyncio
import sys

import orjson
import pytest
from pydantic import ValidationError

from waqtor.contracts.events import hydrate
from waqtor.contracts.messages import ChoiceContent, InboundMessage, MediaContent, OtherContent, TextContent
from waqtor.storage.archive import SqlArchive
from waqtor.storage.ledger import SqlLedger

AT = 1_700_000_000_000_000


def inbound(provider_id: str = "p1", body: str = "hello", **more) -> InboundMessage:
    given = {
        "session": "default", "message_id": provider_id, "sender": "966501234567", "chat_id": "966501234567",
        "content": TextContent(body=body), "timestamp": AT, **more,
    }  # fmt: skip
    return InboundMessage(**given)


async def received(store) -> list[dict]:
    return [hydrate(e) for e in await store.journal.read(0, 1000) if e.type == "message.received"]


async def test_a_message_becomes_a_row_a_chat_and_an_event(store, ledger):
    message_id, fresh = await ledger.accept(inbound(body="كم سعر التوصيل؟", push_name="سارة"))
    assert fresh
    [data] = await received(store)
    assert data["message_id"] == message_id
    assert (data["from"], data["body"], data["provider_id"]) == ("966501234567", "كم سعر التوصيل؟", "p1")
    view = await SqlArchive(store).message("p1")
    assert (view.message_id, view.body, view.status, view.push_name) == (message_id, data["body"], "received", "سارة")
    [chat] = await SqlArchive(store).chats()
    assert (chat.name, chat.unread, chat.last_direction) == ("سارة", 1, "in")


async def test_redelivered_a_hundred_times_at_once_it_is_one_message(store, ledger):
    results = await asyncio.gather(*(ledger.accept(inbound()) for _ in range(100)))
    assert len({message_id for message_id, _ in results}) == 1
    assert sum(fresh for _, fresh in results) == 1
    assert len(await received(store)) == 1
    assert await store.rows("SELECT count(*) FROM messages") == [(1,)]
    [chat] = await SqlArchive(store).chats()
    assert chat.unread == 1


async def test_redelivered_after_a_restart_it_is_known(database):
    async with database.opened() as store:
        first, _ = await SqlLedger(store).accept(inbound())
    async with database.opened() as store:
        assert await SqlLedger(store).accept(inbound(body="changed")) == (first, False)
        assert [data["body"] for data in await received(store)] == ["hello"]


async def test_the_same_provider_id_in_two_sessions_is_two_messages(ledger):
    one = await ledger.accept(inbound())
    two = await ledger.accept(inbound(session="other"))
    assert one[1]
    assert two[1]
    assert one[0] != two[0]


@pytest.mark.postgres
async def test_two_engines_given_the_same_message_keep_it_once(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        ledgers = [SqlLedger(one), SqlLedger(two)]
        results = await asyncio.gather(*(ledgers[i % 2].accept(inbound(f"p{i // 2}")) for i in range(200)))
        assert len({message_id for message_id, _ in results}) == 100
        assert sum(fresh for _, fresh in results) == 100
        assert len(await received(one)) == 100


async def test_messages_of_one_chat_share_a_lane(store, ledger):
    for i in range(5):
        await ledger.accept(inbound(f"a{i}"))
    for i in range(40):
        await ledger.accept(inbound(f"b{i}", chat_id=f"9665000000{i:02}"))
    events = await store.journal.read(0, 99)
    lanes = [e.lane for e in events]
    assert len(set(lanes[:5])) == 1
    assert len(set(lanes[5:])) > 20
    assert all(0 <= lane < 1024 for lane in lanes)


@pytest.mark.parametrize(
    "content",
    [
        MediaContent(type="image", media_id="m", caption="صورة"),
        ChoiceContent(id="yes", title="نعم"),
        OtherContent(kind="poll", raw={"n": 2**70, "deep": None}),
        OtherContent(kind="odd", raw={"half": "\ud83d", "nul": "\0"}),
    ],
    ids=lambda content: f"{content.type}-{getattr(content, 'kind', '')}",
)
async def test_every_kind_of_content_is_taken_in(store, ledger, content):
    await ledger.accept(inbound(content=content))
    [data] = await received(store)
    assert data["type"] == content.type
    rows = await store.rows("SELECT data FROM payloads")
    stored = orjson.loads(rows[0][0])["content"]
    if content.type != "other":
        assert stored == content.model_dump(mode="json", exclude_none=True)
    else:
        assert stored["kind"] == content.kind


async def test_deeply_nested_content_is_taken_in(store, ledger):
    raw: dict = {}
    for _ in range(200):
        raw = {"x": raw}
    assert sys.getrecursionlimit() > 400
    await ledger.accept(inbound(content=OtherContent(raw=raw)))
    assert len(await received(store)) == 1


@pytest.mark.parametrize("name", ["a\0b", "\u202eevil", "👩‍👩‍👧", "x" * 200, ""])
async def test_any_push_name_is_taken_in(store, ledger, name):
    await ledger.accept(inbound(push_name=name))
    [chat] = await SqlArchive(store).chats()
    assert chat.name == (name.replace("\0", "\ufffd") or None)


async def test_a_name_once_known_is_not_lost(store, ledger):
    await ledger.accept(inbound("p1", push_name="Sara"))
    await ledger.accept(inbound("p2"))
    assert (await SqlArchive(store).chats())[0].name == "Sara"


async def test_an_old_message_does_not_close_the_service_window(database):
    from waqtor.kernel.clock import FakeClock

    hour = 3_600_000_000
    async with database.opened(clock=FakeClock(AT)) as store:
        ledger = SqlLedger(store)
        await ledger.accept(inbound("p1", timestamp=AT - hour))
        open_until = (await SqlArchive(store).chats())[0].window_open_until
        await ledger.accept(inbound("p2", timestamp=AT - 20 * hour))  # came late, after being offline
        assert (await SqlArchive(store).chats())[0].window_open_until == open_until


@pytest.mark.parametrize("timestamp", [-1, 10**18, 2**63])
def test_impossible_times_are_refused_before_the_store(timestamp):
    with pytest.raises(ValidationError):
        inbound(timestamp=timestamp)
