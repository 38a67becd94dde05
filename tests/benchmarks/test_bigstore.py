from __future__ import annotations

import duckdb

from waqtor.benchmarks.bigstore import prepare
from waqtor.contracts.views import HistoryFilter
from waqtor.settings import Settings
from waqtor.storage.archive import SqlArchive
from waqtor.storage.store import SqlStore


async def test_a_folder_of_many_messages_is_one_that_pages_can_read(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path / "big", encoder="hashing")
    await prepare(settings, 700)
    with duckdb.connect(str(settings.duckdb_file), read_only=True) as log:
        ((rows, ids, late),) = log.execute(
            "SELECT count(*), count(DISTINCT message_id), count(*) FILTER (created > now()) FROM messages"
        ).fetchall()
        ((position,),) = log.execute("SELECT journal_offset FROM meta.readers").fetchall()
    assert (rows, ids, late, position) == (700, 700, 0, 0)
    store = SqlStore.at("", settings.sqlite_path)
    await store.open()
    try:
        archive = SqlArchive(store)
        page, cursor = await archive.history_page(HistoryFilter(decision="silent"), limit=10)
        assert len(page) == 10
        assert cursor is not None
        assert page[0].trigger
        assert len(await archive.messages(limit=50)) == 50
        assert len(await archive.chats(limit=50)) == 50
    finally:
        await store.close()
