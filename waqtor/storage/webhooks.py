"""Webhooks on SQL: the registered ones, and the deliveries that wait for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import orjson

from waqtor.contracts.events import Event
from waqtor.contracts.webhooks import Filters
from waqtor.kernel.ports import Position
from waqtor.storage.driver import JOURNAL_COLUMNS, event_of
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Row, Tx, dump, plain
from waqtor.storage.vault import Vault
from waqtor.webhooks.ports import Attempt, Delivery, Hook, Span

_COLUMNS = "id, url, name, enabled, sealed, options, since, failing_since, disabled_reason, created, updated"
DELIVERY_COLUMNS = (
    "id, webhook_id, name, type, seq, lane, session, state, attempts, due_at, body, replace_key, test, created, updated"
)
_INSERT = (
    f"INSERT INTO webhook_deliveries ({DELIVERY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, 0, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id) DO NOTHING"
)
_ATTEMPT = (
    "INSERT INTO webhook_attempts (delivery_id, attempt, webhook_id, name, at, ok, status_code, ms, error, response) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (delivery_id, attempt) DO NOTHING"
)
_OUTCOME = (
    "UPDATE webhook_deliveries SET state = ?, attempts = ?, due_at = ?, status_code = ?, ms = ?, error = ?, "
    "updated = ? WHERE id = ? AND state = 'pending'"
)
_CURSOR = (
    "INSERT INTO cursors (reader, epoch, position, updated) VALUES ('webhooks', ?, ?, ?) "
    "ON CONFLICT (reader) DO UPDATE SET epoch = excluded.epoch, position = excluded.position, "
    "updated = excluded.updated WHERE cursors.epoch <> excluded.epoch OR cursors.position < excluded.position"
)
_J = ", ".join(f"j.{name.strip()}" for name in JOURNAL_COLUMNS.split(","))
_EVENTS = f"SELECT {_J}, p.data FROM journal j LEFT JOIN payloads p ON p.id = j.subject WHERE j.seq = ?"


def _record(tx: Tx, groups: Sequence[Sequence[Attempt]]) -> Sequence[None]:
    """Record many attempts at once: the hot path of delivering."""
    attempts = [attempt for group in groups for attempt in group]
    tx.many(
        _ATTEMPT,
        [
            (a.delivery_id, a.number, a.webhook_id, a.name, a.at, int(a.ok), a.status_code, a.ms,
             plain(a.error) if a.error else None, plain(a.response) if a.response else "")
            for a in attempts
        ],
    )  # fmt: skip
    tx.many(
        _OUTCOME,
        [(a.state, a.number, a.due_at, a.status_code, a.ms, plain(a.error) if a.error else None, tx.now, a.delivery_id)
         for a in attempts],
    )  # fmt: skip
    for a in attempts:
        data = {
            "webhook_id": a.webhook_id, "event": a.name, "attempt": a.number,
            "status": "success" if a.ok else "dead" if a.state == "dead" else "failed",
            "status_code": a.status_code, "response_time_ms": a.ms, "delivery_id": a.delivery_id,
        }  # fmt: skip
        tx.journal(Event("webhook.delivery", a.session, data))
    return [None] * len(groups)


class SqlWebhooks:
    """The :class:`waqtor.webhooks.ports.Subscriptions` and :class:`~waqtor.webhooks.ports.Outbox` of a store."""

    def __init__(self, store: SqlStore, vault: Callable[[], Vault]) -> None:
        self._store = store
        self._make_vault = vault

    @cached_property
    def _vault(self) -> Vault:
        """Opened when first needed: making an engine writes no key file."""
        return self._make_vault()

    # --- the registered ones

    async def all(self) -> list[Hook]:
        """All of them, oldest first."""
        return [self._hook(row) for row in await self._store.rows(f"SELECT {_COLUMNS} FROM webhooks ORDER BY id")]

    async def add(self, hook: Hook) -> None:
        """Store a new one."""
        values = (
            hook.id, hook.url, hook.name, int(hook.enabled), self._sealed(hook), _options(hook), hook.since, None,
            None, hook.created, hook.updated,
        )  # fmt: skip
        sql = f"INSERT INTO webhooks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        await self._store.write(lambda tx: tx.many(sql, [values]))

    async def change(self, hook: Hook) -> None:
        """Store what changed."""
        values = (
            hook.url, hook.name, int(hook.enabled), self._sealed(hook), _options(hook), hook.since,
            hook.failing_since, hook.disabled_reason, hook.updated, hook.id,
        )  # fmt: skip
        sql = (
            "UPDATE webhooks SET url = ?, name = ?, enabled = ?, sealed = ?, options = ?, since = ?, "
            "failing_since = ?, disabled_reason = ?, updated = ? WHERE id = ?"
        )
        await self._store.write(lambda tx: tx.many(sql, [values]))

    async def remove(self, webhook_id: str) -> bool:
        """Remove it with its log."""

        def write(tx: Tx) -> bool:
            row = tx.one("DELETE FROM webhooks WHERE id = ? RETURNING id", (webhook_id,))
            tx.many("DELETE FROM webhook_deliveries WHERE webhook_id = ?", [(webhook_id,)])
            tx.many("DELETE FROM webhook_attempts WHERE webhook_id = ?", [(webhook_id,)])
            return row is not None

        return await self._store.write(write)

    async def mark_failing(self, webhook_id: str, since: int | None) -> None:
        """Note since when it fails without a success."""
        sql = "UPDATE webhooks SET failing_since = ? WHERE id = ?"
        await self._store.write(lambda tx: tx.many(sql, [(since, webhook_id)]))

    async def disable(self, hook: Hook, reason: str) -> bool:
        """Switch it off and journal ``webhook.disabled``."""
        host = urlsplit(hook.url).hostname or ""

        def write(tx: Tx) -> bool:
            row = tx.one(
                "UPDATE webhooks SET enabled = 0, disabled_reason = ?, updated = ? WHERE id = ? AND enabled = 1 "
                "RETURNING id",
                (reason, tx.now, hook.id),
            )
            if row is not None:
                tx.journal(Event("webhook.disabled", "", {"webhook_id": hook.id, "host": host, "reason": reason}))
            return row is not None

        return await self._store.write(write)

    async def revision(self) -> int:
        """A number that changes with every change."""
        rows = await self._store.rows("SELECT count(*), coalesce(max(updated), 0) FROM webhooks")
        return int(rows[0][0]) + int(rows[0][1]) * 1000

    # --- deliveries

    async def enqueue(self, deliveries: Sequence[Delivery], position: Position | None = None) -> None:
        """Store new deliveries and how far the journal has been read, in one commit."""

        def write(tx: Tx) -> None:
            for d in deliveries:
                if d.replace_key is not None:
                    tx.many(
                        "UPDATE webhook_deliveries SET state = 'replaced', updated = ? WHERE webhook_id = ? "
                        "AND state = 'pending' AND replace_key = ?",
                        [(tx.now, d.webhook_id, d.replace_key)],
                    )
            tx.many(
                _INSERT,
                [
                    (d.id, d.webhook_id, d.name, d.type, d.seq, d.lane, d.session,
                     self._vault.seal(d.body.decode(), d.id) if d.body is not None else None, d.replace_key,
                     int(d.test), d.created, tx.now)
                    for d in deliveries
                ],
            )  # fmt: skip
            if position is not None:
                tx.many(_CURSOR, [(position.epoch, position.offset, tx.now)])

        await self._store.write(write)

    async def record(self, attempts: Sequence[Attempt]) -> None:
        """Store what came of attempts, and journal each."""
        await self._store.writer.submit(_record, attempts)

    async def pending(self, webhook_id: str, after: int, limit: int, skip: Sequence[int] = ()) -> list[Delivery]:
        """Deliveries that wait for a first attempt, in order, their events attached."""
        lanes = f"AND lane NOT IN ({', '.join(str(int(lane)) for lane in skip)}) " if skip else ""
        return await self._waiting(f"due_at = 0 AND seq >= ? {lanes}ORDER BY seq LIMIT ?", (webhook_id, after, limit))

    async def again(self, webhook_id: str, limit: int) -> list[Delivery]:
        """Deliveries that wait for another attempt, by its time, their events attached."""
        return await self._waiting("due_at > 0 ORDER BY due_at LIMIT ?", (webhook_id, limit))

    async def _waiting(self, which: str, params: Sequence[Any]) -> list[Delivery]:
        rows = await self._store.rows(
            f"SELECT {DELIVERY_COLUMNS} FROM webhook_deliveries "
            f"WHERE webhook_id = ? AND state = 'pending' AND test = 0 AND {which}",
            params,
        )
        found = [self.delivery_of(row) for row in rows]
        bare = [delivery for delivery in found if delivery.body is None]
        for delivery in bare:
            delivery.source = self._store.journal.held(delivery.seq)
        bare = [delivery for delivery in bare if delivery.source is None]
        for start in range(0, len(bare), 200):
            part = bare[start : start + 200]
            sql = _EVENTS.replace("j.seq = ?", f"j.seq IN ({', '.join('?' * len(part))})")
            events = {row[0]: event_of(row) for row in await self._store.rows(sql, [d.seq for d in part])}
            for delivery in part:
                delivery.source = events.get(delivery.seq)
        return found

    async def event(self, offset: int) -> Event | None:
        """The event at an offset; ``None`` once the journal has dropped it."""
        rows = await self._store.rows(_EVENTS, (offset,))
        return event_of(rows[0]) if rows else None

    async def counts(self) -> dict[str, int]:
        """Waiting deliveries by webhook."""
        rows = await self._store.rows(
            "SELECT webhook_id, count(*) FROM webhook_deliveries WHERE state = 'pending' GROUP BY webhook_id"
        )
        return {row[0]: int(row[1]) for row in rows}

    async def replay(self, webhook_id: str, span: Span) -> int:
        """Let deliveries that ended wait again, with their attempts counted on."""
        wanted = "('dead')" if span.dead_only else "('dead', 'delivered')"

        def write(tx: Tx) -> int:
            if span.delivery_id is not None:
                where, params = "id = ? AND state IN ('dead', 'delivered', 'replaced')", [span.delivery_id]
            else:
                where = f"created >= ? AND created < ? AND state IN {wanted}"
                params = [span.since, span.until]  # type: ignore[list-item]
            rows = tx.rows(
                f"UPDATE webhook_deliveries SET state = 'pending', due_at = 0, updated = ? WHERE id IN (SELECT id FROM "
                f"webhook_deliveries WHERE webhook_id = ? AND test = 0 AND {where} ORDER BY id LIMIT ?) RETURNING id",
                (tx.now, webhook_id, *params, span.limit),
            )
            return len(rows)

        return await self._store.write(write)

    async def trim(self, before: int) -> int:
        """Drop a chunk of ended deliveries that are older."""

        def write(tx: Tx) -> int:
            rows = tx.rows(
                "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE created < ? "
                "AND state <> 'pending' ORDER BY id LIMIT 500) RETURNING id",
                (before,),
            )
            tx.many("DELETE FROM webhook_attempts WHERE delivery_id = ?", rows)
            return len(rows)

        return await self._store.write(write)

    def delivery_of(self, row: Row) -> Delivery:
        """A delivery of a row with the columns of ``DELIVERY_COLUMNS``."""
        body = self._vault.open(row[10], row[0]).encode() if row[10] is not None else None
        return Delivery(
            id=row[0], webhook_id=row[1], name=row[2], type=row[3], seq=row[4], lane=row[5], session=row[6],
            attempts=row[8], due_at=row[9], body=body, replace_key=row[11], test=bool(row[12]), created=row[13],
        )  # fmt: skip

    def _sealed(self, hook: Hook) -> str:
        value = {"secret": hook.secret, "old": hook.old_secret, "headers": dict(hook.headers)}
        return self._vault.seal(orjson.dumps(value).decode(), f"webhook:{hook.id}")

    def _hook(self, row: Row) -> Hook:
        sealed: dict[str, Any] = orjson.loads(self._vault.open(row[4], f"webhook:{row[0]}"))
        options: dict[str, Any] = orjson.loads(row[5])
        schedule = options.pop("schedule")
        hook = Hook(
            id=row[0], url=row[1], name=row[2], enabled=bool(row[3]), secret=sealed["secret"],
            headers=sealed["headers"], since=row[6], failing_since=row[7], disabled_reason=row[8], created=row[9],
            updated=row[10], old_secret=sealed["old"], events=tuple(options.pop("events")),
            filters=Filters(**options.pop("filters")),
            schedule=tuple(schedule) if isinstance(schedule, list) else schedule, **options,
        )  # fmt: skip
        return replace(hook, old_secret=None) if hook.old_until == 0 else hook


def _options(hook: Hook) -> str:
    return dump(
        {
            "events": hook.events, "filters": hook.filters.model_dump(mode="json"), "attempts": hook.attempts,
            "delay_ms": hook.delay_ms, "timeout_ms": hook.timeout_ms, "schedule": hook.schedule,
            "ordered": hook.ordered, "concurrency": hook.concurrency, "old_until": hook.old_until,
        }
    )  # fmt: skip
