from __future__ import annotations

import asyncio

import pytest

from waqtor.contracts.commands import OptIn, OptOut, PauseChat
from waqtor.contracts.events import hydrate
from waqtor.contracts.messages import InboundMessage, TextContent
from waqtor.errors import IdempotencyConflict
from waqtor.kernel.clock import FakeClock
from waqtor.messaging.ports import CAMPAIGN, REPLY, Draft, Outcome, Pending
from waqtor.storage.archive import SqlArchive
from waqtor.storage.ledger import SqlLedger

TO = "966501234567"


def draft(key: str = "k1", **more) -> Draft:
    return Draft(**{"session": "default", "key": key, "to": TO, "content": {"type": "text", "body": "مرحبا"}, **more})


async def queued(ledger: SqlLedger, given: Draft | None = None) -> Pending:
    given = given or draft()
    row = await ledger.enqueue(given)
    [pending] = [p for p in await ledger.queue(given.session, "", 1000) if p.message_id == row.message_id]
    return pending


def outcome(pending: Pending, state: str = "sent", **more) -> Outcome:
    if state == "sent":
        more.setdefault("provider_id", f"wamid.{pending.message_id}")
    return Outcome(pending.message_id, pending.session, pending.to, state, cause=pending.cause, **more)


async def events(store) -> list[tuple[str, str]]:
    return [(e.type, hydrate(e).get("status", "")) for e in await store.journal.read(0, 1000)]


async def state_of(store, pending: Pending) -> str:
    return (await SqlArchive(store).message(pending.message_id)).status


# --- queueing


async def test_a_key_is_one_send_however_often_it_is_asked_for(store, ledger):
    rows = await asyncio.gather(*(ledger.enqueue(draft(body_hash="h")) for _ in range(50)))
    assert len({row.message_id for row in rows}) == 1
    assert sum(row.fresh for row in rows) == 1
    assert await store.rows("SELECT count(*) FROM messages") == [(1,)]


async def test_another_body_under_a_known_key_is_a_conflict_for_it_alone(ledger):
    first = await ledger.enqueue(draft(body_hash="h1"))
    results = await asyncio.gather(
        ledger.enqueue(draft("k2")), ledger.enqueue(draft(body_hash="h2")), ledger.enqueue(draft(body_hash="h1")),
        return_exceptions=True,
    )  # fmt: skip
    assert results[0].fresh
    assert isinstance(results[1], IdempotencyConflict)
    assert results[1].details == {"message_id": first.message_id}
    assert (results[2].message_id, results[2].fresh) == (first.message_id, False)


async def test_keys_are_of_a_session(ledger):
    one, two = await ledger.enqueue(draft()), await ledger.enqueue(draft(session="other"))
    assert one.fresh
    assert two.fresh


async def test_a_repeated_key_tells_how_the_send_is_doing(ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending))
    assert (await ledger.enqueue(draft())).state == "sent"


async def test_the_queue_is_in_order_of_priority_and_age_and_pages(ledger):
    made = []
    for i in range(30):
        priority = (REPLY, 5, CAMPAIGN)[i % 3]
        row = await ledger.enqueue(draft(f"k{i}", priority=priority))
        made.append((priority, row.message_id))
    await ledger.enqueue(draft("elsewhere", session="other"))
    found, after = [], ""
    while page := await ledger.queue("default", after, 7):
        found += [(p.priority, p.message_id) for p in page]
        after = f"{page[-1].priority}|{page[-1].message_id}"
    assert found == sorted(made)


async def test_a_queued_send_comes_back_with_all_it_had(ledger):
    inbound = InboundMessage(
        session="default", message_id="wamid.in", sender=TO, chat_id=TO, content=TextContent(body="?"), timestamp=1
    )
    quoted_id, _ = await ledger.accept(inbound)
    given = draft(
        priority=REPLY, quoted_id=quoted_id, not_after=2**60, due_at=123, cause="reply", cause_id=quoted_id,
        correlation_id="c",
    )  # fmt: skip
    row = await ledger.enqueue(given)
    assert row.quoted_provider_id == "wamid.in"
    [pending] = await ledger.queue("default", "", 10)
    assert pending == Pending(
        row.message_id, "default", TO, given.content, REPLY, 0, 2**60, 123, quoted_id, "reply", quoted_id, "c",
        "wamid.in",
    )  # fmt: skip


async def test_content_with_nul_emoji_and_a_megabyte_comes_back(ledger):
    body = "\0\u202e👩‍👩‍👧" + "س" * 500_000
    pending = await queued(ledger, draft(content={"type": "text", "body": body}))
    assert pending.content["body"] == body


# --- grants


async def test_two_grants_of_one_row_are_one_go(store, ledger):
    pending = await queued(ledger)
    copies = [Pending(pending.message_id, "default", TO, {}, 5) for _ in range(20)]
    grants = await asyncio.gather(*(ledger.grant(copy) for copy in copies))
    assert [g.state for g in grants].count("go") == 1
    assert {g.state for g in grants} == {"go", "gone"}
    again = await ledger.grant(pending)
    assert (again.state, again.reason) == ("gone", "sending")


@pytest.mark.postgres
async def test_two_engines_that_want_one_row_get_one_go(postgres):
    async with postgres.opened() as one, postgres.opened() as two:
        a, b = SqlLedger(one), SqlLedger(two)
        pendings = [await queued(a, draft(f"k{i}")) for i in range(40)]
        grants = await asyncio.gather(
            *(ledger.grant(p) for p in pendings for ledger in (a, b)),
        )
        for i in range(40):
            assert sorted((grants[2 * i].state, grants[2 * i + 1].state)) == ["go", "gone"]


async def test_an_unknown_row_is_gone(ledger):
    assert (await ledger.grant(Pending("01UNKNOWN", "default", TO, {}, 5))).state == "gone"


async def test_a_copy_that_missed_an_attempt_is_told_of_it(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending, "requeue", attempt=1))
    stale = await ledger.grant(pending)
    assert (stale.state, stale.attempt) == ("held", 1)
    pending.attempt = stale.attempt
    assert (await ledger.grant(pending)).state == "go"
    assert await store.rows("SELECT attempt FROM messages") == [(2,)]


async def test_an_expired_send_is_skipped_once_and_says_so(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        pending = await queued(ledger, draft(not_after=clock.now_us() + 1_000_000))
        late = await queued(ledger, draft("k2", not_after=clock.now_us() + 10_000_000))
        await clock.advance(1.0)
        first = await ledger.grant(pending)
        assert (first.state, first.reason) == ("skipped", "expired")
        assert (await ledger.grant(pending)).state == "gone"
        assert (await ledger.grant(late)).state == "go"
        assert await events(store) == [("message.failed", "skipped")]
        view = await SqlArchive(store).message(pending.message_id)
        assert (view.status, view.error.code) == ("skipped", "expired")


async def test_an_opt_out_stops_campaigns_and_nothing_else(store, ledger):
    campaign = await queued(ledger, draft("k1", cause="campaign", priority=CAMPAIGN))
    other = await queued(ledger, draft("k2"))
    assert await ledger.consent("default", OptOut(contact=TO))
    assert not await ledger.consent("default", OptOut(contact=TO))
    granted = await ledger.grant(campaign)
    assert (granted.state, granted.reason) == ("skipped", "opted_out")
    assert (await ledger.grant(other)).state == "go"
    assert await ledger.consent("default", OptIn(contact=TO))
    assert not await ledger.consent("default", OptIn(contact=TO))
    again = await queued(ledger, draft("k3", cause="campaign"))
    assert (await ledger.grant(again)).state == "go"
    assert [name for name, _ in await events(store)] == ["contact.opted-out", "message.failed", "contact.opted-in"]


async def test_a_takeover_stops_replies_decided_before_it(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        before = await queued(ledger, draft("k1", cause="reply", priority=REPLY))
        direct = await queued(ledger, draft("k2"))
        await clock.advance(1)
        assert await ledger.pause_chat("default", TO, PauseChat(chat_id=TO, minutes=10))
        granted = await ledger.grant(before)
        assert (granted.state, granted.reason) == ("skipped", "taken_over")
        assert (await ledger.grant(direct)).state == "go", "what the person sends goes out"
        await clock.advance(1)
        after = await queued(ledger, draft("k3", cause="reply", priority=REPLY))
        assert (await ledger.grant(after)).state == "go"
        early = await queued(ledger, draft("k4", cause="reply"))
        await clock.advance(1)
        await ledger.pause_chat("default", TO, PauseChat(chat_id=TO, minutes=1))
        await clock.advance(61)
        assert (await ledger.grant(early)).state == "go", "the pause is over"


async def test_a_pause_that_was_ended_stops_nothing(store, ledger):
    pending = await queued(ledger, draft(cause="reply"))
    assert await ledger.pause_chat("default", TO, PauseChat(chat_id=TO))
    assert await ledger.resume_chat("default", TO)
    assert not await ledger.resume_chat("default", TO)
    assert not await ledger.pause_chat("default", "966599999999", PauseChat(chat_id="966599999999"))
    assert (await ledger.grant(pending)).state == "go"
    assert [name for name, _ in await events(store)] == ["chat.paused", "chat.resumed"]


# --- outcomes


async def test_a_sent_message_has_one_event_and_its_provider_id(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await asyncio.gather(*(ledger.settle(outcome(pending)) for _ in range(10)))
    assert await events(store) == [("message.sent", "sent")]
    view = await SqlArchive(store).message(f"wamid.{pending.message_id}")
    assert (view.message_id, view.status) == (pending.message_id, "sent")
    assert await ledger.queue("default", "", 10) == []


async def test_a_refusal_is_final_or_comes_back(store, ledger):
    one, two = await queued(ledger, draft("k1")), await queued(ledger, draft("k2"))
    await ledger.grant(one)
    await ledger.grant(two)
    await ledger.settle(outcome(one, "failed", error_code="131047", error_reason="\0re-engagement", attempt=1))
    await ledger.settle(outcome(two, "requeue", error_code="130429", due_at=42, retryable=True, attempt=1))
    assert await events(store) == [("message.failed", "failed")]
    view = await SqlArchive(store).message(one.message_id)
    assert (view.status, view.error.code, view.error.reason) == ("failed", "131047", "\ufffdre-engagement")
    [waiting] = await ledger.queue("default", "", 10)
    assert (waiting.message_id, waiting.attempt, waiting.due_at) == (two.message_id, 1, 42)
    assert (await ledger.grant(waiting)).state == "go"
    await ledger.settle(outcome(waiting))
    assert (await SqlArchive(store).message(two.message_id)).error is None


async def test_doubt_is_journaled_once_and_ends(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    for _ in range(3):
        await ledger.settle(outcome(pending, "in_doubt", error_code="uncertain", error_reason="no answer", attempt=1))
    assert await events(store) == [("message.in_doubt", "in_doubt")]
    [doubtful] = await ledger.doubtful("default")
    assert (doubtful.message_id, doubtful.attempt) == (pending.message_id, 1)
    assert (await ledger.grant(pending)).state == "gone"
    await ledger.settle(outcome(pending))
    assert await ledger.doubtful("default") == []
    assert [name for name, _ in await events(store)] == ["message.in_doubt", "message.sent"]


@pytest.mark.parametrize("state", ["requeue", "failed", "in_doubt"])
async def test_what_is_known_of_one_attempt_does_not_end_a_later_one(store, ledger, state):
    """A look-up asked about attempt 1 answers "absent" while attempt 2 is under way."""
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending, "requeue", attempt=1))
    pending.attempt = 1
    assert (await ledger.grant(pending)).state == "go"
    await ledger.settle(outcome(pending, state, attempt=1))
    assert await state_of(store, pending) == "sending"
    assert (await ledger.grant(pending)).state == "gone"
    await ledger.settle(outcome(pending, "in_doubt", attempt=2))
    assert await state_of(store, pending) == "in_doubt"


@pytest.mark.parametrize("meanwhile", ["requeue", "in_doubt"])
async def test_an_acceptance_counts_whenever_it_comes(store, ledger, meanwhile):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending, meanwhile, attempt=1))
    await ledger.settle(outcome(pending))
    assert await state_of(store, pending) == "sent"
    pending.attempt = 1
    assert (await ledger.grant(pending)).state == "gone"
    assert [name for name, _ in await events(store)].count("message.sent") == 1


async def test_an_outcome_never_undoes_a_final_state(store, ledger):
    pending = await queued(ledger)
    await ledger.grant(pending)
    await ledger.settle(outcome(pending))
    for state in ("requeue", "failed", "in_doubt"):
        await ledger.settle(outcome(pending, state))
        assert await state_of(store, pending) == "sent"
    assert await events(store) == [("message.sent", "sent")]


async def test_rows_of_an_earlier_run_are_found_with_the_time_of_their_grant(database):
    clock = FakeClock()
    async with database.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        mine, other = await queued(ledger, draft("k1")), await queued(ledger, draft("k2", session="other"))
        await clock.advance(5)
        await ledger.grant(mine)
        await ledger.grant(other)
        granted = clock.now_us()
        assert await ledger.unsettled("default") == [], "what this run holds is not left over"
    async with database.opened(clock=clock) as store:
        ledger = SqlLedger(store)
        [(pending, at)] = await ledger.unsettled("default")
        assert (pending.message_id, pending.attempt, at) == (mine.message_id, 1, granted)
        assert await ledger.queue("default", "", 10) == []
