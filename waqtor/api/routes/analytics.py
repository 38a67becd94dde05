"""SQL over the traffic log."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from waqtor.api.answers import answer
from waqtor.api.arrow import ARROW, pieces_of, stream_of
from waqtor.api.deps import caller_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import AnalyticsBody
from waqtor.contracts.views import QueryResult

routes = Routes("analytics")

_ARROW = {
    "responses": {"200": {"content": {ARROW: {"schema": {"type": "string", "format": "binary"}}}}},
    "requestBody": {"content": {"application/json": {"example": {"sql": "SELECT count(*) AS n FROM messages"}}}},
}


@routes.add("POST", "/analytics/query", "analytics:read", QueryResult, errors=(504,), extra=_ARROW)
async def query_analytics(request: Request, body: AnalyticsBody) -> Response:
    """Run one read-only SELECT.

    Arrow instead of JSON comes with `format: arrow` or an `Accept` of its media type. Texts and addresses
    are shown to keys with the scope `analytics:texts`, and are null for others.
    """
    log, texts, params = engine_of(request).log, caller_of(request).may("analytics:texts"), body.params or ()
    if body.format == "arrow" or (body.format is None and ARROW in request.headers.get("accept", "")):
        table = await log.query_arrow(body.sql, params, texts=texts, session=body.session)
        stream = await asyncio.to_thread(stream_of, table)
        return StreamingResponse(pieces_of(stream), media_type=ARROW)
    result = await log.query(body.sql, params, texts=texts, session=body.session)
    # A result may hold a hundred thousand rows: spelling them out must not hold up the event loop.
    return await asyncio.to_thread(answer, request, result)
