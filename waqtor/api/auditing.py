"""Writing sensitive requests into the audit log: who, what, to what; never a text, and contacts as pseudonyms."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.deps import asked_by, engine_of

_CHATS = ("chat_id", "contact")
ACTIONS = {
    "create_key": "key.created", "revoke_key": "key.revoked",
    "create_rule": "rule.created", "update_rule": "rule.updated", "delete_rule": "rule.deleted",
    "save_rule_file": "rules.saved", "accept_suggestion": "suggestion.accepted",
    "create_webhook": "webhook.created", "update_webhook": "webhook.updated", "delete_webhook": "webhook.deleted",
    "rotate_webhook": "webhook.rotated", "replay_webhook": "webhook.replayed",
    "execute_campaign": "campaign.executed", "pause_campaign": "campaign.paused",
    "resume_campaign": "campaign.resumed", "cancel_campaign": "campaign.cancelled",
    "retry_failed_campaign": "campaign.retried",
    "create_audience": "audience.created", "delete_audience": "audience.deleted",
    "pause_chat": "chat.paused", "resume_chat": "chat.resumed", "resolve_message": "message.resolved",
    "delete_media": "media.deleted", "logout": "session.logged-out", "restart": "session.restarted",
    "update_profile": "settings.changed",
}  # fmt: skip
"""Endpoints whose use goes into the log, by name. What privacy itself does is written in the commit that does it."""


async def write_down(request: Request, action: str, response: Response) -> None:
    """Add the entry of a request that was carried out."""
    await engine_of(request).privacy.audit.record(action, _subject(request, response), asked_by(request))


def _subject(request: Request, response: Response) -> str:
    """What it was done to: the id in the path, else the id of what was made."""
    given: dict[str, Any] = request.path_params
    if request.url.path.endswith("/profile"):
        return "owner"  # the answer names a person
    for name in _CHATS:
        if name in given:
            return engine_of(request).privacy.pseudonym(str(given[name]))
    if given:
        return str(next(iter(given.values())))
    try:
        return _id_in(orjson.loads(response.body))
    except orjson.JSONDecodeError:
        return ""


def _id_in(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    for name in ("id", "campaign_id", "campaignId", "name", "session"):
        if isinstance(body.get(name), str):
            return str(body[name])
    return next((found for value in body.values() if isinstance(value, dict) and (found := _id_in(value))), "")
