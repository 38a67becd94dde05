"""Statuses that come back: monotone, whatever their order, and the end of doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso
from waqtor.messaging.ports import Receipt
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
    updates: dict[Any, tuple[Any, ...]] = {}  # delivered and read of one message often come together
    results: list[bool] = []
    for receipt in receipts:
        known, id_ = (by_id, receipt.message_id) if receipt.message_id else (by_provider, receipt.provider_id)
        row = known.get((receipt.session, id_))
        if row is None:
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
    return results


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
