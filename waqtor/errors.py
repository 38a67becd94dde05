"""The exception tree: every error that WaQtor raises on purpose, with a stable code.

::

    WaqtorError                     code            meaning
    ├── InvalidInput                invalid_input   the request is malformed; nothing changed
    │   ├── InvalidAddress          invalid_address not a phone number, chat or group id
    │   ├── RuleFileError           rules.invalid   a YAML rule file is wrong; carries file:line:column issues
    │   └── QueryRefused            query_refused   SQL that is not one read-only SELECT
    ├── NotFound                    not_found       no such message, rule, session, …
    ├── Conflict                    conflict        the state of the thing forbids it
    │   ├── IdempotencyConflict     idempotency_conflict  same key, another body
    │   └── RevisionConflict        revision_conflict     the thing changed underneath
    ├── Unauthorized                unauthorized    no, unknown, expired or revoked credentials
    ├── Forbidden                   forbidden       good credentials without the needed scope
    ├── RateLimited                 rate_limited    too fast; carries ``retry_after`` seconds
    ├── TooLarge                    too_large       body, frame or field over its limit
    ├── Unavailable                 unavailable     a part is down, not ready or stopping; try again
    │   ├── Timeout                 timeout         no answer in time
    │   └── StorageFailed           storage_failed  the disk or database refused; the engine stops
    ├── SendError                   send.*          what a transport says of one send
    │   ├── SendRefused             send.refused    proven not delivered; ``retryable`` says what next
    │   └── SendUncertain           send.uncertain  bytes left, no answer: it may have been delivered
    └── ConfigurationError          configuration   settings that cannot work

Features raise these; ``waqtor.api.errors`` alone maps codes to HTTP statuses.
"""

from __future__ import annotations

from typing import Any, ClassVar


class WaqtorError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        code: Stable machine-readable name, part of the public API.
        message: What went wrong and, where possible, what to do about it.
        details: JSON-serialisable facts (never message bodies or secrets).
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidInput(WaqtorError):
    """The request is malformed; nothing was changed."""

    code = "invalid_input"


class InvalidAddress(InvalidInput):
    """The text is not a phone number, chat id or group id."""

    code = "invalid_address"


class RuleFileError(InvalidInput):
    """A rule file is wrong; ``details['issues']`` lists ``file:line:column: message``."""

    code = "rules.invalid"


class QueryRefused(InvalidInput):
    """The SQL is not a single read-only SELECT over the allowed views."""

    code = "query_refused"


class NotFound(WaqtorError):
    """There is no such thing."""

    code = "not_found"


class Conflict(WaqtorError):
    """The present state forbids the request."""

    code = "conflict"


class IdempotencyConflict(Conflict):
    """An Idempotency-Key was used again with another body."""

    code = "idempotency_conflict"


class RevisionConflict(Conflict):
    """The thing changed since the caller read it (``If-Match`` failed)."""

    code = "revision_conflict"


class Unauthorized(WaqtorError):
    """Missing, unknown, expired or revoked credentials."""

    code = "unauthorized"


class Forbidden(WaqtorError):
    """The credentials are good but lack the needed scope."""

    code = "forbidden"


class RateLimited(WaqtorError):
    """Too many requests; ``details['retry_after']`` is in seconds."""

    code = "rate_limited"


class TooLarge(WaqtorError):
    """A body, frame or field is over its limit."""

    code = "too_large"


class Unavailable(WaqtorError):
    """A part is down, not ready or stopping; trying again later is right."""

    code = "unavailable"


class Timeout(Unavailable):
    """No answer came in time."""

    code = "timeout"


class StorageFailed(Unavailable):
    """The disk or the database refused a durable write; the engine stops."""

    code = "storage_failed"


class SendError(WaqtorError):
    """What a transport reports about one send."""

    code = "send.error"


class SendRefused(SendError):
    """The provider proved that nothing was delivered.

    Args:
        message: The provider's words.
        error_code: The provider's code, for example ``131047``.
        retryable: Whether the same send may be tried again later.
        retry_after: Seconds to wait before that, when the provider said so.
        hold: Whether it concerns the number and not this message: campaigns on it must stop.
    """

    code = "send.refused"

    def __init__(
        self,
        message: str,
        *,
        error_code: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
        hold: bool = False,
    ) -> None:
        super().__init__(message, error_code=error_code, retryable=retryable)
        self.hold = hold
        self.error_code = error_code
        self.retryable = retryable
        self.retry_after = retry_after


class SendUncertain(SendError):
    """Bytes left and no answer came: the message may or may not have been delivered."""

    code = "send.uncertain"


class ConfigurationError(WaqtorError):
    """Settings that cannot work; the engine does not start."""

    code = "configuration"
