"""What the campaign pages read and do, through the SDK. Every function may raise :class:`waqtor.errors.WaqtorError`."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.data import client, forget
from waqtor.contracts.campaigns import (
    AudienceIssue,
    AudienceView,
    CampaignReport,
    CampaignView,
    DryRun,
    RecipientView,
    UploadView,
)


@st.cache_data(ttl=1.0, max_entries=8, show_spinner=False)
def campaigns(limit: int = 50) -> list[CampaignView]:
    """The latest campaigns."""
    return list(client().campaigns.list(limit=limit))


@st.cache_data(ttl=1.0, max_entries=32, show_spinner=False)
def campaign(campaign_id: str) -> CampaignView:
    """One campaign and where it stands."""
    return client().campaigns.status(campaign_id)


@st.cache_data(ttl=3.0, max_entries=16, show_spinner=False)
def report(campaign_id: str) -> CampaignReport:
    """Its figures."""
    return client().campaigns.report(campaign_id)


@st.cache_data(ttl=2.0, max_entries=32, show_spinner=False)
def recipients(campaign_id: str, status: str | None, search: str, pages: int) -> tuple[list[RecipientView], bool]:
    """The first ``pages`` pages of 200 recipients, and whether there are more."""
    found: list[RecipientView] = []
    cursor: str | None = None
    for _ in range(pages):
        page = client().campaigns.recipients(
            campaign_id, status=status, search=search or None, cursor=cursor, limit=200
        )
        found += page
        cursor = page.next_cursor
        if cursor is None:
            break
    return found, cursor is not None


@st.cache_data(ttl=30.0, max_entries=4, show_spinner=False)
def export(campaign_id: str, status: str | None, search: str) -> bytes:
    """Recipients as CSV: those that the table shows, all pages of it."""
    return b"\xef\xbb\xbf" + client().campaigns.export(campaign_id, status=status, search=search or None).encode()


def act(campaign_id: str, action: str) -> None:
    """Execute, pause, resume, cancel, clone or retry."""
    getattr(client().campaigns, action)(campaign_id)
    forget()


def upload(name: str, content: bytes) -> UploadView:
    """Upload a table."""
    return client().campaigns.upload(content, name)


def make_audience(**spec: Any) -> AudienceView:
    """Keep a list; files are read on after the answer."""
    return client().campaigns.create_audience(**spec)


def audience(audience_id: str) -> AudienceView:
    """An audience and how far its import is."""
    return client().campaigns.audience(audience_id)


def issues(audience_id: str) -> list[AudienceIssue]:
    """The first rows that are not in it."""
    return list(client().campaigns.audience_issues(audience_id, limit=100))


def create(**spec: Any) -> CampaignView:
    """Make a draft."""
    made = client().campaigns.create(**spec)
    forget()
    return made


def rehearse(campaign_id: str) -> DryRun:
    """What executing would do now."""
    return client().campaigns.dry_run(campaign_id)


def test_send(campaign_id: str, to: str) -> None:
    """Send the message to an own number, filled in as for the first recipient."""
    client().campaigns.test_send(campaign_id, [to])
    forget()
