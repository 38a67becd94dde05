"""Campaigns on SQL: their rows, their status, and the plan that the ledger is fed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import orjson

from waqtor.campaigns.ports import Campaign, Change, Open, Recipient
from waqtor.contracts.campaigns import CampaignCounts
from waqtor.contracts.event_data import CampaignStatus
from waqtor.contracts.events import Event
from waqtor.contracts.ids import new_ulid
from waqtor.errors import Conflict, NotFound
from waqtor.messaging.ports import Draft, Pending, Queued
from waqtor.storage.campaign_reads import CampaignReads
from waqtor.storage.ledger import PENDING, pending_of_row
from waqtor.storage.outbound import Departure, enqueue, skip_queued
from waqtor.storage.transaction import Row, Tx, dump
from waqtor.storage.vault import PSEUDONYM

_COLUMNS = (
    "id, name, session, status, audience_id, spec, total, planned, fed, counts, created, updated, reason, hold, "
    "due_at, held_until, started, finished"
)
_SELECT = f"SELECT {_COLUMNS} FROM campaigns "
# What every grant reads: 0 may send, 1 stopped for now, 2 over.
_HALTED: dict[str, int] = {"paused": 1, "held": 1, "cancelled": 2, "failed": 2}
_PLAN = (
    "INSERT INTO campaign_recipients (campaign_id, place, contact, variant, variables, attempt, superseded, skip_code, "
    "skip_reason) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)"
)
_RETRY_CHUNK = 500


class SqlCampaigns(CampaignReads):
    """The :class:`waqtor.campaigns.ports.CampaignStore` of a store."""

    async def create(self, campaign: Campaign) -> bool:
        """Add a campaign; false when there is one with its id."""
        consent = int(bool(campaign.spec.get("require_consent")))
        values = (
            campaign.id, campaign.name, campaign.session, campaign.status, consent, campaign.audience_id,
            dump(dict(campaign.spec)), campaign.total, campaign.counts.model_dump_json(), campaign.created,
            campaign.updated, campaign.due_at,
        )  # fmt: skip
        return await self._store.write(
            lambda tx: tx.hits(
                "INSERT INTO campaigns (id, name, session, status, halted, consent, audience_id, spec, total, planned, "
                "fed, counts, created, updated, due_at) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                [values],
            )[0]
        )

    async def get(self, campaign_id: str) -> Campaign:
        """One campaign."""
        rows = await self._store.rows(_SELECT + "WHERE id = ?", (campaign_id,))
        if not rows:
            raise NotFound("There is no such campaign.")
        return _campaign(rows[0])

    async def list(self, session: str | None, status: str | None, before: str | None, limit: int) -> list[Campaign]:
        """Campaigns, newest first."""
        where, values = ["id < ?"], [before or "~"]
        for column, value in (("session", session), ("status", status)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        sql = f"{_SELECT}WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
        return [_campaign(row) for row in await self._store.rows(sql, (*values, limit))]

    async def live(self) -> Sequence[Campaign]:
        """Campaigns that are scheduled, running or held."""
        sql = _SELECT + "WHERE status IN ('scheduled', 'running', 'held') ORDER BY id"
        return [_campaign(row) for row in await self._store.rows(sql)]

    async def change(self, campaign_id: str, change: Change) -> Campaign:
        """Change the status and journal it in one commit."""
        return await self._store.write(lambda tx: _change(tx, campaign_id, change), urgent=True)

    async def remember(self, campaign_id: str, counts: CampaignCounts) -> None:
        """Keep counts."""
        text = counts.model_dump_json()
        await self._store.write(
            lambda tx: tx.many("UPDATE campaigns SET counts = ? WHERE id = ?", [(text, campaign_id)])
        )

    async def plan(self, campaign_id: str, recipients: Sequence[Recipient]) -> bool:
        """Append to the plan."""
        first, last = recipients[0].place, recipients[-1].place + 1
        rows = [_planned(campaign_id, recipient) for recipient in recipients]

        def write(tx: Tx) -> bool:
            moved = tx.hits("UPDATE campaigns SET planned = ? WHERE id = ? AND planned = ?",
                            [(last, campaign_id, first)])  # fmt: skip
            if moved[0]:
                tx.many(_PLAN, rows)
                _opt_outs_again(tx, [recipient.contact for recipient in recipients])
            return moved[0]

        return await self._store.write(write)

    async def feed(self, campaign: Campaign, first: int, drafts: Sequence[Draft | None], day: str) -> Sequence[Pending]:
        """Queue rows of the plan, all or nothing, once: the place they start at moves in the same commit."""
        planned = [(first + n, Departure(draft, new_ulid())) for n, draft in enumerate(drafts) if draft is not None]
        departures = [departure for _, departure in planned]

        def write(tx: Tx) -> list[Any]:
            erased = tx.rows(
                "SELECT place FROM campaign_recipients WHERE campaign_id = ? AND place >= ? AND place < ? "
                "AND skip_code = 'erased'",
                (campaign.id, first, first + len(drafts)),
            )
            if erased:  # since the plan was read
                gone = {row[0] for row in erased}
                departures[:] = [departure for place, departure in planned if place not in gone]
            moved = tx.hits(
                "UPDATE campaigns SET fed = ? WHERE id = ? AND fed = ? AND status = 'running' AND halted = 0",
                [(first + len(drafts), campaign.id, first)],
            )
            if not moved[0]:
                return []
            tx.many(
                "INSERT INTO number_days (session, day, queued) VALUES (?, ?, ?) ON CONFLICT (session, day) "
                "DO UPDATE SET queued = number_days.queued + excluded.queued",
                [(campaign.session, day, len(departures))],
            )
            return enqueue(tx, departures)

        queued = await self._store.write(write)
        return [
            _pending(departure, row)
            for departure, row in zip(departures, queued, strict=False)
            if isinstance(row, Queued) and row.fresh
        ]

    async def open(self, campaign_id: str, session: str) -> Open:
        """Sends of the campaign that are not over."""
        rows = await self._store.rows(
            "SELECT message_id, state, updated FROM messages WHERE session = ? AND open = 1 AND cause_id = ? "
            "AND cause = 'campaign'",
            (session, campaign_id),
        )
        doubts = {row[0]: int(row[2]) for row in rows if row[1] == "in_doubt"}
        return Open(frozenset(row[0] for row in rows if row[1] != "in_doubt"), doubts)

    async def pendings(self, campaign_id: str, session: str, limit: int) -> Sequence[Pending]:
        """Its queued sends."""
        rows = await self._store.rows(
            PENDING + "WHERE m.session = ? AND m.open = 1 AND m.state = 'queued' AND m.cause = 'campaign' "
            "AND m.cause_id = ? ORDER BY m.message_id LIMIT ?",
            (session, campaign_id, limit),
        )
        return [pending_of_row(row) for row in rows]

    async def skip_queued(self, campaign_id: str, session: str, limit: int) -> int:
        """Skip queued sends of a cancelled campaign."""
        return await self._store.write(lambda tx: skip_queued(tx, campaign_id, session, limit))

    async def retry(self, campaign_id: str) -> int:
        """Plan another attempt for each recipient whose last one failed, in chunks that each stand alone."""
        campaign = await self.get(campaign_id)
        total, after = 0, -1
        while True:
            rows = await self._store.rows(
                self.FAILED + "AND r.place > ? AND r.place < ? ORDER BY r.place LIMIT ?",
                (campaign.session, campaign_id, after, campaign.planned, _RETRY_CHUNK),
            )
            if not rows:
                return total
            after = int(rows[-1][0])
            total += await self._store.write(lambda tx, found=rows: _retry(tx, campaign_id, found))  # type: ignore[misc]


def _opt_outs_again(tx: Tx, contacts: Sequence[str]) -> None:
    """Who opted out and was erased since is known by a pseudonym: their number is here again, so the opt-out is too."""
    kept = tx.one("SELECT 1 FROM opt_outs WHERE contact LIKE ? LIMIT 1", (f"{PSEUDONYM}%",))
    if kept is None:
        return
    names = {tx.veil(contact): contact for contact in contacts}
    rows = tx.rows("SELECT contact, created FROM opt_outs WHERE contact {in}", (tx.listed(names),))
    tx.many(
        "INSERT INTO opt_outs (contact, source, created) VALUES (?, 'kept', ?) ON CONFLICT DO NOTHING",
        [(names[row[0]], row[1]) for row in rows],
    )


def _change(tx: Tx, campaign_id: str, change: Change) -> Campaign:
    row = tx.one(_SELECT + "WHERE id = ? {lock}", (campaign_id,))
    if row is None:
        raise NotFound("There is no such campaign.")
    before = _campaign(row)
    if before.status not in change.allowed:
        raise Conflict(f"A campaign that is {before.status} cannot become {change.status}.", status=before.status)
    counts = change.counts or before.counts
    over = change.status in ("completed", "failed", "cancelled")
    started = before.started or (tx.now if change.status == "running" else None)
    tx.many(
        "UPDATE campaigns SET status = ?, reason = ?, hold = ?, held_until = ?, halted = ?, counts = ?, updated = ?, "
        "started = ?, finished = ? WHERE id = ?",
        [
            (
                change.status, change.reason, change.hold, change.held_until, _HALTED.get(change.status, 0),
                counts.model_dump_json(), tx.now, started, tx.now if over else None, campaign_id,
            )
        ],
    )  # fmt: skip
    if change.event is not None:
        shown = counts.model_dump(exclude={"planned", "queued"})
        data = {"campaign_id": campaign_id, "status": change.status, "reason": change.reason, **shown}
        tx.journal(Event(change.event, before.session, data, correlation_id=campaign_id))
    after = tx.one(_SELECT + "WHERE id = ?", (campaign_id,))
    assert after is not None
    return _campaign(after)


def _retry(tx: Tx, campaign_id: str, rows: Sequence[Row]) -> int:
    place = int(tx.rows("SELECT planned FROM campaigns WHERE id = ? {lock}", (campaign_id,))[0][0])
    marked = tx.hits(
        "UPDATE campaign_recipients SET superseded = 1 WHERE campaign_id = ? AND place = ? AND superseded = 0",
        [(campaign_id, row[0]) for row in rows],
    )
    fresh = [row for row, changed in zip(rows, marked, strict=True) if changed]
    tx.many(
        _PLAN,
        [(campaign_id, place + n, row[1], row[2], row[3], row[4] + 1, None, None) for n, row in enumerate(fresh)],
    )
    tx.many("UPDATE campaigns SET planned = ? WHERE id = ?", [(place + len(fresh), campaign_id)])
    return len(fresh)


def _planned(campaign_id: str, r: Recipient) -> tuple[Any, ...]:
    code, reason = r.skip or (None, None)
    return (campaign_id, r.place, r.contact, r.variant, dump(dict(r.variables)), r.attempt, code, reason)


def _pending(departure: Departure, row: Queued) -> Pending:
    d = departure.draft
    return Pending(
        row.message_id, d.session, d.to, d.content, d.priority, cause=d.cause, cause_id=d.cause_id,
        correlation_id=d.correlation_id,
    )  # fmt: skip


def _campaign(row: Row) -> Campaign:
    assert row[3] in get_args(CampaignStatus)
    return Campaign(
        id=row[0], name=row[1], session=row[2], status=row[3], audience_id=row[4], spec=orjson.loads(row[5]),
        total=row[6], planned=row[7], fed=row[8], counts=CampaignCounts.model_validate_json(row[9]), created=row[10],
        updated=row[11], reason=row[12], hold=row[13], due_at=row[14], held_until=row[15], started=row[16],
        finished=row[17],
    )  # fmt: skip
