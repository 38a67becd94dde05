"""What people and programs do with campaigns: create, rehearse, start, stop, look."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from waqtor.campaigns.calendar import due_at, seconds_for, zone_of
from waqtor.campaigns.imports import Audiences
from waqtor.campaigns.message import CannotRender, Message, texts_of
from waqtor.campaigns.ports import Campaign, CampaignStore, Change, Numbers, Requests
from waqtor.campaigns.runner import CampaignRunner
from waqtor.campaigns.window import OUTSIDE, Windows
from waqtor.contracts.addresses import parse_address
from waqtor.contracts.campaigns import (
    CampaignAction,
    CampaignCounts,
    CampaignReport,
    CampaignView,
    CreateAudience,
    CreateCampaign,
    DryRun,
    RecipientView,
    Sample,
    TestSend,
)
from waqtor.contracts.commands import Send
from waqtor.contracts.event_data import CampaignStatus
from waqtor.contracts.ids import new_ulid
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict, InvalidInput, NotFound
from waqtor.kernel.clock import Clock

_STOPPABLE: tuple[CampaignStatus, ...] = ("scheduled", "running", "held")
_SAMPLES = 5
_SWEEP = 500


class Campaigns:
    """The campaign commands of an engine.

    Args:
        send: Queues one ordinary message (test sends), under a key.
    """

    def __init__(
        self, store: CampaignStore, audiences: Audiences, runner: CampaignRunner, numbers: Numbers, clock: Clock,
        send: Callable[[Send, str], Awaitable[Any]], *, timezone: str, shop: str,
    ) -> None:  # fmt: skip
        self._store = store
        self.audiences = audiences
        self._runner = runner
        self._numbers = numbers
        self._clock = clock
        self._send = send
        self._timezone = timezone
        self._shop = shop
        self._windows = Windows(store, numbers, clock)

    # --- making

    async def create(self, spec: CreateCampaign, campaign_id: str = "") -> CampaignView:
        """Make a draft, once per ``campaign_id`` where one is given; nothing is left behind when it is refused.

        Raises:
            InvalidInput: An unknown variable, a broken limit, a bad zone, an empty audience.
            NotFound: No such audience or session.
        """
        session = self._numbers.known(spec.session)
        if campaign_id:
            with contextlib.suppress(NotFound):
                return await self.status(campaign_id)
        campaign_id = campaign_id or new_ulid()
        if spec.schedule is not None:
            zone_of(spec.schedule.timezone or self._timezone)
        audience = None
        if spec.audience_id is not None:
            audience = await self.audiences.usable(spec.audience_id)
            Message(spec, campaign_id, frozenset(audience.fields), self._shop)
        else:
            Message(spec, campaign_id, None, self._shop)  # a broken text is refused before anything is read
            audience = await self.audiences.create(
                CreateAudience.model_validate(
                    {
                        "name": spec.name, "recipients": spec.recipients, "query": spec.query, "tags": spec.tags,
                        "session": session,
                    }
                ),
                wait=True,
            )  # fmt: skip
            try:
                Message(spec, campaign_id, frozenset(audience.fields), self._shop)
                if not audience.total:
                    raise InvalidInput("No usable recipient is in this audience.", audience=audience.model_dump())
            except InvalidInput:
                await self.audiences.delete(audience.id)
                raise
        now = self._clock.now_us()
        kept = spec.model_copy(
            update={"recipients": (), "query": None, "tags": (), "audience_id": audience.id, "session": session}
        )
        campaign = Campaign(
            id=campaign_id, name=spec.name, session=session, status="draft", audience_id=audience.id,
            spec=kept.model_dump(mode="json", exclude_none=True), total=audience.total, planned=0, fed=0,
            counts=CampaignCounts(total=audience.total, planned=audience.total), created=now, updated=now,
            due_at=due_at(spec.schedule, zone_of(spec.schedule.timezone or self._timezone)) if spec.schedule else None,
        )  # fmt: skip
        if not await self._store.create(campaign) and spec.audience_id is None:
            await self.audiences.delete(audience.id)  # the same request came twice at once
        return await self.status(campaign_id)

    async def once(self, command: Any, key: str, requests: Requests) -> dict[str, Any]:
        """Carry out a command that has an Idempotency-Key; a repeat changes nothing and answers with what is now.

        Raises:
            IdempotencyConflict: The key was used for something else.
        """
        claim = await requests.claim(key, [type(command).__name__, command.model_dump(mode="json")])
        if isinstance(command, CreateCampaign):
            return dict((await self.create(command, claim.subject)).model_dump(mode="json"))
        if isinstance(command, CreateAudience):
            return dict((await self.audiences.create(command, audience_id=claim.subject)).model_dump(mode="json"))
        if isinstance(command, TestSend):
            return await self.test_send(command, key)
        if command.action == "clone":
            found: CampaignView | DryRun = await self._clone(await self._store.get(command.campaign_id), "",
                                                             claim.subject)  # fmt: skip
            return dict(found.model_dump(mode="json"))
        if claim.done and command.action != "dry_run":
            return dict((await self.status(command.campaign_id)).model_dump(mode="json"))
        answer = await self.act(command)
        await requests.done(key)
        return answer

    async def act(self, command: CampaignAction) -> dict[str, Any]:
        """Carry out an action; returns the campaign (or the rehearsal) as JSON."""
        campaign = await self._store.get(command.campaign_id)
        action = getattr(self, f"_{command.action}")
        found = await action(campaign, command.reason)
        result: dict[str, Any] = found.model_dump(mode="json")
        return result

    async def _execute(self, campaign: Campaign, reason: str) -> CampaignView:
        now = self._clock.now_us()
        if campaign.due_at is not None and campaign.due_at > now:
            change = Change("scheduled", ("draft",), None, reason or None)
        else:
            change = Change("running", ("draft", "scheduled"), "campaign.started", reason or None)
        return await self._moved(campaign, change)

    async def _pause(self, campaign: Campaign, reason: str) -> CampaignView:
        change = Change("paused", _STOPPABLE, "campaign.paused", reason or "paused by a person")
        return await self._moved(campaign, change)

    async def _resume(self, campaign: Campaign, reason: str) -> CampaignView:
        run = self._runner.counts(campaign.id)
        if run is not None:
            run.progress.forgive()
        change = Change("running", ("paused", "held"), "campaign.started", reason or "resumed by a person")
        view = await self._moved(campaign, change)
        await self._runner.offer_again(campaign)
        return view

    async def _cancel(self, campaign: Campaign, reason: str) -> CampaignView:
        allowed: tuple[CampaignStatus, ...] = (*_STOPPABLE, "paused", "draft")
        change = Change("cancelled", allowed, "campaign.cancelled", reason or "cancelled by a person")
        await self._moved(campaign, change)
        while await self._store.skip_queued(campaign.id, campaign.session, _SWEEP) == _SWEEP:
            pass
        return await self.status(campaign.id)

    async def _retry_failed(self, campaign: Campaign, reason: str) -> CampaignView:
        if campaign.status not in ("completed", "paused"):
            raise Conflict(f"Only a completed or paused campaign can be retried; this one is {campaign.status}.",
                           status=campaign.status)  # fmt: skip
        if campaign.planned < campaign.total:  # new attempts go to the end of the plan, which must be there
            raise Conflict("This campaign is still being planned; resume it, and retry when it is through.",
                           status=campaign.status)  # fmt: skip
        count = await self._store.retry(campaign.id)
        if not count:
            raise Conflict("No recipient of this campaign has failed.")
        change = Change("running", ("completed", "paused"), "campaign.started", reason or f"{count} failed are retried")
        return await self._moved(campaign, change)

    async def _clone(self, campaign: Campaign, reason: str, campaign_id: str = "") -> CampaignView:
        spec = CreateCampaign.model_validate(campaign.spec)
        name = f"{spec.name[:190]} (2)"
        schedule = spec.schedule.model_copy(update={"at": None}) if spec.schedule else None
        return await self.create(spec.model_copy(update={"name": name, "schedule": schedule}), campaign_id)

    async def _moved(self, campaign: Campaign, change: Change) -> CampaignView:
        run = self._runner.counts(campaign.id)
        if run is not None and change.counts is None:
            change = Change(
                change.status, change.allowed, change.event, change.reason, change.hold, change.held_until,
                run.counts(),
            )  # fmt: skip
        moved = await self._store.change(campaign.id, change)
        self._runner.poke()
        return await self.view(moved)

    # --- rehearsing

    async def _dry_run(self, campaign: Campaign, reason: str) -> DryRun:
        spec = CreateCampaign.model_validate(campaign.spec)
        message = Message(spec, campaign.id, None, self._shop)
        skips: dict[str, int] = {}
        variants = {variant.name: 0 for variant in message.variants}
        samples: list[Sample] = []
        ready = place = 0
        while members := await self.audiences.store.members(campaign.audience_id, place, 2000):
            refused = await self._store.refusals([m.contact for m in members], consent=spec.require_consent)
            split = [(member.contact, message.variant_of(member.contact)) for member in members]
            late = await self._windows.outside(campaign.session, message, split)
            for member, (_, variant) in zip(members, split, strict=True):
                why = refused.get(member.contact)
                try:
                    content = message.render(variant, member.contact, member.variables)
                except CannotRender as error:
                    why, content = why or error.code, {}
                why = why or (OUTSIDE if member.contact in late else None)
                if why is not None:
                    skips[why] = skips.get(why, 0) + 1
                    continue
                ready += 1
                variants[variant] += 1
                if len(samples) < _SAMPLES:
                    samples.append(Sample(contact=member.contact, variant=variant, content=content))
            place = members[-1].place + 1
        rates = [rate for rate in (self._numbers.rate(campaign.session), spec.rate or 0) if rate > 0]
        now = self._clock.now_us()
        start = max(now, campaign.due_at or now)
        zone = zone_of((spec.schedule.timezone if spec.schedule else "") or self._timezone)
        seconds = seconds_for(ready, min(rates), spec.schedule, zone, start) if rates else None
        notes = ["warm_up"] if spec.warm_up is not None else []
        if self._windows.applies(campaign.session, message):
            notes.append("free_text")
        return DryRun(
            total=campaign.total, ready=ready, skips=skips, variants=variants, samples=tuple(samples),
            seconds=round(seconds, 1) if seconds is not None else None,
            finishes=iso(start + round(seconds * 1_000_000)) if seconds is not None else None, notes=tuple(notes),
        )  # fmt: skip

    async def test_send(self, command: TestSend, key: str = "") -> dict[str, Any]:
        """Send the message, filled in as for the first recipient, to a few own numbers; once per ``key``."""
        key = key or new_ulid()
        campaign = await self._store.get(command.campaign_id)
        spec = CreateCampaign.model_validate(campaign.spec)
        message = Message(spec, campaign.id, None, self._shop)
        names = [variant.name for variant in message.variants]
        if command.variant is not None and command.variant not in names:
            raise InvalidInput(f"There is no variant {command.variant!r}; there are {', '.join(names)}.")
        chosen = [command.variant] if command.variant is not None else names
        first = await self.audiences.store.members(campaign.audience_id, 0, 1)
        variables = first[0].variables if first else {}
        sent: list[dict[str, Any]] = []
        for contact in dict.fromkeys(parse_address(to).canonical for to in command.recipients):
            for variant in chosen:
                try:
                    content = message.render(variant, contact, variables)
                except CannotRender as error:
                    raise InvalidInput(f"The first recipient's message cannot be made: {error.reason}.") from None
                order = Send.model_validate({"to": contact, "content": content, "session": campaign.session})
                receipt = await self._send(order, f"campaign-test:{campaign.id}:{key}:{variant}:{contact}")
                sent.append({"to": contact, "variant": variant, "message_id": receipt.message_id})
        return {"campaign_id": campaign.id, "sent": sent}

    # --- looking

    async def status(self, campaign_id: str) -> CampaignView:
        """One campaign with counts from the ledger (while it runs, from memory)."""
        campaign = await self._store.get(campaign_id)
        if self._runner.counts(campaign_id) is None and campaign.planned:
            counts = await self._store.counts(campaign)
            if counts != campaign.counts:
                await self._store.remember(campaign_id, counts)
            return await self.view(campaign, counts)
        return await self.view(campaign)

    async def list(
        self, session: str | None, status: str | None, before: str | None, limit: int
    ) -> Sequence[CampaignView]:
        """Campaigns, newest first."""
        return [await self.view(c) for c in await self._store.list(session, status, before, limit)]

    async def recipients(
        self, campaign_id: str, *, status: str | None, search: str | None, after: int, limit: int
    ) -> Sequence[RecipientView]:
        """Recipients of a campaign, in order (before it starts: its audience)."""
        campaign = await self._store.get(campaign_id)
        if campaign.planned < campaign.total:
            if status not in (None, "planned") or search:
                return []
            variant_of = Message(CreateCampaign.model_validate(campaign.spec), campaign.id, None, self._shop).variant_of
            members = await self.audiences.store.members(campaign.audience_id, after + 1, limit)
            return [
                RecipientView(place=m.place, contact=m.contact, variant=variant_of(m.contact), status="planned",
                              variables=dict(m.variables))
                for m in members
            ]  # fmt: skip
        return await self._store.recipients(campaign, status=status, search=search, after=after, limit=limit)

    async def report(self, campaign_id: str) -> CampaignReport:
        """Its figures."""
        campaign = await self._store.get(campaign_id)
        spec = CreateCampaign.model_validate(campaign.spec)
        zone = (spec.schedule.timezone if spec.schedule else "") or self._timezone
        return await self._store.report(campaign, await self.status(campaign_id), zone)

    async def view(self, campaign: Campaign, counts: CampaignCounts | None = None) -> CampaignView:
        """A campaign as people see it."""
        run = self._runner.counts(campaign.id)
        if counts is None:
            counts = run.counts() if run is not None else campaign.counts
        spec = CreateCampaign.model_validate(campaign.spec)
        moving = run is not None and campaign.status == "running"
        return CampaignView(
            id=campaign.id, name=campaign.name, session=campaign.session, status=campaign.status,
            reason=campaign.reason, counts=counts, eta=run.progress.eta(counts) if run and moving else None,
            speed=round(run.progress.speed or 0.0, 1) if run and moving else None, audience_id=campaign.audience_id,
            template=next(texts_of(spec), None),
            variants=tuple(v.model_dump(mode="json", exclude_none=True) for v in spec.variants),
            variables=spec.variables, fallbacks=spec.fallbacks,
            schedule=spec.schedule.model_dump(mode="json") if spec.schedule else None, rate=spec.rate,
            warm_up=spec.warm_up.model_dump() if spec.warm_up else None, error_budget=spec.error_budget,
            require_consent=spec.require_consent, created=iso(campaign.created), updated=iso(campaign.updated),
            due=iso(campaign.due_at) if campaign.due_at else None,
            started=iso(campaign.started) if campaign.started else None,
            finished=iso(campaign.finished) if campaign.finished else None,
        )  # fmt: skip
