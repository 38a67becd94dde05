"""What the engine gives as a reason, in the language of the visit; words of a provider stay what they are."""

from __future__ import annotations

import re
from typing import Final

from dashboard.ui.i18n import t

PATTERNS: Final[dict[str, str]] = {
    "gone": r"the endpoint answered 410 Gone",
    "failing": r"nothing but failures for (?P<days>[\d.]+) days",
    "unreachable": r"the simulator cannot be reached",
    "lost": r"the connection was lost",
    "replaced": r"another connection took over; restart the session to take it back",
    "missed": r"its start was missed by (?P<minutes>\d+) minutes; resume it to send now",
    "warm_up": r"warm-up: today's (?P<n>\d+) recipients are sent",
    "budget": r"(?P<failed>\d+) of the last (?P<seen>\d+) sends failed \(budget (?P<budget>[\d.]+%)\), "
    r"most often \((?P<times>\d+)\) with: (?P<worst>.*)",
}
"""The engine's own sentences, by the key of their label (``reason.…``)."""

_COMPILED = {key: re.compile(pattern, re.DOTALL) for key, pattern in PATTERNS.items()}


def said(reason: str) -> str:
    """A reason in the language of the visit; as it is where it is nobody's sentence of ours."""
    for key, pattern in _COMPILED.items():
        found = pattern.fullmatch(reason.strip())
        if found is not None:
            return t(f"reason.{key}", **found.groupdict())
    return reason
