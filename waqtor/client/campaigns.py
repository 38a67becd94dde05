"""Builders of the calls about campaigns and audiences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from waqtor.client.calls import (
    AsyncResource,
    BlockingResource,
    Call,
    awaiting,
    blocking,
    body_of,
    many,
    nothing,
    one,
    segment,
    whole,
)
from waqtor.client.pages import Listing
from waqtor.contracts import campaigns as c

Recipients = Sequence[str | Mapping[str, Any]]


def create(
    name: str,
    *,
    recipients: Recipients = (),
    audience_id: str | None = None,
    query: str | None = None,
    tags: Sequence[str] = (),
    template: str | None = None,
    content: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] = (),
    variables: Mapping[str, Any] | None = None,
    fallbacks: Mapping[str, str] | None = None,
    schedule: Mapping[str, Any] | None = None,
    rate: float | None = None,
    warm_up: Mapping[str, Any] | None = None,
    error_budget: float | None = None,
    require_consent: bool | None = None,
    session: str | None = None,
    idempotency_key: str | None = None,
) -> Call[c.CampaignView]:
    """Make a draft.

    Args:
        name: What people call it.
        recipients: Numbers, or ``{"to": …, "name": …}`` with variables; or one of the next three.
        audience_id: A kept audience.
        query: SQL over the traffic log; its first number-like column is the recipient.
        tags: Contacts with any of these tags.
        template: The text, with ``{{variables}}``; or one of the next two.
        content: Any kind of message (buttons, a list, media, an approved template).
        variants: An A/B test: ``{"name", "weight", "template" or "content"}`` each.
        variables: Values that are the same for everybody.
        fallbacks: What stands in for empty variables.
        schedule: ``{"at", "timezone", "quiet_hours", "late_minutes"}``.
        rate: Most messages per second.
        warm_up: ``{"first_day", "growth"}``.
        error_budget: Share of failures at which it pauses by itself (0.2).
        require_consent: Skip contacts without a recorded consent.
        session: The number to send from.
        idempotency_key: Names the cause of this campaign: the same key never makes a second one. It is made up when
            left out, so that a repeat after a broken connection is safe.

    Raises:
        WaqtorError: One of ``waqtor.errors``, by the server's code; an unknown variable is named.
    """
    body = body_of(
        c.CreateCampaign, name=name, recipients=tuple(recipients) or None, audience_id=audience_id, query=query,
        tags=tuple(tags) or None, template=template, content=content, variants=tuple(variants) or None,
        variables=variables, fallbacks=fallbacks, schedule=schedule, rate=rate, warm_up=warm_up,
        error_budget=error_budget, require_consent=require_consent, session=session,
    )  # fmt: skip
    return Call("POST", "/campaigns/create", one(c.CampaignView), json=body, keyed=True, key=idempotency_key)


def campaigns(
    *, session: str | None = None, status: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Call[Listing[c.CampaignView]]:
    """Campaigns, newest first."""
    params = {"session": session, "status": status, "cursor": cursor, "limit": limit}
    return Call("GET", "/campaigns", many(c.CampaignView), params=params)


def status(campaign_id: str) -> Call[c.CampaignView]:
    """Where a campaign stands: counts, speed, ETA."""
    return Call("GET", f"/campaigns/{segment(campaign_id)}/status", one(c.CampaignView))


def _act(campaign_id: str, path: str, key: str | None, reason: str | None = None) -> Call[c.CampaignView]:
    body = {"reason": reason} if reason else {}
    where = f"/campaigns/{segment(campaign_id)}/{path}"
    return Call("POST", where, one(c.CampaignView), json=body, keyed=True, key=key)


def execute(campaign_id: str, *, idempotency_key: str | None = None) -> Call[c.CampaignView]:
    """Start a campaign, or leave it to its schedule."""
    return _act(campaign_id, "execute", idempotency_key)


def pause(campaign_id: str, reason: str | None = None, *, idempotency_key: str | None = None) -> Call[c.CampaignView]:
    """Stop a campaign at the next message."""
    return _act(campaign_id, "pause", idempotency_key, reason)


def resume(campaign_id: str, *, idempotency_key: str | None = None) -> Call[c.CampaignView]:
    """Let a campaign go on where it stopped."""
    return _act(campaign_id, "resume", idempotency_key)


def cancel(campaign_id: str, reason: str | None = None, *, idempotency_key: str | None = None) -> Call[c.CampaignView]:
    """End a campaign for good."""
    return _act(campaign_id, "cancel", idempotency_key, reason)


def retry_failed(campaign_id: str, *, idempotency_key: str | None = None) -> Call[c.CampaignView]:
    """Send again to those whose send failed, and to nobody else."""
    return _act(campaign_id, "retry-failed", idempotency_key)


def clone(campaign_id: str, *, idempotency_key: str | None = None) -> Call[c.CampaignView]:
    """Make a new draft like a campaign; the same key makes no second one."""
    return _act(campaign_id, "clone", idempotency_key)


def dry_run(campaign_id: str) -> Call[c.DryRun]:
    """What executing would do now: counts, skips by reason, samples, duration; nothing is sent."""
    return Call("POST", f"/campaigns/{segment(campaign_id)}/dry-run", one(c.DryRun), json={}, safe=True)


def try_out(
    campaign_id: str, recipients: Sequence[str], *, variant: str | None = None, idempotency_key: str | None = None
) -> Call[dict[str, Any]]:
    """Send a campaign's message to a few own numbers; the same key sends it once."""
    body = body_of(c.TestSend, campaign_id=campaign_id, recipients=tuple(recipients), variant=variant)
    del body["campaign_id"]
    where = f"/campaigns/{segment(campaign_id)}/test-send"
    return Call("POST", where, whole, json=body, keyed=True, key=idempotency_key)


def recipients(
    campaign_id: str,
    *,
    status: str | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Listing[c.RecipientView]]:
    """Who got it, who did not, and why; ``status`` may also be ``replied``."""
    params = {"status": status, "search": search, "cursor": cursor, "limit": limit}
    return Call("GET", f"/campaigns/{segment(campaign_id)}/recipients", many(c.RecipientView), params=params)


def export(campaign_id: str, *, status: str | None = None, search: str | None = None) -> Call[str]:
    """Recipients as CSV: all of them, or those with a ``status`` (also ``replied``) or a part of the number."""
    path = f"/campaigns/{segment(campaign_id)}/recipients.csv"
    params = {"status": status, "search": search}
    return Call("GET", path, lambda answer: answer.content.decode("utf-8-sig"), params=params)


def report(campaign_id: str) -> Call[c.CampaignReport]:
    """A campaign's figures."""
    return Call("GET", f"/campaigns/{segment(campaign_id)}/report", one(c.CampaignReport))


def upload(source: str | Path | bytes, filename: str | None = None) -> Call[c.UploadView]:
    """Upload a CSV or XLSX file (a path, or its bytes); answers with its columns and first rows."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = filename or ("list" if isinstance(source, bytes) else Path(source).name)
    headers = {"content-type": "application/octet-stream"}
    params = {"filename": name[:200]}
    return Call("POST", "/audiences/upload", one(c.UploadView), content=data, params=params, headers=headers)


def create_audience(
    name: str,
    *,
    upload_id: str | None = None,
    numbers: str | None = None,
    recipients: Recipients = (),
    query: str | None = None,
    tags: Sequence[str] = (),
    phone: str | None = None,
    columns: Mapping[str, str] | None = None,
    region: str | None = None,
    tag_as: Sequence[str] = (),
    consent: bool | None = None,
    session: str | None = None,
    idempotency_key: str | None = None,
) -> Call[c.AudienceView]:
    """Keep a list of recipients, from exactly one source.

    Args:
        name: What people call it.
        upload_id: An uploaded file; it is read in the background, see ``audience``.
        numbers: Pasted numbers, separated by lines or commas.
        recipients: Numbers, or dicts with variables.
        query: SQL over the traffic log.
        tags: Contacts with any of these tags.
        phone: The column with the number (guessed when left out).
        columns: Column → variable, for those to keep (default: all).
        region: ISO country of numbers without a country code.
        tag_as: Tags to give to these contacts.
        consent: They agreed to marketing messages; record it.
        session: Whose traffic a query sees.
        idempotency_key: The same key keeps no second list; made up when left out.
    """
    body = body_of(
        c.CreateAudience, name=name, upload_id=upload_id, numbers=numbers, recipients=tuple(recipients) or None,
        query=query, tags=tuple(tags) or None, phone=phone, columns=columns, region=region,
        tag_as=tuple(tag_as) or None, consent=consent, session=session,
    )  # fmt: skip
    return Call("POST", "/audiences", one(c.AudienceView), json=body, keyed=True, key=idempotency_key)


def audiences() -> Call[Listing[c.AudienceView]]:
    """Audiences, newest first."""
    return Call("GET", "/audiences", many(c.AudienceView))


def audience(audience_id: str) -> Call[c.AudienceView]:
    """One audience and how far its import is."""
    return Call("GET", f"/audiences/{segment(audience_id)}", one(c.AudienceView))


def audience_issues(
    audience_id: str, *, cursor: str | None = None, limit: int | None = None
) -> Call[Listing[c.AudienceIssue]]:
    """Bad and duplicate rows, by line."""
    params = {"cursor": cursor, "limit": limit}
    return Call("GET", f"/audiences/{segment(audience_id)}/issues", many(c.AudienceIssue), params=params)


def delete_audience(audience_id: str) -> Call[None]:
    """Forget an audience."""
    return Call("DELETE", f"/audiences/{segment(audience_id)}", nothing)


class Campaigns(BlockingResource):
    """Campaigns and audiences."""

    create = blocking(create)
    list = blocking(campaigns)
    get = blocking(status)
    status = blocking(status)
    execute = blocking(execute)
    pause = blocking(pause)
    resume = blocking(resume)
    cancel = blocking(cancel)
    retry_failed = blocking(retry_failed)
    clone = blocking(clone)
    dry_run = blocking(dry_run)
    test_send = blocking(try_out)
    recipients = blocking(recipients)
    export = blocking(export)
    report = blocking(report)
    upload = blocking(upload)
    create_audience = blocking(create_audience)
    audiences = blocking(audiences)
    audience = blocking(audience)
    audience_issues = blocking(audience_issues)
    delete_audience = blocking(delete_audience)


class AsyncCampaigns(AsyncResource):
    """Campaigns and audiences."""

    create = awaiting(create)
    list = awaiting(campaigns)
    get = awaiting(status)
    status = awaiting(status)
    execute = awaiting(execute)
    pause = awaiting(pause)
    resume = awaiting(resume)
    cancel = awaiting(cancel)
    retry_failed = awaiting(retry_failed)
    clone = awaiting(clone)
    dry_run = awaiting(dry_run)
    test_send = awaiting(try_out)
    recipients = awaiting(recipients)
    export = awaiting(export)
    report = awaiting(report)
    upload = awaiting(upload)
    create_audience = awaiting(create_audience)
    audiences = awaiting(audiences)
    audience = awaiting(audience)
    audience_issues = awaiting(audience_issues)
    delete_audience = awaiting(delete_audience)
