"""Statuses that come back: monotone, whatever their order, and the end of doubt.

A status that names only the provider's id may overtake the answer to the call that tells us this id. Such a one is kept
for an hour, in the commit that acknowledges it, and applied when the id becomes known: by the call's answer, or by a
look-up after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso
from waqtor.messaging.ports import Receipt
from waqtor.storage.inbound import forgotten
from waqtor.storage.transaction import Row, Tx, lane_of, plain

# A status only counts when it is further on than what is known. "failed" after "sent" happens; after "read" it cannot.
_RANK = {
    "queued": 0, "sending": 1, "in_doubt": 1, "skipped": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5,
}  # fmt: skip
_BY_ID = (
    "SELECT message_id, state, chat_id, provider_id, cause, session, correlation_id FROM messages "
    "WHERE message_id {in} AND direction = 'out' {lock}"
)
_BY_PROVIDER = (
    "SELECT message_id, state, chat_id, provider_id, cause, session, correlation_id FROM messages "
    "WHERE provider_id {in} AND direction = 'out' {lock}"
)
_UPDATE = (
    "UPDATE messages SET state = ?, open = NULL, updated = ?, provider_id = coalesce(provider_id, ?), "
    "error_code = ?, error_reason = ? WHERE message_id = ?"
)
_KEEP = (
    "INSERT INTO early_receipts (session, provider_id, status, at, error_code, error_reason, received) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_EARLY = "SELECT session, provider_id, status, at, error_code, error_reason FROM early_receipts "
_FORGET = "DELETE FROM early_receipts WHERE session = ? AND provider_id = ? AND status = ?"
# On a shared store a status and the answer may be committed by two engines at once, each without seeing the other.
_MATCHED = (
    _EARLY.replace("SELECT ", "SELECT e.").replace(", ", ", e.").replace("early_receipts", "early_receipts e")
    + "JOIN messages m ON m.provider_id = e.provider_id AND m.session = e.session AND m.direction = 'out' "
    "WHERE e.session = ? LIMIT 500"
)
EARLY_US = 3_600_000_000
"""How long a status waits for its send, µs: longer than the last of the look-ups that soon follow a doubt."""


def record(tx: Tx, batches: Sequence[Sequence[Receipt]]) -> list[list[bool]]:
    """Commit each status that is news, with its event; says for each of each batch whether it was."""
    flags = iter(_record(tx, [receipt for batch in batches for receipt in batch]))
    return [[next(flags) for _ in batch] for batch in batches]


def _record(tx: Tx, receipts: Sequence[Receipt]) -> list[bool]:
    by_id: dict[tuple[str, str | None], Row] = {}
    by_provider: dict[tuple[str, str | None], Row] = {}
    own = [r.message_id for r in receipts if r.message_id]
    foreign = [r.provider_id for r in receipts if not r.message_id]
    if own:
        by_id = {(row[5], row[0]): row for row in tx.rows(_BY_ID, (tx.listed(own),))}
    if foreign:
        by_provider = {(row[5], row[3]): row for row in tx.rows(_BY_PROVIDER, (tx.listed(foreign),))}
    states: dict[Any, str] = {}
    early: list[Receipt] = []
    updates: dict[Any, tuple[Any, ...]] = {}  # delivered and read of one message often come together
    results: list[bool] = []
    for receipt in receipts:
        known, id_ = (by_id, receipt.message_id) if receipt.message_id else (by_provider, receipt.provider_id)
        row = known.get((receipt.session, id_))
        if row is None:
            if not receipt.message_id:
                early.append(receipt)
            results.append(False)
            continue
        message_id, state, chat_id, _, cause, _, origin = row
        if cause != "campaign":
            origin = message_id
        state = str(states.get(message_id, state))
        if _RANK[receipt.status] <= _RANK[state]:
            results.append(False)
            continue
        states[message_id] = receipt.status
        results.append(True)
        failed = receipt.status == "failed"
        updates[message_id] = (
            receipt.status, tx.now, receipt.provider_id, plain(receipt.error_code) if failed else None,
            plain(receipt.error_reason[:500]) if failed else None, message_id,
        )  # fmt: skip
        if _RANK[state] < _RANK["sent"] and receipt.status != "sent" and not failed:
            # The status overtook the answer of the call: the message was evidently sent.
            tx.journal(_event(tx, receipt, message_id, chat_id, cause, "sent", origin))
        tx.journal(_event(tx, receipt, message_id, chat_id, cause, receipt.status, origin))
    tx.many(_UPDATE, list(updates.values()))
    gone = forgotten(tx, [(receipt.session, receipt.provider_id) for receipt in early])
    tx.many(_KEEP, [_early(receipt, tx.now) for receipt, erased in zip(early, gone, strict=True) if not erased])
    return results


def _early(receipt: Receipt, now: int) -> tuple[Any, ...]:
    return (
        receipt.session, plain(receipt.provider_id), receipt.status, receipt.timestamp, plain(receipt.error_code),
        plain(receipt.error_reason[:500]), now,
    )  # fmt: skip


def apply_early(tx: Tx, provider_ids: Sequence[str]) -> int:
    """Apply the statuses that came before these ids were known; returns how many waited."""
    if not provider_ids or tx.one(_EARLY + "LIMIT 1") is None:
        return 0
    return _apply(tx, tx.rows(_EARLY + "WHERE provider_id {in}", (tx.listed(provider_ids),)))


def sweep_early(tx: Tx, session: str) -> int:
    """Apply what waits although its send is known by now, and forget what is over an hour old."""
    tx.many("DELETE FROM early_receipts WHERE received < ?", [(tx.now - EARLY_US,)])
    return _apply(tx, tx.rows(_MATCHED, (session,)))


def _apply(tx: Tx, rows: Sequence[Row]) -> int:
    found = [Receipt(row[0], row[1], row[2], int(row[3]), error_code=row[4], error_reason=row[5]) for row in rows]
    found.sort(key=lambda receipt: _RANK[receipt.status])
    if found:
        tx.many(_FORGET, [(receipt.session, receipt.provider_id, receipt.status) for receipt in found])
        _record(tx, found)  # one whose send is not known in its own session is kept again
    return len(found)


def _event(tx: Tx, receipt: Receipt, message_id: str, to: str, cause: str, status: str, origin: str) -> Event:
    data: dict[str, Any] = {
        "message_id": message_id, "provider_id": receipt.provider_id, "status": status,
        "timestamp": iso(receipt.timestamp), "cause": cause,
    }  # fmt: skip
    if status == "failed":
        reason = receipt.error_reason[:500] or "the provider reported a failure"
        data["error"] = {"code": receipt.error_code, "reason": reason, "retryable": False}
    return Event(
        f"message.{status}",
        receipt.session,
        data,
        created=tx.now,
        correlation_id=origin,
        lane=lane_of(tx, receipt.session, to),
        subject=message_id,
        personal={"to": to},
    )
