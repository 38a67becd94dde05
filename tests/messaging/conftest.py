"""An open store for the messaging tests: SQLite is enough here, the storage tests cover both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import Database
from waqtor.storage.ledger import SqlLedger


@pytest_asyncio.fixture
async def ledger(sqlite: Database) -> AsyncIterator[SqlLedger]:
    async with sqlite.opened() as store:
        yield SqlLedger(store)
