"""Runs campaigns: plans their recipients, feeds the send ledger a little at a time, watches and finishes them.

Nothing here is needed to be right after a crash: the plan, how far it was fed, and every send are in the store. At
most a window of sends is queued at once, so that replies stay first and a pause or cancellation leaves little behind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

import structlog

from waqtor.campaigns.calendar import day_limit, local_day, next_day, quiet_until, zone_of
from waqtor.campaigns.message import CannotRender, Message
from waqtor.campaigns.ports import AudienceStore, Campaign, CampaignStore, Change, Hold, Member, Numbers, Recipient
from waqtor.campaigns.progress import Progress
from waqtor.campaigns.window import OUTSIDE, Windows
from waqtor.contracts.campaigns import CampaignCounts, CampaignSchedule, CreateCampaign
from waqtor.contracts.events import Event
from waqtor.contracts.privacy import ERASED_ADDRESS
from waqtor.errors import Conflict, SendRefused, WaqtorError
from waqtor.kernel.bus import Bus
from waqtor.kernel.clock import Clock
from waqtor.messaging.ports import CAMPAIGN, Draft

_log = structlog.get_logger(__name__)

WINDOW = 4000
"""Most sends of a campaign that are queued at once."""

CHUNK = 200
"""Recipients queued in one write: it must not hold the writer for over 20 ms."""

_PLAN_CHUNK = 500
_POLL_S = 0.25
_TICK_S = 0.25
_CHECK_S = 2.0
_OFFLINE_S = 5.0


class Run:
    """A campaign at work in this engine."""

    def __init__(self, campaign: Campaign, message: Message, progress: Progress, spec: CreateCampaign) -> None:
        self.campaign = campaign
        self.message = message
        self.progress = progress
        self.spec = spec
        self.schedule = spec.schedule or CampaignSchedule()
        self.tokens = 1.0
        self.filled = 0.0
        self.ticked = 0.0
        self.checked = 0.0
        self.shown = CampaignCounts()
        self.buffer: list[Recipient] = []

    def counts(self) -> CampaignCounts:
        """The counts now."""
        c = self.campaign
        return self.progress.counts(c.total, c.fed, c.planned)


class CampaignRunner:
    """Works on all campaigns of the numbers that this engine holds.

    Args:
        timezone: Default zone of schedules.
        shop: The brand, for templates.
        doubt_s: Seconds that a finished campaign waits for sends in doubt to be settled.
    """

    def __init__(
        self, store: CampaignStore, audiences: AudienceStore, numbers: Numbers, bus: Bus, clock: Clock,
        *, timezone: str, shop: str, doubt_s: float,
    ) -> None:  # fmt: skip
        self._store = store
        self._audiences = audiences
        self._numbers = numbers
        self._bus = bus
        self._clock = clock
        self._timezone = timezone
        self._shop = shop
        self._doubt_us = int(doubt_s * 1_000_000)
        self._windows = Windows(store, numbers, clock)
        self._runs: dict[str, Run] = {}
        self._wake = asyncio.Event()
        self._holds: dict[str, SendRefused] = {}
        self._offline: dict[str, float] = {}

    def poke(self) -> None:
        """Look at once: something was started, resumed or stopped."""
        self._wake.set()

    def counts(self, campaign_id: str) -> Run | None:
        """The campaign's run, while this engine works on it."""
        return self._runs.get(campaign_id)

    def hold(self, session: str, error: SendRefused) -> None:
        """Stop the campaigns of a number: the provider refuses its sends."""
        self._holds[session] = error
        self._wake.set()

    def observe(self, events: Sequence[Event]) -> None:
        """Take the events of a commit; cheap, because it runs for every commit."""
        for event in events:
            if event.data.get("cause") == "campaign" and event.type[:8] == "message.":
                run = self._runs.get(event.correlation_id[:26])
                if run is not None:
                    run.progress.note(event.type, event.data)
                    if len(run.progress.queued) < WINDOW // 2:
                        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            busy = await self._round()
            if busy:
                await asyncio.sleep(0)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_S)
                await asyncio.sleep(0.005)  # commits come in bursts: look once after each burst

    async def _round(self) -> bool:
        live = await self._store.live()
        ours = [campaign for campaign in live if self._numbers.holds(campaign.session)]
        for gone in self._runs.keys() - {campaign.id for campaign in ours}:
            del self._runs[gone]
        busy = False
        for campaign in ours:
            try:
                busy = await self._step(campaign) or busy
            except Conflict:
                continue  # somebody changed it meanwhile: the next round sees how it is now
            except WaqtorError as error:
                _log.exception("campaign.failed", campaign=campaign.id)
                with contextlib.suppress(Conflict):
                    await self._change(campaign, "failed", ("running", "held", "scheduled"), "campaign.failed",
                                       reason=error.message[:500])  # fmt: skip
        self._holds.clear()
        return busy

    async def _step(self, campaign: Campaign) -> bool:
        if campaign.status == "scheduled":
            return await self._due(campaign)
        run = await self._run_of(campaign)
        run.campaign = campaign
        refused = self._holds.get(campaign.session)
        if refused is not None and campaign.status == "running":
            reason = f"WhatsApp refuses this number's messages: {refused.message} ({refused.error_code})"
            await self._hold(run, "provider", reason, None)
            return False
        stop = await self._must_wait(run)
        if campaign.status == "held":
            if campaign.hold != "provider" and stop is None:
                await self._change(campaign, "running", ("held",), "campaign.started", reason="resumed by itself")
                await self.offer_again(campaign)
                return True
            return False
        if stop is not None:
            await self._hold(run, *stop)
            return False
        why = run.progress.overspent()
        if why is not None:
            run.progress.forgive()
            await self._change(campaign, "paused", ("running",), "campaign.paused", reason=why)
            return False
        busy = await self._plan(run)
        busy = await self._feed(run) or busy
        await self._tick(run)
        if not busy:
            await self._check(run)
        return busy

    async def _run_of(self, campaign: Campaign) -> Run:
        run = self._runs.get(campaign.id)
        if run is None:
            spec = CreateCampaign.model_validate(campaign.spec)
            found = await self._store.open(campaign.id, campaign.session)
            counts = await self._store.counts(campaign)
            progress = Progress(counts, set(found.queued), set(found.doubts), spec.error_budget)
            run = Run(campaign, Message(spec, campaign.id, None, self._shop), progress, spec)
            self._runs[campaign.id] = run
        return run

    async def _due(self, campaign: Campaign) -> bool:
        now = self._clock.now_us()
        if campaign.due_at is None or campaign.due_at > now:
            return False
        spec = CreateCampaign.model_validate(campaign.spec)
        late = (now - campaign.due_at) / 60_000_000
        if spec.schedule is not None and late > spec.schedule.late_minutes:
            reason = f"its start was missed by {late:.0f} minutes; resume it to send now"
            await self._change(campaign, "paused", ("scheduled",), "campaign.paused", reason=reason)
            return False
        await self._change(campaign, "running", ("scheduled",), "campaign.started")
        return True

    # --- waiting

    async def _must_wait(self, run: Run) -> tuple[Hold, str, int | None] | None:
        campaign, now = run.campaign, self._clock.now_us()
        zone = zone_of(run.schedule.timezone or self._timezone)
        until = quiet_until(run.schedule.quiet_hours, zone, now)
        if until is not None:
            return "quiet", f"quiet hours {run.schedule.quiet_hours} ({zone.key})", until
        if self._numbers.connected(campaign.session):
            self._offline.pop(campaign.session, None)
        else:
            since = self._offline.setdefault(campaign.session, self._clock.monotonic())
            if campaign.hold == "offline" or self._clock.monotonic() - since > _OFFLINE_S:
                return "offline", "the number is not connected to WhatsApp", None
        if run.spec.warm_up is not None and campaign.fed < campaign.total:
            day = local_day(zone, now)
            earlier, today = await self._store.warmed(campaign.session, day)
            limit = day_limit(run.spec.warm_up, earlier)
            if today >= limit:
                if run.progress.queued:  # what is queued already belongs to today
                    return None
                return "warm_up", f"warm-up: today's {limit} recipients are sent", next_day(zone, now)
        return None

    async def _hold(self, run: Run, kind: Hold, reason: str, until: int | None) -> None:
        campaign = run.campaign
        change = Change("held", ("running",), "campaign.paused", reason, kind, until, run.counts())
        await self._store.change(campaign.id, change)
        _log.warning("campaign.held", campaign=campaign.id, hold=kind, reason=reason)

    async def _change(
        self, campaign: Campaign, status: str, allowed: tuple[str, ...], event: str, *, reason: str | None = None
    ) -> None:
        run = self._runs.get(campaign.id)
        counts = run.counts() if run is not None else None
        await self._store.change(
            campaign.id,
            Change(status, allowed, event, reason, counts=counts),  # type: ignore[arg-type]
        )

    async def offer_again(self, campaign: Campaign) -> None:
        """Hand what waits in the ledger to the sender, which may have let go of it while the campaign was stopped."""
        for pending in await self._store.pendings(campaign.id, campaign.session, 2 * WINDOW):
            self._numbers.offer(pending)

    # --- planning and feeding

    async def _plan(self, run: Run) -> bool:
        campaign = run.campaign
        if campaign.planned >= campaign.total:
            return False
        members = await self._audiences.members(campaign.audience_id, campaign.planned, 4 * _PLAN_CHUNK)
        if not members:
            raise WaqtorError("The audience has fewer members than it had when the campaign was made.")
        message = run.message
        for start in range(0, len(members), _PLAN_CHUNK):
            rows = [planned(message, member) for member in members[start : start + _PLAN_CHUNK]]
            await self._store.note_skips(campaign, rows)  # first: the plan's commit is what ends this part
            if not await self._store.plan(campaign.id, rows):
                break
            run.campaign = campaign = _moved(campaign, planned=rows[-1].place + 1)
        return True

    async def _feed(self, run: Run) -> bool:
        campaign = run.campaign
        room = min(self._room(run), campaign.planned - campaign.fed, CHUNK)
        if room <= 0:
            return False
        zone = zone_of(run.schedule.timezone or self._timezone)
        day = local_day(zone, self._clock.now_us())
        if run.spec.warm_up is not None:
            earlier, today = await self._store.warmed(campaign.session, day)
            room = min(room, day_limit(run.spec.warm_up, earlier) - today)
            if room <= 0:
                return False
        if not run.buffer or run.buffer[0].place != campaign.fed:
            run.buffer = list(await self._store.waiting(campaign.id, campaign.fed, 2000))
        rows, run.buffer = run.buffer[:room], run.buffer[room:]
        if not rows:
            return False
        rows = await self._in_window(run, rows)
        drafts = [self._draft(run, recipient) for recipient in rows]
        queued = await self._store.feed(campaign, rows[0].place, drafts, day)
        if not queued and not await self._fed(campaign, rows, drafts):
            run.buffer = []
            return False
        if run.spec.rate is not None:
            run.tokens -= len(rows)
        run.progress.skipped += sum(1 for draft in drafts if draft is None)
        run.progress.queued.update(pending.message_id for pending in queued)
        run.campaign = _moved(campaign, fed=rows[-1].place + 1)
        for pending in queued:
            self._numbers.offer(pending)
        return self._room(run) > 0 and run.campaign.fed < run.campaign.planned

    async def _fed(self, campaign: Campaign, rows: Sequence[Recipient], drafts: Sequence[Draft | None]) -> bool:
        """Whether rows of which nothing was queued had their turn all the same: everybody in them is skipped."""
        if any(draft is not None for draft in drafts):
            return False
        return (await self._store.get(campaign.id)).fed > rows[-1].place

    async def _in_window(self, run: Run, rows: list[Recipient]) -> list[Recipient]:
        """The rows, with those skipped (and kept so) who may not get free text now."""
        session = run.campaign.session
        people = [(row.contact, row.variant) for row in rows if row.skip is None]
        late = await self._windows.outside(session, run.message, people)
        if not late:
            return rows
        why = (OUTSIDE, self._windows.reason(session))
        rows = [replace(row, skip=why) if row.skip is None and row.contact in late else row for row in rows]
        await self._store.skip(run.campaign, [row for row in rows if row.skip is why])
        return rows

    def _room(self, run: Run) -> int:
        number = self._numbers.rate(run.campaign.session)
        rate = run.spec.rate
        slowest = min((r for r in (number, rate or 0) if r > 0), default=0.0)
        window = WINDOW if slowest <= 0 else int(min(WINDOW, max(20, slowest * 5)))
        room = window - len(run.progress.queued)
        if 0 < room < min(CHUNK, window // 4) and slowest <= 0:
            return 0  # worth a commit only when there is a good part of a chunk
        if rate is not None:
            now = self._clock.monotonic()
            if run.filled:
                run.tokens = min(max(1.0, rate / 2), run.tokens + (now - run.filled) * rate)
            run.filled = now
            room = min(room, int(run.tokens))
        return room

    def _draft(self, run: Run, recipient: Recipient) -> Draft | None:
        if recipient.skip is not None:
            return None
        campaign = run.campaign
        key = f"campaign:{campaign.id}:{recipient.contact}:{recipient.attempt}"
        origin = f"{campaign.id}:{recipient.variant}"
        content = run.message.render(recipient.variant, recipient.contact, recipient.variables)
        return Draft(
            session=campaign.session, key=key, to=recipient.contact, content=content, priority=CAMPAIGN,
            cause="campaign", cause_id=campaign.id, correlation_id=origin,
        )  # fmt: skip

    # --- watching

    async def _tick(self, run: Run) -> None:
        now = self._clock.monotonic()
        if now - run.ticked < _TICK_S:
            return
        run.progress.mark(now)
        run.ticked = now
        counts = run.counts()
        if counts == run.shown:
            return
        run.shown = counts
        campaign = run.campaign
        shown = counts.model_dump(exclude={"planned", "queued"})
        data = {"campaign_id": campaign.id, "status": "running", "eta": run.progress.eta(counts), **shown}
        await self._bus.publish(
            Event("campaign.progress", campaign.session, data, created=self._clock.now_us(), correlation_id=campaign.id)
        )

    async def _check(self, run: Run) -> None:
        """Compare with the ledger from time to time, and finish when nothing is left."""
        campaign, now = run.campaign, self._clock.monotonic()
        finished = campaign.planned >= campaign.total and campaign.fed >= campaign.planned
        if now - run.checked < (_POLL_S if finished and not run.progress.queued else _CHECK_S):
            return
        run.checked = now
        found = await self._store.open(campaign.id, campaign.session)
        known = set(found.queued)
        run.progress.queued, run.progress.doubts = known, set(found.doubts)
        if any(not self._numbers.has(campaign.session, message_id) for message_id in known):
            await self.offer_again(campaign)
        fresh = self._clock.now_us() - self._doubt_us
        if not finished or known or any(since > fresh for since in found.doubts.values()):
            return
        counts = await self._store.counts(campaign)
        run.progress.reset(counts)
        reason = f"{counts.in_doubt} sends are still in doubt" if counts.in_doubt else None
        change = Change("completed", ("running",), "campaign.completed", reason, counts=counts)
        await self._store.change(campaign.id, change)


def planned(message: Message, member: Member) -> Recipient:
    """A row of the plan; whoever's message cannot be made is skipped from the start."""
    variant = message.variant_of(member.contact)
    if member.contact.startswith(ERASED_ADDRESS):
        gone = ("erased", "the contact was erased")
        return Recipient(member.place, member.contact, variant, member.variables, skip=gone)
    skip = None
    try:
        message.render(variant, member.contact, member.variables)
    except CannotRender as error:
        skip = (error.code, error.reason[:300])
    return Recipient(member.place, member.contact, variant, member.variables, skip=skip)


def _moved(campaign: Campaign, **to: int) -> Campaign:
    return replace(campaign, **to)  # type: ignore[arg-type]
