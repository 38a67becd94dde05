"""Which events make a notification. Titles and messages name no contact and quote no text.

Each names its text by a key (``wording``) and what fills it; pages say it in their reader's language, and the title and
message in English stand beside it for everybody else.
"""

from __future__ import annotations

from waqtor.contracts.events import Event
from waqtor.notifications.ports import Note

TYPES = frozenset(
    {"session.status", "campaign.completed", "campaign.failed", "campaign.paused", "webhook.disabled",
     "webhook.delivery", "reader.set-aside", "smartbot.handoff", "smartbot.suggestions-ready"}
)  # fmt: skip
"""The event types that may make one."""

WORDINGS = frozenset(
    {"session.disconnected", "session.auth_failure", "campaign.completed", "campaign.failed", "campaign.budget",
     "campaign.held", "webhook.disabled", "webhook.dead", "reader", "handoff", "suggestions", "disk"}
)  # fmt: skip
"""The keys of all texts made here."""


def note_of(event: Event) -> Note | None:
    """The notification of an event, if it makes one."""
    make = {
        "session": _session, "campaign": _campaign, "webhook": _webhook, "reader": _reader, "smartbot": _smartbot,
    }.get(event.type.split(".", 1)[0])  # fmt: skip
    return make(event) if make is not None and event.type in TYPES else None


def _session(event: Event) -> Note | None:
    status, reason = event.data.get("status"), event.data.get("reason") or ""
    if status not in {"disconnected", "auth_failure"}:
        return None
    title = "WhatsApp was disconnected" if status == "disconnected" else "WhatsApp refused the login"
    return Note(
        "session", "error", title, f"Session {event.session}. {reason}".strip(), "link_off", "/",
        f"session:{event.session}:{status}", event.id, f"session.{status}",
        {"session": event.session, "reason": str(reason)},
    )  # fmt: skip


def _campaign(event: Event) -> Note | None:
    data, step = event.data, event.type.split(".", 1)[1]
    campaign, reason = str(data.get("campaign_id")), str(data.get("reason") or "")
    sent, total, failed = (int(data.get(name) or 0) for name in ("sent", "total", "failed"))
    counts = f"{sent} of {total} sent, {failed} failed."
    params: dict[str, str | int] = {"sent": sent, "total": total, "failed": failed, "reason": reason}
    link, words = "/campaigns", f"{reason} {counts}".strip()
    if step == "completed":
        return Note(
            "campaign", "success", "A campaign has finished", counts, "campaign", link, None, event.id,
            "campaign.completed", params,
        )  # fmt: skip
    if step == "failed":
        return Note(
            "campaign", "error", "A campaign has failed", words, "campaign", link, None, event.id, "campaign.failed",
            params,
        )  # fmt: skip
    if data.get("status") != "held" and not reason:
        return None  # paused by a person, who knows
    budget = "budget" in reason.lower()
    title = "A campaign was paused by its error budget" if budget else "A campaign is held"
    return Note(
        "campaign", "warning", title, words, "campaign", link, f"campaign:{campaign}:held", event.id,
        "campaign.budget" if budget else "campaign.held", params,
    )  # fmt: skip


def _webhook(event: Event) -> Note | None:
    data = event.data
    if event.type == "webhook.disabled":
        return Note(
            "webhook", "error", "A webhook was switched off", f"{data['host']}: {data['reason']}", "webhook",
            "/webhooks", None, event.id, "webhook.disabled", {"host": data["host"], "reason": data["reason"]},
        )  # fmt: skip
    if data.get("status") != "dead":
        return None
    return Note(
        "webhook", "warning", "Webhook deliveries were given up", "They can be replayed from the webhook's log.",
        "webhook", "/webhooks", f"dead:{data['webhook_id']}", event.id, "webhook.dead",
    )  # fmt: skip


def _reader(event: Event) -> Note | None:
    data = event.data
    return Note(
        "reader", "warning", "An event was set aside", f"{data['reader']} could not handle {data['event_type']}.",
        "report", "/", f"aside:{data['reader']}", event.id, "reader",
        {"reader": data["reader"], "event": data["event_type"]},
    )  # fmt: skip


def _smartbot(event: Event) -> Note | None:
    if event.type == "smartbot.handoff":
        return Note(
            "handoff", "info", "A customer waits for a person", f"Session {event.session}.", "support_agent",
            "/messages", f"handoff:{event.session}", event.id, "handoff", {"session": event.session},
        )  # fmt: skip
    count = int(event.data.get("count") or 0)
    return Note(
        "suggestion", "info", "Suggestions are ready for review", f"{count} wait.", "lightbulb", "/suggestions",
        "suggestions", event.id, "suggestions", {"count": count},
    )  # fmt: skip
