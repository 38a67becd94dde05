"""Lists of recipients in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from waqtor.campaigns.ports import Member
from waqtor.contracts.campaigns import AudienceIssue, AudienceView
from waqtor.contracts.ids import new_ulid
from waqtor.errors import NotFound
from waqtor.storage.audiences import SqlAudiences
from waqtor.storage.store import SqlStore


async def begun(audiences: SqlAudiences, store: SqlStore) -> AudienceView:
    made = AudienceView(id=new_ulid(), name="L", source="file", state="importing", created="", updated="")
    assert await audiences.begin(made, store.clock.now_us())
    return made


async def test_parts_become_a_list_with_its_issues(store: SqlStore):
    audiences = SqlAudiences(store)
    made = await begun(audiences, store)
    members = [Member(place, f"9665{place:08d}", {"name": f"نورة {place}", "quote": '"\\'}) for place in range(2500)]
    issue = AudienceIssue(line=3, kind="bad", value="12", message="no such number")
    await audiences.add(made.id, members[:2000], [(0, issue)], 2001, 4000)
    halfway = await audiences.get(made.id)
    assert (halfway.state, halfway.total, halfway.rows, halfway.expected) == ("importing", 2000, 2001, 4000)
    await audiences.add(made.id, members[2000:], [], 2501)
    await audiences.add(made.id, [], [], 2501)
    await audiences.finish(made.model_copy(update={"state": "ready", "total": 2500}), tags=("vip",), consent="list")
    assert await audiences.members(made.id, 0, 5000) == members
    assert await audiences.issues(made.id, 0, 10) == [issue]
    assert len(await audiences.tagged(("vip",), "", 5000)) == 2500
    await audiences.delete(made.id)
    with pytest.raises(NotFound):
        await audiences.get(made.id)


async def test_what_failed_has_no_members(store: SqlStore):
    audiences = SqlAudiences(store)
    made = await begun(audiences, store)
    await audiences.add(made.id, [Member(n, f"9665{n:08d}", {}) for n in range(1500)], [], 1500)
    await audiences.finish(made.model_copy(update={"state": "failed", "reason": "why"}), tags=(), consent="")
    assert await audiences.members(made.id, 0, 10) == []
    assert (await audiences.get(made.id)).reason == "why"
