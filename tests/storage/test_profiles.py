"""Profiles on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio

from waqtor.contracts.profile import Profile, UpdateProfile
from waqtor.storage.profiles import SqlProfiles
from waqtor.storage.store import SqlStore


async def test_a_profile_is_kept_per_person(store: SqlStore) -> None:
    profiles = SqlProfiles(store)
    assert await profiles.get("owner") == Profile()
    changed = await profiles.update("owner", UpdateProfile(name="نورة 🌙", brand="text", seen=("rules",)))
    assert changed == await profiles.get("owner") == Profile(name="نورة 🌙", brand="text", seen=("rules",))
    assert await profiles.get("other") == Profile()
    assert (await profiles.update("owner", UpdateProfile(name="", gravatar=True))).brand == "text"
    assert (await profiles.get("owner")).name == ""


async def test_changes_at_once_both_last(store: SqlStore) -> None:
    profiles = SqlProfiles(store)
    changes = (UpdateProfile(name="A"), UpdateProfile(language="ar"), UpdateProfile(sidebar="closed"))
    await asyncio.gather(*(profiles.update("owner", change) for change in changes))
    assert await profiles.get("owner") == Profile(name="A", language="ar", sidebar="closed")


async def test_what_a_newer_version_wrote_is_passed_over(store: SqlStore) -> None:
    value = '{"name": "A", "mood": "good"}'
    await store.write(lambda tx: tx.many("INSERT INTO meta (name, value) VALUES (?, ?)", [("profile:owner", value)]))
    assert await SqlProfiles(store).get("owner") == Profile(name="A")
