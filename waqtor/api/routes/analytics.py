"""SQL over the traffic log, and the queries that people keep."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from waqtor.api.answers import answer
from waqtor.api.arrow import ARROW, PARQUET, parquet_of, pieces_of, stream_of
from waqtor.api.deps import caller_of, engine_of
from waqtor.api.routing import Routes
from waqtor.api.shapes import AnalyticsBody, Deleted
from waqtor.contracts.queries import QueryList, SavedQuery, SaveQuery
from waqtor.contracts.sheets import as_csv
from waqtor.contracts.views import QueryResult

routes = Routes("analytics")
_SCOPE = "analytics:read"
_TABLES = {"arrow": (ARROW, stream_of), "parquet": (PARQUET, parquet_of)}

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORMATS = {
    "responses": {"200": {"content": {ARROW: _BINARY, PARQUET: _BINARY, "text/csv": {"schema": {"type": "string"}}}}},
    "requestBody": {"content": {"application/json": {"example": {"sql": "SELECT count(*) AS n FROM messages"}}}},
}

_SAVED = {
    "requestBody": {
        "content": {"application/json": {"example": {"name": "Messages", "sql": "SELECT count(*) AS n FROM messages"}}}
    }
}


@routes.add("POST", "/analytics/query", _SCOPE, QueryResult, errors=(504,), extra=_FORMATS)
async def query_analytics(request: Request, body: AnalyticsBody) -> Response:
    """Run one read-only SELECT.

    `format` is `json`, `arrow`, `csv` or `parquet`; Arrow also comes with an `Accept` of its media type. Texts and
    addresses are shown to keys with the scope `analytics:texts`, and are null for others. Of a result that was cut,
    the header `X-Waqtor-Truncated` is 1.
    """
    log, texts, params = engine_of(request).log, caller_of(request).may("analytics:texts"), body.params or ()
    form = body.format or ("arrow" if ARROW in request.headers.get("accept", "") else "json")
    if form in _TABLES:
        media, made = _TABLES[form]
        table = await log.query_arrow(body.sql, params, texts=texts, session=body.session)
        stream = await asyncio.to_thread(made, table)
        cut = (table.schema.metadata or {}).get(b"truncated", b"0").decode()
        return StreamingResponse(pieces_of(stream), media_type=media, headers={"X-Waqtor-Truncated": cut})
    result = await log.query(body.sql, params, texts=texts, session=body.session)
    if form == "csv":
        sheet = await asyncio.to_thread(as_csv, result.columns, result.rows)
        headers = {"X-Waqtor-Truncated": str(int(result.truncated))}
        return Response(sheet, media_type="text/csv; charset=utf-8", headers=headers)
    # A result may hold a hundred thousand rows: spelling them out must not hold up the event loop.
    return await asyncio.to_thread(answer, request, result)


@routes.add("GET", "/analytics/queries", _SCOPE, QueryList)
async def list_queries(request: Request) -> Response:
    """Saved queries by name, then those that are part of WaQtor."""
    return answer(request, QueryList(queries=tuple(await engine_of(request).queries.list())))


@routes.add("POST", "/analytics/queries", _SCOPE, SavedQuery, status=201, errors=(409,), extra=_SAVED)
async def create_query(request: Request, body: SaveQuery) -> Response:
    """Keep a query; 409 when the name is taken."""
    return answer(request, await engine_of(request).queries.create(body), status=201)


@routes.add("GET", "/analytics/queries/{query_id}", _SCOPE, SavedQuery, errors=(404,))
async def get_query(request: Request, query_id: str) -> Response:
    """One saved query."""
    return answer(request, await engine_of(request).queries.get(query_id))


@routes.add("PUT", "/analytics/queries/{query_id}", _SCOPE, SavedQuery, errors=(404, 409), extra=_SAVED)
async def replace_query(request: Request, query_id: str, body: SaveQuery) -> Response:
    """Change a saved query: its name, its text, what it is for."""
    return answer(request, await engine_of(request).queries.replace(query_id, body))


@routes.add("DELETE", "/analytics/queries/{query_id}", _SCOPE, Deleted, errors=(404, 409))
async def delete_query(request: Request, query_id: str) -> Response:
    """Forget a saved query."""
    await engine_of(request).queries.delete(query_id)
    return answer(request, Deleted(id=query_id))
