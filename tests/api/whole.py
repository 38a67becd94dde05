"""The whole application around a real hub, on a real uvicorn."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx

from tests.api.fakes import FakeEngine
from tests.realtime.fakes import KEY, SECRET, Bench
from tests.realtime.server import LiveServer
from waqtor.api import ws
from waqtor.api.app import create_app
from waqtor.api.protocol import strict_http
from waqtor.kernel.access import Principal
from waqtor.settings import Settings
from waqtor.signing import handshake_signature

GOOD = {"X-API-Key": KEY}


class Whole(LiveServer):
    """The whole application around a real hub, served as ``waqtor serve`` does it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(Bench(**settings))
        engine = FakeEngine(**settings)
        engine.hub, engine.telemetry = self.bench.hub, self.bench.telemetry
        engine.keys, engine.clock = self.bench.keys, self.bench.clock
        self.app = create_app(engine, manage_engine=False)

    def options(self, settings: Settings) -> dict[str, Any]:
        """What ``waqtor.api.serve`` adds to the WebSocket's own options."""
        return {
            "http": strict_http(self.bench.hub.refused, self.app.state.door.wait),
            "proxy_headers": bool(settings.trusted_proxies),
            "forwarded_allow_ips": list(settings.trusted_proxies),
            **ws.uvicorn_options(settings),
        }

    async def counted(self, reason: str) -> tuple[int, int]:
        """A counter as ``/api/ws-monitor`` and as ``/metrics`` tell it."""
        transport = httpx.ASGITransport(self.app, client=("10.0.0.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=GOOD) as http:
            told = (await http.get("/api/ws-monitor")).json()["security"][reason]
            lines = (await http.get("/metrics")).text
        found = re.search(rf'waqtor_security_total{{reason="{reason}"}} (\d+)', lines)
        return told, int(found[1]) if found else 0

    def signed(self, *, shift_ms: int = 0, address: str = "127.0.0.1", secret: str = SECRET) -> str:
        ts = int(time.time() * 1000) + shift_ms
        return f"/ws?apiKey={KEY}&ts={ts}&sig={handshake_signature(secret, KEY, ts, address)}"

    def ticket(self) -> str:
        issued = self.app.state.tickets.issue(Principal("id", "page", frozenset({"messages:read"})))
        return f"/ws?ticket={issued.value}"
