"""What a closed or refused socket means: try again, wait, or give up (docs/protocol.md, close codes)."""

from __future__ import annotations

from dataclasses import dataclass

from websockets.exceptions import InvalidHandshake, InvalidStatus

from waqtor.contracts.wire import RECONNECT_CODES, Close
from waqtor.errors import Forbidden, NotFound, Unauthorized, WaqtorError

RATE_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended.

    Attributes:
        code: The close code, an HTTP status, or ``None`` when there was no answer.
        reason: In the server's words.
        wait: Least seconds before the next attempt.
        done: Closed on purpose: no next attempt, and no error.
        error: Refused for good.
    """

    code: int | None
    reason: str = ""
    wait: float = 0.0
    done: bool = False
    error: WaqtorError | None = None


def ending_of(code: int | None, reason: str | None) -> Ending:
    """Read a close frame; no frame at all counts as 1006."""
    code, reason = (1006 if code in (None, 1005) else code), reason or ""
    assert code is not None
    if code in RECONNECT_CODES or 3000 <= code <= 3499 or 4000 <= code <= 4499:
        return Ending(code, reason)
    if code == Close.NORMAL:
        return Ending(code, reason, done=True)
    if code == Close.POLICY and "rate" in reason.lower():
        return Ending(code, reason, wait=RATE_PAUSE_S)
    if code == Close.POLICY:
        return Ending(code, reason, error=Unauthorized(reason or "The server ended this key's connection.", close=code))
    return Ending(code, reason, error=WaqtorError(f"The server closed with {code}: {reason}", close=code))


def refusal_of(refused: InvalidHandshake) -> Ending:
    """Read a refused upgrade."""
    if not isinstance(refused, InvalidStatus):
        return Ending(None, type(refused).__name__)
    status = refused.response.status_code
    final: dict[int, WaqtorError] = {
        401: Unauthorized("The server does not accept this API key.", status=401),
        403: Forbidden("The server does not accept connections from this origin or address.", status=403),
        404: NotFound("There is no WaQtor WebSocket at this address.", status=404),
    }
    return Ending(status, f"HTTP {status}", wait=1.0, error=final.get(status))
