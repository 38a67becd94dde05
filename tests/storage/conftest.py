"""What the storage tests share."""

from __future__ import annotations

import pytest

from waqtor.storage.ledger import SqlLedger
from waqtor.storage.store import SqlStore


@pytest.fixture
def ledger(store: SqlStore) -> SqlLedger:
    """The ledger of an open store, on SQLite and on PostgreSQL."""
    return SqlLedger(store)
