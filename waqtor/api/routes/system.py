"""Health, metrics and the document of the API itself."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

import waqtor
from waqtor.analytics.history import Span
from waqtor.api.answers import answer
from waqtor.api.deps import engine_of
from waqtor.api.measures import measures
from waqtor.api.routing import LOCAL, OPEN, Routes
from waqtor.api.shapes import Live, MetricQuery, Ready
from waqtor.contracts.views import MetricHistory
from waqtor.errors import Unavailable

routes = Routes("system", prefix="")
versioned = Routes("system")

_TEXT = {"responses": {"200": {"content": {"text/plain": {"schema": {"type": "string"}}}}}}


@routes.add("GET", "/healthz", OPEN, Live)
async def healthz(request: Request) -> Response:
    """Whether the process answers at all."""
    uptime = round(time.time() - engine_of(request).telemetry.started, 1)
    return answer(request, Live(version=waqtor.__version__, uptime=uptime))


@routes.add("GET", "/readyz", OPEN, Ready, errors=(503,))
async def readyz(request: Request) -> Response:
    """Whether the engine can work; 503 with `details.reasons` when it cannot."""
    reasons = engine_of(request).ready()
    if reasons:
        raise Unavailable(f"Not ready: {'; '.join(reasons)}", reasons=list(reasons))
    return answer(request, Ready(warnings=tuple(engine_of(request).warnings())))


@routes.add("GET", "/metrics", LOCAL, None, extra=_TEXT)
async def prometheus(request: Request) -> Response:
    """All metrics in the Prometheus text format."""
    telemetry = engine_of(request).telemetry
    return Response(telemetry.text(), headers={"content-type": telemetry.content_type})


@versioned.add("GET", "/metrics", LOCAL, dict[str, Any])
async def metrics(request: Request) -> Response:
    """Connections, topics, buffers, security counters and the state of the engine as JSON."""
    return answer(request, await measures(engine_of(request)))


@versioned.add("GET", "/metrics/history", LOCAL, MetricHistory, errors=(504,))
async def metrics_history(request: Request, query: Annotated[MetricQuery, Query()]) -> Response:
    """The metrics over time, from the snapshots in the traffic log.

    Counters are given as increases per second that are right over restarts.
    """
    engine = engine_of(request)
    span = Span.of(query.since, query.until, query.step, engine.clock.now_us(), engine.settings.metrics_interval_s)
    starts = await engine.log.query(*span.starts())
    found = await engine.log.query(*span.rows(query.name, query.session))
    # Tens of thousands of rows are laid out: that must not hold up the event loop.
    return await asyncio.to_thread(lambda: answer(request, span.history(found, starts)))


@versioned.add("GET", "/ws-monitor", LOCAL, dict[str, Any])
async def socket_monitor(request: Request) -> Response:
    """Each WebSocket client with its address, age, backlog and subscriptions."""
    return answer(request, engine_of(request).hub.monitor())


@routes.add("GET", "/openapi.json", OPEN, None, hidden=True)
async def openapi(request: Request) -> Response:
    """This document."""
    return Response(request.app.state.document(), media_type="application/json")


@routes.add("GET", "/docs", OPEN, None, hidden=True)
async def docs(request: Request) -> Response:
    """The document as a page; it loads nothing from elsewhere."""
    page, policy = _page("docs.html")
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": policy})


@routes.add("GET", "/ws-monitor.html", OPEN, None, hidden=True)
async def socket_monitor_page(request: Request) -> Response:
    """The WebSocket monitor as a page: it holds no data, loads nothing from elsewhere, and asks every 2 s."""
    page, policy = _page("ws_monitor.html")
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": policy})


@lru_cache(maxsize=2)
def _page(name: str) -> tuple[bytes, str]:
    page = files("waqtor.api").joinpath(name).read_bytes()
    hashes = {}
    for tag in (b"script", b"style"):
        inner = page.split(b"<" + tag + b">", 1)[1].split(b"</" + tag + b">", 1)[0]
        hashes[tag] = f"'sha256-{b64encode(sha256(inner).digest()).decode()}'"
    policy = (
        f"default-src 'none'; connect-src 'self'; script-src {hashes[b'script']}; style-src {hashes[b'style']}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy
