"""What the webhooks page reads and does, through the SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import data
from waqtor.client import Listing
from waqtor.contracts.webhooks import DeliveryDetail, DeliveryView, WebhookStats, WebhookView

PAGE = 50


@st.cache_data(ttl=2.0, max_entries=2, show_spinner=False)
def webhooks() -> Sequence[WebhookView]:
    """All webhooks, oldest first; without their secrets."""
    return tuple(data.client().webhooks.list())


@st.cache_data(ttl=2.0, max_entries=32, show_spinner=False)
def deliveries(webhook_id: str, state: str | None, event: str | None, cursor: str | None) -> Listing[DeliveryView]:
    """A page of the deliveries of a webhook, newest first."""
    return data.client().webhooks.logs(webhook_id, state=state, event=event, cursor=cursor, limit=PAGE)


@st.cache_data(ttl=2.0, max_entries=32, show_spinner=False)
def delivery(webhook_id: str, delivery_id: str) -> DeliveryDetail:
    """One delivery with its attempts and its body."""
    return data.client().webhooks.delivery(webhook_id, delivery_id)


@st.cache_data(ttl=5.0, max_entries=32, show_spinner=False)
def stats(webhook_id: str, hours: int) -> WebhookStats:
    """Attempts of the last ``hours``."""
    return data.client().webhooks.stats(webhook_id, hours=hours)


def create(url: str, events: Sequence[str], options: dict[str, Any]) -> WebhookView:
    """Register a webhook; the secret is in the answer, this once."""
    made = data.client().webhooks.create(url, events, **options)
    data.forget()
    return made


def update(webhook_id: str, changes: dict[str, Any]) -> None:
    """Change what is given; the rest stays."""
    data.client().webhooks.update(webhook_id, **changes)
    data.forget()


def rotate(webhook_id: str) -> WebhookView:
    """Give it a new secret, in the answer this once; the old one signs along for 24 hours."""
    made = data.client().webhooks.rotate(webhook_id)
    data.forget()
    return made


def test(webhook_id: str) -> DeliveryDetail:
    """Send one test delivery now and tell how it went."""
    told = data.client().webhooks.test(webhook_id)
    data.forget()
    return told


def delete(webhook_id: str) -> None:
    """Remove a webhook with its log."""
    data.client().webhooks.delete(webhook_id)
    data.forget()


def replay(webhook_id: str, delivery_id: str | None = None) -> int:
    """Deliver one delivery again, or all that were given up; returns how many wait again."""
    again = data.client().webhooks.replay(webhook_id, delivery_id=delivery_id).replayed
    data.forget()
    return again
