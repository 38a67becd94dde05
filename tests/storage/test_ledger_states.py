"""Random sequences of operations and crashes, checked against a simple model of the ledger."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from tests.conftest import Database, _fast_folder
from tests.storage.test_inbound import inbound
from tests.storage.test_outbound import draft, outcome
from waqtor.contracts.events import check
from waqtor.messaging.ports import Pending, Receipt
from waqtor.storage.ledger import SqlLedger

RANK = {"queued": 0, "sending": 1, "in_doubt": 1, "skipped": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5}
FINAL = {"sent", "delivered", "read", "failed"}


class LedgerStates(RuleBasedStateMachine):
    """The model: for each send its state as the promises allow it, and the attempts that were let out."""

    sends = Bundle("sends")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="waqtor-states-", dir=_fast_folder()))
        self.crashes = 0
        self.database = Database("sqlite", "", self.folder / "w.sqlite")
        self.loop = asyncio.new_event_loop()
        self.states: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.attempts: Counter[str] = Counter()
        self.inbound: dict[str, str] = {}
        self.evidence: set[str] = set()
        self.told_sent: set[str] = set()
        self.failed_first: set[str] = set()
        self.store = None
        self.open()

    def run(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    def open(self) -> None:
        self.store = self.database.store()
        self.run(self.store.open())
        self.ledger = SqlLedger(self.store)

    @rule()
    def crash(self) -> None:
        """As after kill -9: what is in the file and its log is all that is left, neither closed nor checkpointed."""
        left = self.folder / f"after{self.crashes}"
        self.crashes += 1
        left.mkdir()
        for path in self.database.path.parent.glob("w.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, left)
        self.run(self.store.close())
        self.database = Database("sqlite", "", left / "w.sqlite")
        self.open()
        left_over = {p.message_id for p, _ in self.run(self.ledger.unsettled("default"))}
        assert left_over == {m for m, state in self.states.items() if state == "sending"}

    @rule(target=sends, key=st.integers(0, 2))
    def enqueue(self, key):
        name = f"k{key}"
        row = self.run(self.ledger.enqueue(draft(name)))
        assert row.fresh == (name not in self.keys)
        if not row.fresh:
            assert row.message_id == self.keys[name]
            return multiple()
        self.keys[name] = row.message_id
        self.states[row.message_id] = "queued"
        return row.message_id

    @rule(number=st.integers(0, 5))
    def accept(self, number):
        message_id, fresh = self.run(self.ledger.accept(inbound(f"p{number}")))
        assert fresh == (f"p{number}" not in self.inbound)
        assert self.inbound.setdefault(f"p{number}", message_id) == message_id

    @rule(send=sends, stale=st.sampled_from([0, 0, 0, 1]), twice=st.booleans())
    def grant(self, send, stale, twice):
        pending = self.pending(send)
        pending.attempt = max(0, pending.attempt - stale)

        async def ask():
            return await asyncio.gather(*(self.ledger.grant(pending) for _ in range(1 + twice)))

        grants = [g.state for g in self.run(ask())]
        may_go = self.states[send] == "queued" and pending.attempt == self.attempts[send]
        assert grants.count("go") == may_go, "exactly one go for one attempt, and only from the queue"
        if may_go:
            self.attempts[send] += 1
            self.states[send] = "sending"

    @rule(send=sends, state=st.sampled_from(["requeue", "requeue", "in_doubt", "failed", "sent"]), late=st.booleans())
    def settle(self, send, state, late):
        if not self.attempts[send]:
            return
        attempt = max(1, self.attempts[send] - late)
        self.run(self.ledger.settle(outcome(self.pending(send), state, attempt=attempt, error_code="e")))
        before = self.states[send]
        if state == "sent":
            self.evidence.add(send)
            if before not in FINAL:
                self.states[send] = "sent"
                self.told_sent.add(send)
        elif before in ("sending", "in_doubt") and attempt == self.attempts[send]:
            self.states[send] = {"requeue": "queued"}.get(state, state)

    @rule(send=sends, status=st.sampled_from(["sent", "delivered", "read", "failed"]), echo=st.booleans())
    def receipt(self, send, status, echo):
        if not self.attempts[send] or (not echo and send not in self.evidence):
            return
        given = Receipt("default", f"wamid.{send}", status, 1, message_id=send if echo else None)
        news = self.run(self.ledger.receipt(given))
        assert news == (RANK[status] > RANK[self.states[send]])
        if news:
            if self.states[send] == "failed" and send not in self.told_sent:
                self.failed_first.add(send)  # refused, and delivered all the same: there is no moment of sending
            self.states[send] = status
            if status != "failed" and send not in self.failed_first:
                self.told_sent.add(send)
            self.evidence.add(send)

    def pending(self, send: str) -> Pending:
        return Pending(send, "default", "966501234567", {}, 5, self.attempts[send])

    @invariant()
    def what_is_stored_is_what_was_promised(self) -> None:
        if not hasattr(self, "loop"):
            return
        rows = self.run(
            self.store.rows("SELECT message_id, state, attempt, open FROM messages WHERE direction = 'out'")
        )
        assert {row[0]: row[1] for row in rows} == self.states
        for message_id, state, attempt, is_open in rows:
            assert attempt == self.attempts[message_id]
            assert bool(is_open) == (state in ("queued", "sending", "in_doubt"))

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            events = self.run(self.store.journal.read(0, 100_000))
            assert [e.offset for e in events] == list(range(1, len(events) + 1))
            for event in events:
                check(event)
            sent = Counter(e.data["message_id"] for e in events if e.type == "message.sent")
            assert all(count == 1 for count in sent.values()), "one sent event for one send"
            assert set(sent) == self.told_sent
            evident = {m for m, s in self.states.items() if s in ("sent", "delivered", "read")}
            assert evident <= self.told_sent | self.failed_first
            received = Counter(e.data["provider_id"] for e in events if e.type == "message.received")
            assert received == Counter(dict.fromkeys(self.inbound, 1))
            queue = self.run(self.ledger.queue("default", "", 1000))
            assert {p.message_id for p in queue} == {m for m, s in self.states.items() if s == "queued"}
            doubtful = self.run(self.ledger.doubtful("default"))
            assert {p.message_id for p in doubtful} == {m for m, s in self.states.items() if s == "in_doubt"}
        finally:
            self.run(self.store.close())
            self.loop.close()
            shutil.rmtree(self.folder)


LedgerStates.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
TestLedgerStates = pytest.mark.slow(pytest.mark.timeout(300)(LedgerStates.TestCase))
