"""Recipients that a campaign leaves out before anything is sent to them: their rows, and the event that counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from waqtor.campaigns.ports import Campaign, Recipient
from waqtor.contracts.events import Event
from waqtor.storage.store import SqlStore
from waqtor.storage.transaction import Tx

_SKIP = (
    "UPDATE campaign_recipients SET skip_code = ?, skip_reason = ? "
    "WHERE campaign_id = ? AND place = ? AND skip_code IS NULL"
)
_CHUNK = 500


class CampaignSkips:
    """The part of :class:`waqtor.storage.campaigns.SqlCampaigns` about who is left out."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def note_skips(self, campaign: Campaign, recipients: Sequence[Recipient]) -> None:
        """Journal whom a part of the plan leaves out, once per part: a repeat after a crash journals nothing."""
        skips = _counted(recipients)
        if not skips:
            return
        event = _event(campaign, skips)
        event.dedup_key = f"skips:{campaign.id}:{recipients[0].place}"
        await self._store.write(lambda tx: tx.journal(event))

    async def skip(self, campaign: Campaign, recipients: Sequence[Recipient]) -> None:
        """Keep in the plan why these are left out, and journal it in the same commit."""
        rows = [(*r.skip, campaign.id, r.place) for r in recipients if r.skip is not None]

        def write(tx: Tx) -> None:
            fresh = [r for r, hit in zip(recipients, tx.hits(_SKIP, rows), strict=True) if hit]
            if fresh:
                tx.journal(_event(campaign, _counted(fresh)))

        await self._store.write(write)

    async def silent_since(self, session: str, contacts: Sequence[str], since: int) -> set[str]:
        """Who has certainly not written since ``since`` (UTC µs).

        Of a number connected after ``since`` nobody knows who wrote to it before: then there is nobody.
        """
        known = await self._store.rows(
            "SELECT 1 FROM chats WHERE session = ? AND last_inbound_at < ? LIMIT 1", (session, since)
        )
        if not known:
            return set()
        silent = set(contacts)
        for start in range(0, len(contacts), _CHUNK):
            chunk = contacts[start : start + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            rows = await self._store.rows(
                f"SELECT chat_id FROM chats WHERE session = ? AND last_inbound_at >= ? AND chat_id IN ({marks})",
                (session, since, *chunk),
            )
            silent.difference_update(row[0] for row in rows)
        return silent


def _counted(recipients: Sequence[Recipient]) -> list[dict[str, Any]]:
    found = Counter((r.variant, *r.skip) for r in recipients if r.skip is not None)
    return [
        {"variant": variant, "code": code, "reason": reason, "count": count}
        for (variant, code, reason), count in sorted(found.items())
    ]


def _event(campaign: Campaign, skips: list[dict[str, Any]]) -> Event:
    data = {"campaign_id": campaign.id, "skips": skips}
    return Event("campaign.skipped", campaign.session, data, correlation_id=campaign.id)
