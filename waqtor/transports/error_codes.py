"""What the WhatsApp Cloud API's error codes mean for a send: try again, hold the queue, or give up.

Codes and their descriptions follow Meta's list of Cloud API error codes (v23.0); the disposition is a judgement
from those descriptions. ``not_connected``, ``not_ready``, ``timeout`` and HTTP ``5xx`` are added for what happens
before Meta could answer with a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from waqtor.errors import SendRefused

Disposition = Literal["retry", "hold", "fail"]


@dataclass(frozen=True, slots=True)
class ProviderCode:
    """One code: ``retry`` may be sent again, ``hold`` stops the number's queue, ``fail`` ends this message."""

    code: str
    title: str
    disposition: Disposition


_RETRY = {
    "1": "An unknown error of the API",
    "2": "The API is temporarily unavailable",
    "4": "Too many calls of this app",
    "500": "Internal server error",
    "502": "Bad gateway",
    "503": "Service unavailable",
    "80007": "Rate limit of the business account reached",
    "130429": "Rate limit of the number reached",
    "131000": "Something went wrong",
    "131016": "Service temporarily unavailable",
    "131056": "Too many messages to this user in a short time",
    "131057": "The account is in maintenance mode",
    "135000": "Generic user error",
    "not_connected": "Not connected to WhatsApp",
    "not_ready": "The session is not logged in",
}
_HOLD = {
    "0": "Authentication failed",
    "10": "Permission not granted",
    "190": "The access token has expired",
    "368": "The account is temporarily blocked for policy violations",
    "130497": "The business may not message users of this country",
    "131031": "The account has been locked",
    "131042": "A payment problem of the business",
    "131048": "Spam rate limit reached",
    "131063": "Marketing messages are disabled for this number",
    "131064": "Limit reached because of template violations",
    "132015": "The template is paused",
    "132016": "The template is disabled",
}
_FAIL = {
    "100": "Invalid parameter",
    "130472": "The user is part of an experiment",
    "131008": "A required parameter is missing",
    "131009": "A parameter's value is not valid",
    "131021": "Sender and recipient are the same",
    "131026": "The message cannot be delivered: the number is not on WhatsApp or cannot receive it",
    "131030": "The recipient is not in the allowed list",
    "131047": "More than 24 hours have passed since the customer last wrote; use a template",
    "131049": "Not delivered to keep the ecosystem healthy",
    "131050": "The user has stopped marketing messages",
    "131051": "This type of message is not supported",
    "131052": "The media could not be downloaded",
    "131053": "The media could not be uploaded",
    "132000": "The number of template parameters does not match",
    "132001": "The template does not exist in this language",
    "132005": "The template's text is too long",
    "132007": "The template violates a policy",
    "132008": "The template's parameter does not match",
    "132012": "The template parameter's format does not match",
}

_TABLES: tuple[tuple[Disposition, dict[str, str]], ...] = (("retry", _RETRY), ("hold", _HOLD), ("fail", _FAIL))
CODES: dict[str, ProviderCode] = {
    code: ProviderCode(code, title, disposition) for disposition, table in _TABLES for code, title in table.items()
}
"""Code → meaning."""


def meaning(code: str) -> ProviderCode:
    """What ``code`` means; unknown 5xx are retried, any other unknown code ends the message."""
    known = CODES.get(code)
    if known is not None:
        return known
    if len(code) == 3 and code.startswith("5") and code.isdigit():
        return ProviderCode(code, f"HTTP {code}", "retry")
    return ProviderCode(code, "Refused by WhatsApp", "fail")


def refusal(code: str, reason: str = "", retry_after: float | None = None) -> SendRefused:
    """The error to raise for a refusal with ``code``; ``retry_after`` in seconds."""
    known = meaning(code)
    return SendRefused(
        reason or known.title,
        error_code=code,
        retryable=known.disposition == "retry",
        retry_after=retry_after,
        hold=known.disposition == "hold",
    )
