"""What became of a campaign's recipients, read from the send ledger: counts, the list, the report's figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from waqtor.campaigns.figures import report_of
from waqtor.campaigns.ports import Campaign, Recipient
from waqtor.contracts.campaigns import CampaignCounts, CampaignReport, CampaignView, RecipientView
from waqtor.contracts.privacy import ERASED_ADDRESS
from waqtor.contracts.wire import iso
from waqtor.storage.campaign_skips import CampaignSkips
from waqtor.storage.transaction import Row

# A recipient's send has the key of its last attempt; there is none before its turn, and none for who is skipped.
_JOIN = (
    "FROM campaign_recipients r {kind} JOIN messages m ON m.session = ? AND m.key = "
    "'campaign:' || r.campaign_id || ':' || r.contact || ':' || r.attempt WHERE r.campaign_id = ? AND r.superseded = 0 "
)
_REPLIED = (
    "(SELECT min(i.created) FROM messages i WHERE i.session = m.session AND i.chat_id = m.chat_id "
    "AND i.message_id > m.message_id AND i.direction = 'in')"
)
_STATE = (
    "CASE WHEN r.skip_code IS NOT NULL THEN 'skipped' WHEN m.state IS NOT NULL THEN m.state "
    "WHEN ? = 1 THEN 'cancelled' ELSE 'planned' END"
)
_REPORTED = ("sent", "delivered", "read")


class CampaignReads(CampaignSkips):
    """The reading half of :class:`waqtor.storage.campaigns.SqlCampaigns`."""

    FAILED = (
        "SELECT r.place, r.contact, r.variant, r.variables, r.attempt "
        + _JOIN.format(kind="")
        + f"AND m.state = 'failed' AND r.contact NOT LIKE '{ERASED_ADDRESS}%' "
    )

    async def waiting(self, campaign_id: str, first: int, limit: int) -> list[Recipient]:
        """Rows of the plan from place ``first`` on."""
        rows = await self._store.rows(
            "SELECT place, contact, variant, variables, attempt, skip_code, skip_reason FROM campaign_recipients "
            "WHERE campaign_id = ? AND place >= ? ORDER BY place LIMIT ?",
            (campaign_id, first, limit),
        )
        return [
            Recipient(r[0], r[1], r[2], orjson.loads(r[3]), r[4], (r[5], r[6] or "") if r[5] else None) for r in rows
        ]

    async def counts(self, campaign: Campaign) -> CampaignCounts:
        """Count in the ledger."""
        by_variant = await self._by_variant(campaign)
        return total_of(by_variant.values(), campaign.total)

    async def _by_variant(self, campaign: Campaign) -> dict[str, CampaignCounts]:
        rows = await self._store.rows(
            f"SELECT r.variant, {_STATE}, count(*) " + _JOIN.format(kind="LEFT") + "GROUP BY 1, 2",
            (0, campaign.session, campaign.id),
        )
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for variant, state, count in rows:
            found[variant][state] = int(count)
        return {variant: counts_of(states) for variant, states in sorted(found.items())}

    async def recipients(
        self, campaign: Campaign, *, status: str | None, search: str | None, after: int, limit: int
    ) -> list[RecipientView]:
        """Recipients in order, after place ``after``."""
        over = int(campaign.status in ("cancelled", "failed"))
        where, values = "AND r.place > ? ", [after]
        if search:
            where += "AND r.contact LIKE ? "
            values.append("%" + "".join(c for c in search if c.isalnum() or c == "@") + "%")  # type: ignore[arg-type]
        if status == "replied":
            where += f"AND {_REPLIED} IS NOT NULL "
        elif status:
            where += f"AND {_STATE} = ? "
            values += [over, status]  # type: ignore[list-item]
        rows = await self._store.rows(
            f"SELECT r.place, r.contact, r.variant, {_STATE}, r.attempt, m.message_id, "
            "coalesce(r.skip_code, m.error_code), coalesce(r.skip_reason, m.error_reason), m.updated, "
            f"{_REPLIED}, m.sending_at, r.variables " + _JOIN.format(kind="LEFT") + where + "ORDER BY r.place LIMIT ?",
            (over, campaign.session, campaign.id, *values, limit),
        )
        return [_recipient(row) for row in rows]

    async def report(self, campaign: Campaign, view: CampaignView, timezone: str) -> CampaignReport:
        """Its figures."""
        by_variant = await self._by_variant(campaign)
        sends = await self._store.rows(
            f"SELECT r.variant, m.state, m.sending_at, m.updated, {_REPLIED} "
            + _JOIN.format(kind="")
            + "AND m.sending_at IS NOT NULL",
            (campaign.session, campaign.id),
        )
        failures = await self._store.rows(
            "SELECT coalesce(r.skip_code, m.error_code, ''), coalesce(r.skip_reason, m.error_reason, ''), "
            f"{_STATE}, count(*) " + _JOIN.format(kind="LEFT") + "AND (r.skip_code IS NOT NULL OR m.state IN "
            "('failed', 'skipped', 'in_doubt')) GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 50",
            (0, campaign.session, campaign.id),
        )
        named = [{"code": row[0], "reason": row[1], "status": row[2], "count": int(row[3])} for row in failures]
        return report_of(view, by_variant, [tuple(row) for row in sends], named, timezone)

    async def refusals(self, contacts: Sequence[str], *, consent: bool) -> dict[str, str]:
        """Which of the contacts may not get a campaign now, and why."""
        found: dict[str, str] = {}
        for start in range(0, len(contacts), 500):
            chunk = contacts[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            names = {self._store.veil(contact): contact for contact in chunk} | {c: c for c in chunk}
            rows = await self._store.rows(
                "SELECT contact FROM opt_outs WHERE contact {in}", (self._store.listed(names),)
            )
            found.update((names[row[0]], "opted_out") for row in rows)
            if consent:
                rows = await self._store.rows(
                    f"SELECT contact FROM consents WHERE purpose = 'marketing' AND contact IN ({marks})", chunk
                )
                given = {row[0] for row in rows}
                found.update((c, "no_consent") for c in chunk if c not in given and c not in found)
        return found

    async def warmed(self, session: str, day: str) -> tuple[int, int]:
        """Earlier days that the number sent on, and how many it had queued on ``day``."""
        rows = await self._store.rows(
            "SELECT count(*) FILTER (WHERE day < ?), coalesce(sum(queued) FILTER (WHERE day = ?), 0) "
            "FROM number_days WHERE session = ? AND queued > 0",
            (day, day, session),
        )
        return int(rows[0][0]), int(rows[0][1])


def counts_of(states: dict[str, int]) -> CampaignCounts:
    """Counts of recipients by state, as a funnel."""
    get = states.get
    read = get("read", 0)
    delivered = get("delivered", 0) + read
    return CampaignCounts(
        total=sum(states.values()), planned=get("planned", 0), queued=get("queued", 0) + get("sending", 0),
        sent=get("sent", 0) + delivered, delivered=delivered, read=read, failed=get("failed", 0),
        skipped=get("skipped", 0), in_doubt=get("in_doubt", 0),
    )  # fmt: skip


def total_of(parts: Any, total: int) -> CampaignCounts:
    """The sum of the variants; who is not planned yet counts as planned for later."""
    sums: dict[str, int] = defaultdict(int)
    for part in parts:
        for name, value in part.model_dump().items():
            sums[name] += value
    sums["planned"] += max(0, total - sums["total"])
    sums["total"] = total
    return CampaignCounts(**sums)


def _recipient(row: Row) -> RecipientView:
    replied = round((row[9] - row[10]) / 1e6, 3) if row[9] is not None and row[10] is not None else None
    return RecipientView(
        place=row[0], contact=row[1], variant=row[2], status=row[3], attempt=row[4], message_id=row[5],
        error=row[6], reason=row[7], updated=iso(row[8]) if row[8] is not None else None,
        replied_after_s=replied, variables=orjson.loads(row[11]),
    )  # fmt: skip
