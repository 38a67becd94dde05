"""What the privacy part of the settings reads and does, through the SDK."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import data
from waqtor.client import Listing
from waqtor.contracts import privacy as p

PAGE = 50


@st.cache_data(ttl=2.0, max_entries=8, show_spinner=False)
def person(contact: str) -> p.PersonView:
    """How much is known of a person."""
    return data.client().privacy.person(contact)


@st.cache_data(ttl=2.0, max_entries=8, show_spinner=False)
def history(contact: str) -> Sequence[p.ConsentChange]:
    """What became of a person's consents, the latest first."""
    return tuple(data.client().privacy.consent_history(contact))


@st.cache_data(ttl=1.0, max_entries=2, show_spinner=False)
def erasures() -> Sequence[p.ErasureView]:
    """The latest erasures."""
    return tuple(data.client().privacy.erasures())


@st.cache_data(ttl=15.0, max_entries=2, show_spinner=False)
def retention() -> Sequence[p.RetentionView]:
    """How long each kind of data is kept."""
    return tuple(data.client().privacy.retention())


@st.cache_data(ttl=2.0, max_entries=16, show_spinner=False)
def audit(action: str | None, contact: str | None, cursor: str | None) -> Listing[p.AuditEntry]:
    """A page of sensitive actions, the latest first."""
    return data.client().privacy.audit(action=action, contact=contact, cursor=cursor, limit=PAGE)


def export(contact: str) -> bytes:
    """Everything that is known of a person, as a ZIP; not cached."""
    return data.client().privacy.export(contact)


def erase(contact: str) -> p.ErasureView:
    """Begin to erase a person."""
    begun = data.client().privacy.erase(contact)
    data.forget()
    return begun


def give_consent(contact: str, purpose: str, source: str) -> None:
    """Record a consent."""
    data.client().privacy.give_consent(contact, purpose=purpose, source=source)
    data.forget()


def withdraw_consent(contact: str, purpose: str) -> None:
    """Record that a consent no longer holds."""
    data.client().privacy.withdraw_consent(contact, purpose=purpose, source="dashboard")
    data.forget()


def opt(contact: str, *, out: bool) -> None:
    """Take a person out of all campaigns, or back in."""
    calls = data.client().privacy
    if out:
        calls.opt_out(contact, source="dashboard")
    else:
        calls.opt_in(contact)
    data.forget()
