"""The reading side of the traffic log: queries on threads of their own, at most two at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from waqtor.contracts.views import QueryResult
from waqtor.errors import Unavailable
from waqtor.storage.duck_file import DuckFile
from waqtor.storage.duck_query import Params, Query

_AT_ONCE = 2
"""Queries that run at once; DuckDB uses one thread for each, so that the engine keeps its share of the machine."""


class LogReads:
    """Queries on an open file.

    Args:
        file: The log.
        timeout: Longest query, seconds.
        max_rows: Most rows of a result.
    """

    def __init__(self, file: DuckFile, timeout: float, max_rows: int) -> None:
        self._file = file
        self._timeout = timeout
        self._max_rows = max_rows
        self._reason = "The traffic log was not opened yet."
        self._readers = ThreadPoolExecutor(_AT_ONCE, "traffic-query")
        self._queries: set[Query] = set()
        self._free = asyncio.Event()
        self._free.set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def end_queries(self) -> None:
        """Interrupt what runs, refuse what comes, and wait for the threads."""
        for query in tuple(self._queries):
            query.cancel()
        self._readers.shutdown(wait=True)

    async def query(
        self,
        sql: str,
        params: Params | None = None,
        *,
        texts: bool = False,
        session: str | None = None,
        timeout: float | None = None,
        max_rows: int | None = None,
    ) -> QueryResult:
        """Run one SELECT over the views; values are JSON-ready.

        Args:
            sql: The statement.
            params: For ``?`` (a sequence) or ``$name`` (a mapping).
            texts: Whether texts and addresses are shown (scope ``analytics:texts``); otherwise they are null.
            session: Only rows of this session.
            timeout: Seconds, at most the setting.
            max_rows: At most the setting; ``truncated`` tells whether there were more.

        Raises:
            QueryRefused: Not one read-only SELECT over the views.
            InvalidInput: It failed (unknown column, wrong types, …).
            Timeout: It took too long.
            TooLarge: The statement, its memory or its result is too large.
            Unavailable: The file cannot be used now.
        """
        query = await self._query(sql, params, texts, session, timeout, max_rows)
        found: QueryResult = await self._answer(query, query.rows)
        return found

    async def query_arrow(
        self,
        sql: str,
        params: Params | None = None,
        *,
        texts: bool = False,
        session: str | None = None,
        timeout: float | None = None,
        max_rows: int | None = None,
    ) -> Any:
        """As :meth:`query`, but a ``pyarrow.Table``; its metadata ``truncated`` is ``0`` or ``1``."""
        query = await self._query(sql, params, texts, session, timeout, max_rows)
        return await self._answer(query, query.arrow)

    async def _alone(self) -> None:
        """Keep new queries waiting, end those that run and wait for them: the file is about to be replaced."""
        self._free.clear()
        for query in tuple(self._queries):
            query.cancel()
        await self._quiet.wait()

    async def _query(
        self,
        sql: str,
        params: Params | None,
        texts: bool,
        session: str | None,
        timeout: float | None,
        max_rows: int | None,
    ) -> Query:
        if not self._free.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._free.wait(), self._timeout)
        if not self._file.is_open:
            raise Unavailable(self._reason or "The traffic log is not open.")
        return Query(
            sql=sql,
            params=() if params is None else params,
            texts=texts,
            session=session,
            timeout=self._timeout if timeout is None else max(0.001, min(timeout, self._timeout)),
            max_rows=self._max_rows if max_rows is None else max(0, min(max_rows, self._max_rows)),
        )

    async def _answer(self, query: Query, run: Callable[[Callable[[], Any]], Any]) -> Any:
        self._queries.add(query)
        self._quiet.clear()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run, self._file.cursor)
        except RuntimeError as error:
            raise Unavailable("The traffic log is stopping.") from error
        except asyncio.CancelledError:
            query.cancel()
            raise
        finally:
            self._queries.discard(query)
            if not self._queries:
                self._quiet.set()
