"""The metrics as one JSON object (protocol 33): the hub's part, the security counters, and the engine's numbers."""

from __future__ import annotations

from typing import Any

from waqtor.api.ports import EngineLike

_SECURITY = {
    "unauthorized_attempts": "unauthorized",
    "rate_limit_violations": "rate",
    "invalid_origins": "origin",
    "expired_handshakes": "expired",
    "invalid_signatures": "signature",
    "oversized_messages": "oversized",
}
"""Name here → label of the counter ``waqtor_security``."""


async def measures(engine: EngineLike) -> dict[str, Any]:
    """All that protocol 33 names, plus ``engine``: counts of messages and events, the parts, all samples."""
    values = engine.telemetry.values()
    return {
        **engine.hub.metrics(),
        "security": {
            name: int(values.get(f"waqtor_security_total{{reason={label}}}", 0)) for name, label in _SECURITY.items()
        },
        "engine": {
            "counts": await engine.archive.counts(),
            "health": engine.health(),
            "values": {name: value for name, value in values.items() if not name.startswith("waqtor_http_")},
        },
    }
