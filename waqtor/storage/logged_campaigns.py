"""A campaign's report from the traffic log alone: the same figures, by the same arithmetic, as the engine's.

The log knows what happened, not what was asked for: a campaign's name and text are not in it. It knows when WhatsApp
accepted a message, the engine also when the call began; so a send may fall into the next bucket of the speed, and
waits for a reply are shorter by the length of a call.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from waqtor.analytics.frames import SqlSource, frame
from waqtor.campaigns.figures import report_of
from waqtor.contracts.campaigns import CampaignReport, CampaignView
from waqtor.contracts.wire import iso
from waqtor.errors import NotFound
from waqtor.storage.campaign_reads import counts_of, total_of

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 50_000
_MOST_REASONS = 50


def logged_campaigns(log: SqlSource, *, limit: int = 20) -> pd.DataFrame:
    """The latest campaigns in the log: id, session, status, recipients, times."""
    return frame(log, "campaigns", top=limit)


def logged_report(log: SqlSource, campaign_id: str, *, timezone: str) -> CampaignReport:
    """The report of a campaign, of which the log must have seen the start.

    Args:
        log: What :func:`waqtor.connect` returns.
        campaign_id: As in :func:`logged_campaigns`.
        timezone: IANA zone of the hours.

    Raises:
        NotFound: The log knows no such campaign.
    """
    known = frame(log, "campaigns", campaign=campaign_id, top=1)
    if known.empty:
        raise NotFound("The log knows no such campaign.")
    row = known.iloc[0]
    states: dict[str, Counter[str]] = defaultdict(Counter)
    failures = Counter[tuple[str, str, str]]()
    for skip in frame(log, "campaign_skips", campaign=campaign_id).to_dict("records"):
        count = int(skip["recipients"])
        states[str(skip["variant"])]["skipped"] += count
        failures[(str(skip["code"]), str(skip["reason"]), "skipped")] += count
    sends: list[tuple[Any, ...]] = []
    for send in _sends(log, campaign_id):
        states[send.variant][send.status] += 1
        if send.status in ("failed", "skipped", "in_doubt"):
            failures[(send.error_code, send.error_reason, send.status)] += 1
        sent, updated, replied = (_whole(us) for us in (send.sent_us, send.updated_us, send.replied_us))
        if sent is not None:
            sends.append((send.variant, send.status, sent, updated, replied))
    by_variant = {variant: counts_of(dict(found)) for variant, found in sorted(states.items())}
    view = CampaignView(
        id=campaign_id, name=campaign_id, session=str(row["session"]), status=row["status"],
        reason=str(row["reason"]) or None, counts=total_of(by_variant.values(), int(row["total"])),
        created=_iso(row["started"]), updated=_iso(row["updated"]), started=_iso(row["started"]),
        finished=None if row["finished"] != row["finished"] else _iso(row["finished"]),
    )  # fmt: skip
    ranked = sorted(failures.items(), key=lambda item: (-item[1], item[0][0], item[0][1], item[0][2]))
    named = [
        {"code": code, "reason": reason, "status": status, "count": count}
        for (code, reason, status), count in ranked[:_MOST_REASONS]
    ]
    return report_of(view, by_variant, sends, named, timezone)


def _sends(log: SqlSource, campaign_id: str) -> Iterator[Any]:
    after = ""
    while True:
        page = frame(log, "campaign_sends", campaign=campaign_id, after=after, top=_PAGE)
        yield from page.itertuples(index=False)
        if len(page) < _PAGE:
            return
        after = str(page["message_id"].iloc[-1])


def _whole(us: Any) -> int | None:
    return None if us is None or us != us else int(us)


def _iso(moment: Any) -> str:
    return iso(int(moment.value) // 1000)  # nanoseconds, whatever the unit
