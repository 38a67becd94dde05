from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.storage.test_outbound import draft, events, outcome, queued, state_of
from waqtor.messaging.ports import Receipt
from waqtor.storage.archive import SqlArchive
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.receipts import _KEEP as KEEP
from waqtor.storage.receipts import EARLY_US

RANK = {"sending": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5}


def receipt(pending, status: str, *, echo: bool = True, **more) -> Receipt:
    return Receipt(
        pending.session, f"wamid.{pending.message_id}", status, 1_700_000_000_000_000,
        message_id=pending.message_id if echo else None, **more,
    )  # fmt: skip


async def test_in_every_order_there_is_one_sent_event_and_the_furthest_state(store, ledger):
    for order in itertools.permutations(["settle", "sent", "delivered", "read"]):
        pending = await queued(ledger, draft("-".join(order)))
        await ledger.grant(pending)
        before, reached = store.journal.head, 1
        for step in order:
            if step == "settle":
                await ledger.settle(outcome(pending))
                reached = max(reached, 2)
            else:
                assert await ledger.receipt(receipt(pending, step)) is (RANK[step] > reached), order
                reached = max(reached, RANK[step])
        view = await SqlArchive(store).message(pending.message_id)
        assert (view.status, view.provider_id) == ("read", f"wamid.{pending.message_id}"), order
        names = [e.type for e in await store.journal.read(before, 100)]
        assert names[0] == "message.sent", order
        assert names[-1] == "message.read", order
        assert len(names) == len(set(names)), (order, names)
    assert await ledger.queue("default", "", 9) == await ledger.doubtful("default") == []


async def test_all_statuses_in_one_group_are_taken_in_order(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    statuses = ["delivered", "sent", "read", "delivered", "read"]
    results = await asyncio.gather(
        ledger.settle(outcome(pending)), *(ledger.receipt(receipt(pending, s)) for s in statuses)
    )
    assert results[1:] == [True, False, True, False, False]
    assert [name for name, _ in await events(store)] == ["message.sent", "message.delivered", "message.read"]


async def test_statuses_find_their_message_by_the_provider_id_alone(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending))
    assert await ledger.receipt(receipt(pending, "delivered", echo=False))
    assert await state_of(store, pending) == "delivered"


async def test_statuses_that_come_before_the_answer_and_name_only_the_providers_id_wait_for_it(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    for status in ("read", "delivered", "delivered"):
        assert not await ledger.receipt(receipt(pending, status, echo=False))
    assert not await ledger.receipt(Receipt("other", f"wamid.{pending.message_id}", "failed", 1))
    await ledger.settle(outcome(pending))
    assert await state_of(store, pending) == "read"
    assert [name for name, _ in await events(store)] == ["message.sent", "message.delivered", "message.read"]
    left = await store.rows("SELECT session, status FROM early_receipts")
    assert left == [("other", "failed")]  # of another number's message that has the same id


async def test_an_early_status_outlives_a_crash_between_it_and_the_answer(store, ledger):
    """The answer never came; a look-up by the next run tells the provider's id."""
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.receipt(receipt(pending, "failed", echo=False, error_code="131026", error_reason="not on WhatsApp"))
    assert await store.rows("SELECT provider_id, error_code FROM early_receipts") == [
        (f"wamid.{pending.message_id}", "131026")
    ]
    again = SqlLedger(store)
    await again.settle(outcome(pending))
    view = await SqlArchive(store).message(pending.message_id)
    assert (view.status, view.error.code) == ("failed", "131026")


async def test_an_early_status_that_another_engine_kept_is_found_by_the_sweep(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending))
    row = ("default", f"wamid.{pending.message_id}", "delivered", 1, "", "", store.clock.now_us())
    old = ("default", "wamid.unknown", "read", 1, "", "", store.clock.now_us() - 2 * EARLY_US)
    for values in (row, old):
        await store.write(lambda tx, values=values: tx.many(KEEP, [values]))
    assert await ledger.match_early("default") == 1
    assert await state_of(store, pending) == "delivered"
    assert await store.rows("SELECT 1 FROM early_receipts") == []
    assert await ledger.match_early("default") == 0


async def test_a_provider_id_counts_only_in_its_session(store, ledger):
    """Provider ids need not differ between two numbers."""
    one, two = await queued(ledger), await queued(ledger, draft(session="other"))
    for pending in (one, two):
        await ledger.grant(pending)
        await ledger.settle(outcome(pending, provider_id="3EB0AAAA"))
    status = Receipt("other", "3EB0AAAA", "read", 1)
    assert await ledger.receipt(status)
    assert not await ledger.receipt(Receipt("third", "3EB0AAAA", "read", 1, message_id=one.message_id))
    assert await state_of(store, one) == "sent"
    assert await state_of(store, two) == "read"


async def test_failed_after_sent_counts_and_after_read_it_does_not(store, ledger):
    one, two = await queued(ledger, draft("k1")), await queued(ledger, draft("k2"))
    for pending in (one, two):
        await ledger.grant(pending)
        await ledger.settle(outcome(pending))
    await ledger.receipt(receipt(two, "read"))
    failed = {"error_code": "131026", "error_reason": "not on\0 WhatsApp"}
    assert await ledger.receipt(receipt(one, "failed", **failed))
    assert not await ledger.receipt(receipt(two, "failed", **failed))
    assert await state_of(store, two) == "read"
    view = await SqlArchive(store).message(one.message_id)
    assert (view.status, view.error.code, view.error.reason) == ("failed", "131026", "not on\ufffd WhatsApp")
    assert await ledger.receipt(receipt(one, "delivered")), "it arrived after all"
    assert await state_of(store, one) == "delivered"


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
async def test_a_late_status_ends_doubt(store, ledger, status):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending, "in_doubt", attempt=1))
    assert await ledger.receipt(receipt(pending, status, error_code="1"))
    assert await state_of(store, pending) == status
    assert await ledger.doubtful("default") == []
    names = [name for name, _ in await events(store)]
    assert names.count("message.sent") == (status != "failed")
    await ledger.settle(outcome(pending, "requeue", attempt=1))
    assert await state_of(store, pending) == status, "a look-up that comes later changes nothing"


async def test_a_status_while_it_waits_again_keeps_it_from_being_sent_twice(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending, "requeue", attempt=1))
    assert await ledger.receipt(receipt(pending, "delivered"))
    pending.attempt = 1
    assert (await ledger.grant(pending)).state == "gone"


async def test_statuses_of_strangers_change_nothing(store, ledger):
    pending = await queued(ledger)
    assert not await ledger.receipt(Receipt("default", "unknown", "read", 1))
    assert not await ledger.receipt(Receipt("default", "unknown", "read", 1, message_id="01UNKNOWN"))
    assert await state_of(store, pending) == "queued"
    assert await events(store) == []
