"""Reading what was delivered: the log of a webhook, one delivery with its attempts, statistics."""

from __future__ import annotations

from typing import Any

from waqtor.contracts.webhooks import AttemptView, DeliveryView, EventStats, WebhookStats
from waqtor.contracts.wire import iso
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row
from waqtor.storage.webhooks import DELIVERY_COLUMNS, SqlWebhooks
from waqtor.webhooks.ports import Delivery, LogQuery

_HOUR_US = 3_600_000_000
_SHOWN = (
    "id, webhook_id, name, type, seq, session, state, attempts, due_at, status_code, ms, error, test, created, updated"
)


class SqlWebhookLog:
    """The :class:`waqtor.webhooks.ports.Log` of a store."""

    def __init__(self, store: SqlStore, webhooks: SqlWebhooks) -> None:
        self._store = store
        self._webhooks = webhooks

    async def deliveries(self, query: LogQuery) -> list[DeliveryView]:
        """Deliveries, newest first."""
        where, params = ["1 = 1"], []
        for column, value in (("webhook_id", query.webhook_id), ("state", query.state), ("name", query.event)):
            if value is not None:
                where.append(f"{column} = ?")
                params.append(value)
        if query.before is not None:
            where.append("id < ?")
            params.append(query.before)
        rows = await self._store.rows(
            f"SELECT {_SHOWN} FROM webhook_deliveries WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
            (*params, query.limit),
        )
        return [_view(row) for row in rows]

    async def delivery(self, delivery_id: str) -> tuple[Delivery, DeliveryView, list[AttemptView]] | None:
        """One with its attempts."""
        shown = await self._store.rows(f"SELECT {_SHOWN} FROM webhook_deliveries WHERE id = ?", (delivery_id,))
        rows = await self._store.rows(f"SELECT {DELIVERY_COLUMNS} FROM webhook_deliveries WHERE id = ?", (delivery_id,))
        if not shown or not rows:
            return None
        attempts = await self._store.rows(
            "SELECT attempt, at, ok, status_code, ms, error, response FROM webhook_attempts WHERE delivery_id = ? "
            "ORDER BY attempt",
            (delivery_id,),
        )
        delivery = self._webhooks.delivery_of(rows[0])
        if delivery.body is None:
            delivery.source = await self._webhooks.event(delivery.seq)
        views = [
            AttemptView(
                attempt=a[0], at=iso(a[1]), status="success" if a[2] else "failed", status_code=a[3],
                response_time_ms=a[4], error=a[5], response=a[6],
            )
            for a in attempts
        ]  # fmt: skip
        return delivery, _view(shown[0]), views

    async def stats(self, webhook_id: str, hours: int) -> WebhookStats:
        """Attempts of the last hours."""
        since = self._store.clock.now_us() - hours * _HOUR_US
        mine = (webhook_id, since)
        counted = await self._store.rows(
            "SELECT name, at / 3600000000, ok, count(*) FROM webhook_attempts WHERE webhook_id = ? AND at >= ? "
            "GROUP BY 1, 2, 3",
            mine,
        )
        states = await self._store.rows(
            "SELECT state, count(*) FROM webhook_deliveries WHERE webhook_id = ? AND (updated >= ? OR "
            "state = 'pending') GROUP BY state",
            mine,
        )
        by_state = {row[0]: int(row[1]) for row in states}
        by_event: dict[str, list[int]] = {}
        by_hour: dict[int, list[int]] = {}
        for name, hour, ok, count in counted:
            for table, key in ((by_event, name), (by_hour, hour)):
                table.setdefault(key, [0, 0])[0 if ok else 1] += int(count)
        good = sum(pair[0] for pair in by_event.values())
        bad = sum(pair[1] for pair in by_event.values())
        return WebhookStats(
            webhook_id=webhook_id, hours=hours, attempts=good + bad, success=good, failed=bad,
            dead=by_state.get("dead", 0), pending=by_state.get("pending", 0),
            success_rate=good / (good + bad) if good + bad else None,
            p50_ms=await self._percentile(mine, good + bad, 0.5),
            p95_ms=await self._percentile(mine, good + bad, 0.95),
            by_event=tuple(EventStats(event=n, success=p[0], failed=p[1]) for n, p in sorted(by_event.items())),
            by_hour=tuple(
                {"hour": iso(int(h) * _HOUR_US), "success": p[0], "failed": p[1]} for h, p in sorted(by_hour.items())
            ),
        )  # fmt: skip

    async def _percentile(self, mine: tuple[str, int], count: int, share: float) -> float | None:
        if not count:
            return None
        rows = await self._store.rows(
            "SELECT ms FROM webhook_attempts WHERE webhook_id = ? AND at >= ? ORDER BY ms LIMIT 1 OFFSET ?",
            (*mine, min(count - 1, int(count * share))),
        )
        return float(rows[0][0]) if rows else None


def _view(row: Row) -> DeliveryView:
    found: dict[str, Any] = {
        "id": row[0], "webhook_id": row[1], "event": row[2], "event_type": row[3], "offset": row[4],
        "session": row[5], "state": row[6], "attempts": row[7], "status_code": row[9], "response_time_ms": row[10],
        "error": row[11], "test": bool(row[12]), "created": iso(row[13]), "updated": iso(row[14]),
    }  # fmt: skip
    waits = row[6] == "pending" and row[8]
    return DeliveryView(**found, next_attempt=iso(row[8]) if waits else None)
