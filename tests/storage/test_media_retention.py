from __future__ import annotations

import os
import time

import pytest

from tests.messaging.media_samples import PDF, PNG
from tests.storage.test_media import files, parts
from waqtor.kernel.clock import FakeClock
from waqtor.messaging.ports import DIRECT, Draft
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.media import MediaStore
from waqtor.storage.media_retention import MediaRetention

DAY = 86_400_000_000


@pytest.fixture
def media(store, tmp_path):
    return MediaStore(store, tmp_path / "media")


def retention(store, media, tmp_path, *, days: float, later: float, upload_hours: float = 24):
    """A retention whose clock is ``later`` days on."""
    clock = FakeClock(store.clock.now_us() + round(later * DAY))
    return MediaRetention(store, media, tmp_path / "uploads", clock, days=days, upload_hours=upload_hours)


async def test_old_files_go_and_young_ones_stay(store, media, tmp_path):
    made = await media.keep(parts(PNG), filename="a.png")
    assert await retention(store, media, tmp_path, days=30, later=29).trim() == 0
    assert (await media.get(made.media_id)) == made
    assert await retention(store, media, tmp_path, days=0, later=9999).trim() == 0
    assert await retention(store, media, tmp_path, days=30, later=31).trim() == 1
    assert files(tmp_path / "media") == []


async def test_an_upload_that_is_repeated_counts_anew(store, media, tmp_path):
    made = await media.keep(parts(PNG), filename="a.png")
    long_ago = store.clock.now_us() - 40 * DAY
    await store.write(lambda tx: tx.many("UPDATE media SET used = ?", [(long_ago,)]))
    again = await media.keep(parts(PNG), filename="a.png")
    assert again == made
    assert await retention(store, media, tmp_path, days=30, later=1).trim() == 0


async def test_what_is_to_be_sent_keeps_its_file(store, media, tmp_path):
    queued, planned, over = [await media.keep(parts(PDF), filename=f"{name}.pdf") for name in "abc"]
    content = {"type": "document", "media_id": queued.media_id, "mime_type": "application/pdf"}
    draft = Draft(session="s", key="k", to="966501234567", content=content, priority=DIRECT, cause="api")
    row = await SqlLedger(store).enqueue(draft)
    campaign = (
        "INSERT INTO campaigns (id, name, session, status, halted, consent, audience_id, spec, total, planned, fed, "
        "counts, created, updated) VALUES (?, 'n', 's', ?, 0, 0, 'a', ?, 1, 0, 0, '{}', 1, 1)"
    )
    specs = [
        (f"{status}", status, f'{{"content": {{"media_id": "{one.media_id}"}}}}')
        for status, one in (("draft", planned), ("completed", over))
    ]
    await store.write(lambda tx: tx.many(campaign, specs))
    assert await retention(store, media, tmp_path, days=1, later=2).trim() == 1
    await media.get(queued.media_id)
    await media.get(planned.media_id)
    end = "UPDATE messages SET state = 'sent', open = NULL WHERE message_id = ?"
    await store.write(lambda tx: tx.many(end, [(row.message_id,)]))
    assert await retention(store, media, tmp_path, days=1, later=2).trim() == 1
    assert len(files(tmp_path / "media")) == 1


async def test_lists_that_nobody_imported_go(store, media, tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    for name, age in (("old.upload", 30), ("young.upload", 1), ("old.txt", 30)):
        (folder / name).write_bytes(b"phone\n0501234567\n")
        at = time.time() - age * 3600
        os.utime(folder / name, (at, at))
    await retention(store, media, tmp_path, days=30, later=0).trim()
    assert sorted(path.name for path in folder.iterdir()) == ["old.txt", "young.upload"]


async def test_it_runs_soon_and_then_every_hour(store, media, tmp_path):
    import asyncio

    clock = FakeClock(store.clock.now_us() + 40 * DAY)
    job = MediaRetention(store, media, tmp_path / "uploads", clock, days=30, upload_hours=24)
    task = asyncio.create_task(job.run())
    try:
        for name, wait in (("a.png", 60), ("b.png", 3600)):
            made = await media.keep(parts(PNG), filename=name)
            async with asyncio.timeout(20):
                while await store.rows("SELECT 1 FROM media WHERE id = ?", (made.media_id,)):
                    await clock.advance(wait)
                    await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
