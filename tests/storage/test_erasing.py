"""Taking a person out of the store, on both databases: sends under way, groups, late answers, other tables."""

from __future__ import annotations

import base64
import time

import orjson
import pytest

from tests.storage.test_inbound import inbound
from tests.storage.test_outbound import draft, outcome, queued, state_of
from waqtor.contracts.events import hydrate
from waqtor.messaging.ports import Draft, Receipt
from waqtor.privacy.ports import Asked
from waqtor.smartbot.suggestions import Suggestion
from waqtor.storage.archive import SqlArchive
from waqtor.storage.cursors import SqlCursors
from waqtor.storage.erasing import SqlErasures
from waqtor.storage.learning import SqlSuggestions
from waqtor.storage.person import SqlPerson
from waqtor.storage.vault import Vault

NUMBER, OTHER, GROUP = "966501234567", "966507654321", "120363041234567890@g.us"
ASKED = Asked("key", "name", "request")


@pytest.fixture
def erasures(store):
    return SqlErasures(store, SqlPerson(store), lambda: Vault(b"k" * 32))


async def begun(erasures, contact=NUMBER):
    view = await erasures.begin(contact, ASKED)
    return next(job for job in await erasures.running() if job.id == view.id)


async def wiped(erasures, job):
    await erasures.collect(job)
    found = await erasures.wipe(job)
    await erasures.done(job, found.counts)
    return found


async def whole(store) -> str:
    from waqtor.storage.schema import metadata

    parts = [str(await store.rows(f"SELECT * FROM {table}")) for table in metadata.tables]
    return "\n".join(parts)


async def test_what_waits_is_skipped_and_what_is_under_way_is_waited_for(store, ledger, erasures):
    waits, going = await queued(ledger), await queued(ledger, draft("k2"))
    doubt, other = await queued(ledger, draft("k3")), await queued(ledger, draft("k4", to=OTHER))
    for pending in (going, doubt):
        assert (await ledger.grant(pending)).state == "go"
    await ledger.settle(outcome(doubt, "in_doubt"))
    job = await begun(erasures)
    assert await erasures.hold(job, give_up=False) == 1
    assert [await state_of(store, p) for p in (waits, going, doubt, other)] == [
        "skipped", "sending", "failed", "queued"
    ]  # fmt: skip
    assert (await ledger.grant(waits)).state == "gone"
    await ledger.settle(outcome(going))
    assert await erasures.hold(job, give_up=False) == 0
    assert await state_of(store, going) == "sent"


async def test_an_answer_that_comes_after_all_brings_nobody_back(store, ledger, erasures):
    going = await queued(ledger)
    await ledger.grant(going)
    job = await begun(erasures)
    await erasures.hold(job, give_up=True)
    await wiped(erasures, job)
    head = store.journal.head
    await ledger.settle(outcome(going))
    assert await ledger.receipts([Receipt("default", f"wamid.{going.message_id}", "delivered", 1)]) == [False]
    late = await store.journal.read(head, 10)
    assert [NUMBER in str(hydrate(event)) for event in late] == [False] * len(late)
    assert NUMBER not in await whole(store)


async def test_a_send_queued_since_the_hold_never_goes_out(store, ledger, erasures):
    job = await begun(erasures)
    await erasures.hold(job, give_up=False)
    pending = await queued(ledger)
    await wiped(erasures, job)
    assert (await ledger.grant(pending)).state == "gone"
    assert await state_of(store, pending) == "skipped"


async def test_a_redelivery_and_a_late_receipt_do_not_bring_an_erased_message_back(store, ledger, erasures):
    first, fresh = await ledger.accept(inbound("p1", sender=NUMBER, chat_id=NUMBER))
    assert fresh
    await wiped(erasures, await begun(erasures))
    again, fresh = await ledger.accept(inbound("p1", sender=NUMBER, chat_id=NUMBER))
    assert not fresh
    assert again != first
    other, fresh = await ledger.accept(inbound("p2", sender=NUMBER, chat_id=NUMBER))
    assert fresh
    assert [view.message_id for view in await SqlArchive(store).messages(chat_id=NUMBER)] == [other]
    assert await ledger.receipts([Receipt("default", "p1", "read", 1)]) == [False]
    assert await store.rows("SELECT count(*) FROM early_receipts") == [(0,)]


async def test_what_a_person_wrote_in_a_group_goes_and_the_group_stays(store, ledger, erasures):
    mine, _ = await ledger.accept(inbound("g1", "سرّي", sender=NUMBER, chat_id=GROUP, is_group=True, push_name="سارة"))
    theirs, _ = await ledger.accept(inbound("g2", "مرحبا", sender=OTHER, chat_id=GROUP, is_group=True))
    answer = await ledger.enqueue(
        Draft("default", f"reply:{mine}:bot:0", GROUP, {"type": "text", "body": "أهلًا سارة"}, cause="reply",
              cause_id=mine)
    )  # fmt: skip
    await wiped(erasures, await begun(erasures))
    views = {view.message_id: view for view in await SqlArchive(store).messages(chat_id=GROUP)}
    assert {name: view.erased for name, view in views.items()} == {
        mine: True, theirs: False, answer.message_id: True
    }  # fmt: skip
    text = await whole(store)
    assert "سرّي" not in text
    assert "سارة" not in text
    assert "مرحبا" in text


async def test_phrases_of_a_suggestion_that_are_the_persons_words_go(store, ledger, erasures):
    mine, _ = await ledger.accept(inbound("p1", "هل عندكم فستان أزرق", sender=NUMBER, chat_id=NUMBER))
    theirs, _ = await ledger.accept(inbound("p2", "فستان", sender=OTHER, chat_id=OTHER))
    desk = SqlSuggestions(store)
    both = Suggestion(
        "s1", "new_rule", "open", "ar", "فستان", "", examples={"ar": [mine, theirs]},
        texts={"ar": ["هل عندكم فستان أزرق", "فستان"]}, evidence=[{"message_id": mine}, {"message_id": theirs}],
        members=[mine, theirs], words=("فستان",),
    )  # fmt: skip
    alone = Suggestion("s2", "new_rule", "open", "ar", "أزرق", "", members=[mine])
    await desk.save([both, alone])
    found = await wiped(erasures, await begun(erasures))
    assert found.counts["suggestions"] == 2
    assert await desk.get("s2") is None
    left = await desk.get("s1")
    assert left is not None
    assert (left.members, left.texts, left.examples, left.evidence) == (
        [theirs], {"ar": ["فستان"]}, {"ar": [theirs]}, [{"message_id": theirs}]
    )  # fmt: skip


async def test_errors_that_quote_and_receivers_that_echo_are_emptied(store, ledger, erasures):
    mine, _ = await ledger.accept(inbound("p1", "سرّي جدًا", sender=NUMBER, chat_id=NUMBER))
    (event,) = await store.journal.read(0, 10)
    await SqlCursors(store).set_aside("plugin:x", event, 3, "ValueError: سرّي جدًا")
    wamid = "wamid." + base64.b64encode(b"\x1c" + NUMBER.encode() + b"\x00").decode()
    await ledger.receipts([Receipt("default", wamid, "delivered", 1), Receipt("default", "wamid.x", "delivered", 1)])

    def plant(tx):
        tx.many(
            "INSERT INTO webhook_deliveries (id, webhook_id, name, type, seq, lane, session, state, attempts, due_at, "
            "error, test, created, updated) VALUES ('d', 'w', 'n', 't', ?, 0, '', 'delivered', 1, 0, 'e', 0, 0, 0)",
            [(event.offset,)],
        )
        tx.many(
            "INSERT INTO webhook_attempts (delivery_id, attempt, webhook_id, name, at, ok, ms, response) "
            "VALUES ('d', 1, 'w', 'n', 0, 1, 1.0, ?)",
            [('{"echo": "سرّي جدًا"}',)],
        )
        tx.many(
            "INSERT INTO labels (trace_id, message_id, session, was_right, note, labelled_by, created) "
            "VALUES ('t', ?, '', 1, 'سرّي جدًا قالت', 'me', 0)",
            [(mine,)],
        )

    await store.write(plant)
    await wiped(erasures, await begun(erasures))
    text = await whole(store)
    assert "سرّي" not in text
    assert wamid not in text
    assert await store.rows("SELECT provider_id FROM early_receipts") == [("wamid.x",)]
    assert (await store.rows("SELECT was_right FROM labels")) == [(1,)]
    (first, *_) = await store.journal.read(0, 10)
    assert hydrate(first)["erased"]
    assert first.offset == event.offset


async def test_the_contact_is_sealed_until_it_is_done_and_gone_then(store, erasures):
    job = await begun(erasures)
    assert NUMBER not in await whole(store)
    assert (await erasures.begin(NUMBER, ASKED)).id == job.id
    await erasures.done(job, {"messages": 0})
    assert await erasures.running() == []
    (row,) = await store.rows("SELECT sealed, state FROM erasures")
    assert row == (None, "done")
    assert (await erasures.begin(NUMBER, ASKED)).id != job.id
    entries = [row[0] for row in await store.rows("SELECT action FROM audit ORDER BY id")]
    assert entries == ["privacy.erase.requested", "privacy.erased", "privacy.erase.requested"]


async def test_a_large_history_is_wiped_in_chunks(store, ledger, erasures):
    import asyncio

    await asyncio.gather(
        *(ledger.accept(inbound(f"p{n}", f"رسالة {n}", sender=NUMBER, chat_id=NUMBER)) for n in range(1500))
    )
    began = time.monotonic()
    found = await wiped(erasures, await begun(erasures))
    assert found.counts["messages"] == 1500
    assert time.monotonic() - began < 20
    assert await store.rows("SELECT count(*) FROM payloads") == [(0,)]
    data = [
        orjson.loads(row[0]) for row in await store.rows("SELECT data FROM journal WHERE type = 'message.received'")
    ]
    assert {item["provider_id"] for item in data} == {""}
