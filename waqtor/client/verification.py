"""Checking a webhook that came in: who sent it, that nobody changed it, and that it is not an old one again."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from waqtor.errors import Unauthorized
from waqtor.signing import standard_key, standard_signature, webhook_hex


class WebhookRefused(Unauthorized):
    """The webhook is not from whom it says, was changed, or is too old: answer 401 and do nothing."""

    code = "webhook.refused"


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook that was checked.

    Attributes:
        id: The same for every attempt at this event; keep it to recognise repeats. Empty under the older scheme.
        event: Public name, for example ``message_received``.
        data: Fields of the event.
        timestamp: When the event happened, ISO-8601; empty for a body without one.
    """

    id: str
    event: str
    data: Any
    timestamp: str
    body: Any = None


def verify(
    secret: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    tolerance: float = 300.0,
    now: float | None = None,
) -> Received:
    """Check a webhook's signature and return what it says.

    Standard Webhooks headers are used when they are there (they also cover id and time); else
    ``X-Waqtor-Signature``, which covers the body alone. During a rotation give both secrets.

    Args:
        secret: The webhook's secret, or several of them.
        headers: Of the request, in any letter case.
        body: The raw body, exactly as received.
        tolerance: Seconds that the time of the attempt may lie in the past or future.
        now: Seconds since 1970, for tests.

    Raises:
        WebhookRefused: A header is missing, the time is off, or no signature fits.
        ValueError: The secret is no secret.
    """
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    if not secrets:
        raise ValueError("A webhook secret must not be empty.")
    keys = [standard_key(text) for text in secrets]
    raw = body.encode() if isinstance(body, str) else body
    given = {str(name).lower(): str(value) for name, value in headers.items()}
    delivery_id = ""
    if any(name.startswith("webhook-") for name in given) or "x-waqtor-signature" not in given:
        delivery_id = _standard(keys, given, raw, tolerance, time.time() if now is None else now)
    else:
        _older(secrets, given, raw)
    return _read(delivery_id, raw)


def _standard(keys: Sequence[bytes], given: Mapping[str, str], raw: bytes, tolerance: float, now: float) -> str:
    found = [given.get(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")]
    if not all(found):
        raise WebhookRefused("A webhook- header is missing.")
    delivery_id, stamp, signatures = (str(text) for text in found)
    if not (stamp.isascii() and stamp.isdigit()):
        raise WebhookRefused("The webhook-timestamp is not a time.")
    if abs(now - int(stamp)) > tolerance:
        raise WebhookRefused("The webhook's time is off: too old, too new, or this machine's clock is wrong.")
    wanted = [standard_signature(key, delivery_id, int(stamp), raw).encode() for key in keys]
    for signature in signatures.split(" "):
        entry = signature.encode("utf-8", "replace")
        if any(hmac.compare_digest(entry, good) for good in wanted):
            return delivery_id
    raise WebhookRefused("No signature fits.")


def _older(secrets: Sequence[str], given: Mapping[str, str], raw: bytes) -> None:
    wanted = ["sha256=" + webhook_hex(secret, raw) for secret in secrets]
    for name in ("x-waqtor-signature", "x-waqtor-signature-previous"):
        entry = given.get(name, "").encode("utf-8", "replace")
        if any(hmac.compare_digest(entry, good.encode()) for good in wanted):
            return
    raise WebhookRefused("No signature fits.")


def _read(delivery_id: str, raw: bytes) -> Received:
    if not raw:
        return Received(delivery_id, "", None, "")
    try:
        value = json.loads(raw)
    except ValueError:
        raise WebhookRefused("The signature fits, but the body is not JSON.") from None
    fields = value if isinstance(value, dict) else {}
    return Received(
        delivery_id, str(fields.get("event", "")), fields.get("data"), str(fields.get("timestamp", "")), value
    )
